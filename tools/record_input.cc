#include "tools/record_input.h"

#include <limits>
#include <nlohmann/json.hpp>

namespace karst::tools {
namespace {

using json = nlohmann::json;

constexpr std::string_view base64_digits =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

std::optional<std::string> text_or_null(std::string_view text, input_format const& format) {
  if (text.empty() && format.null_when_empty) return std::nullopt;
  return std::string{text};
}

// `name` as text, or `name_base64`; null and absent are both null. False: neither is right.
bool read_bytes(json const& object, std::string const& name, std::optional<std::string>& to) {
  if (auto text = object.find(name); text != object.end() && !text->is_null()) {
    // Other values stand for themselves: {"value": {"a": 1}} sends {"a":1}.
    to = text->is_string() ? text->get<std::string>() : text->dump();
    return true;
  }
  auto encoded = object.find(name + "_base64");
  if (encoded == object.end() || encoded->is_null()) return true;
  if (!encoded->is_string()) return false;
  to = decode_base64(encoded->get<std::string>());
  return to.has_value();
}

bool read_headers(json const& object, input_record& record) {
  auto headers = object.find("headers");
  if (headers == object.end() || headers->is_null()) return true;
  if (!headers->is_array()) return false;
  for (auto const& each : *headers) {
    if (!each.is_object() || !each.contains("name") || !each["name"].is_string()) return false;
    std::optional<std::string> value;
    if (!read_bytes(each, "value", value)) return false;
    record.headers.emplace_back(each["name"].get<std::string>(), std::move(value));
  }
  return true;
}

// Absent and null leave it to the command line. False: it is there and no such number.
template <typename T>
bool read_number(json const& object, char const* name, std::optional<T>& to) {
  auto found = object.find(name);
  if (found == object.end() || found->is_null()) return true;
  if (!found->is_number_integer()) return false;
  auto number = found->template get<std::int64_t>();
  if (number < 0 || number > std::numeric_limits<T>::max()) return false;
  to = static_cast<T>(number);
  return true;
}

bool read_object(json const& object, input_record& record) {
  if (!object.is_object() || !read_bytes(object, "key", record.key) ||
      !read_bytes(object, "value", record.value) || !read_headers(object, record)) {
    return false;
  }
  return read_number(object, "timestamp", record.timestamp) &&
         read_number(object, "partition", record.partition);
}

unexpected<error> bad_line(std::uint64_t line_number, std::string remedy, std::string_view why) {
  return fail(errc::invalid, std::move(remedy), "line {} of the input: {}", line_number, why);
}

}  // namespace

expected<input_record, error> parse_line(std::string_view line, std::uint64_t line_number,
                                         input_format const& format) {
  input_record record{.timestamp = format.timestamp};
  if (format.json) {
    auto object = json::parse(line, nullptr, false);
    if (object.is_discarded() || !read_object(object, record)) {
      return bad_line(
          line_number,
          R"(write {"key": "k", "value": "v", "headers": [{"name": "n", "value": "v"}], )"
          R"("partition": 0, "timestamp": 1600000000000}, all of them optional)",
          "not a record in JSON");
    }
  } else if (!format.key_separator.empty()) {
    auto at = line.find(format.key_separator);
    if (at == std::string_view::npos) {
      return bad_line(line_number, "give every line a key, or leave out --key-separator",
                      "there is no key separator in it");
    }
    record.key = text_or_null(line.substr(0, at), format);
    record.value = text_or_null(line.substr(at + format.key_separator.size()), format);
  } else {
    record.value = text_or_null(line, format);
  }
  for (auto const& header : format.headers) {
    auto equals = header.find('=');
    if (equals == std::string::npos) {
      return fail(errc::invalid, "write --header NAME=VALUE", "the header '{}' has no '='", header);
    }
    record.headers.emplace_back(header.substr(0, equals), header.substr(equals + 1));
  }
  return record;
}

std::string encode_base64(std::string_view bytes) {
  std::string text;
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    auto part = bytes.substr(i, 3);
    std::uint32_t group = 0;
    for (std::size_t j = 0; j < 3; ++j) {
      group = group << 8 | (j < part.size() ? static_cast<unsigned char>(part[j]) : 0u);
    }
    for (std::size_t j = 0; j < 4; ++j) {
      text += j <= part.size() ? base64_digits[group >> (18 - 6 * j) & 63] : '=';
    }
  }
  return text;
}

std::optional<std::string> decode_base64(std::string_view text) {
  while (!text.empty() && text.back() == '=') text.remove_suffix(1);
  if (text.size() % 4 == 1) return std::nullopt;
  std::string bytes;
  std::uint32_t group = 0;
  int bits = 0;
  for (auto digit : text) {
    auto value = base64_digits.find(digit);
    if (value == std::string_view::npos) return std::nullopt;
    group = group << 6 | static_cast<std::uint32_t>(value);
    bits += 6;
    if (bits >= 8) {
      bits -= 8;
      bytes += static_cast<char>(group >> bits & 0xff);
    }
  }
  return bytes;
}

bool is_utf8(std::string_view bytes) {
  auto const* at = reinterpret_cast<unsigned char const*>(bytes.data());
  auto const* end = at + bytes.size();
  while (at != end) {
    auto first = *at++;
    if (first < 0x80) continue;
    auto more = first >= 0xf0 ? 3 : first >= 0xe0 ? 2 : 1;
    if (first < 0xc2 || first > 0xf4 || end - at < more) return false;
    // Overlong forms, surrogates and what lies beyond U+10FFFF show in the second byte.
    if ((first == 0xe0 && at[0] < 0xa0) || (first == 0xed && at[0] > 0x9f) ||
        (first == 0xf0 && at[0] < 0x90) || (first == 0xf4 && at[0] > 0x8f)) {
      return false;
    }
    for (; more != 0; --more) {
      if ((*at++ & 0xc0) != 0x80) return false;
    }
  }
  return true;
}

}  // namespace karst::tools
