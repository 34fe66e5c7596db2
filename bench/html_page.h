#pragma once

#include <string_view>

namespace karst::bench {

// The page of a report but for its data: a JSON object belongs between the two, as the value that
// the page's script draws. Nothing in it is loaded from elsewhere.
extern std::string_view const html_before_data;
extern std::string_view const html_after_data;

}  // namespace karst::bench
