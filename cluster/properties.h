#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "reactor/base/expected.h"

namespace karst::cluster {

struct property {
  std::string name;
  std::string value;
  std::size_t line = 0;  // where it begins, from 1
};

// Reads the text of a .properties file as java.util.Properties.load does: comments with # and !,
// names ended by '=', ':' or blanks, lines continued by a backslash, \t \n \r \f \uXXXX, any other
// escaped character for itself. Bytes above 127 are kept as they are (UTF-8). A name that occurs
// twice is listed twice. `name` is the file's, for the error's text: the only errors are a
// malformed \u and a NUL byte.
expected<std::vector<property>, error> parse_properties(std::string_view text,
                                                        std::string_view name);

}  // namespace karst::cluster
