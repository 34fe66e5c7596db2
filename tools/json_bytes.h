#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "tools/record_input.h"

namespace karst::tools {

// Puts bytes of a record into a JSON object: text under `name`, what is no UTF-8 as base64 under
// NAME_base64, and nothing at all as null.
inline void put_bytes(nlohmann::json& object, std::string const& name,
                      std::optional<std::string_view> bytes) {
  if (!bytes) {
    object[name] = nullptr;
  } else if (is_utf8(*bytes)) {
    object[name] = *bytes;
  } else {
    object[name + "_base64"] = encode_base64(*bytes);
  }
}

}  // namespace karst::tools
