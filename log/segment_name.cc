#include "log/segment_name.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>

namespace karst::log {
namespace {

constexpr std::size_t digits = 20;
constexpr std::size_t longest_file_name = 255;
constexpr std::size_t longest_topic = 249;
constexpr std::size_t unique_digits = 32;

constexpr std::array<std::string_view, 5> file_suffixes{".log", ".index", ".timeindex", ".txnindex",
                                                        ".snapshot"};
constexpr std::array<std::string_view, 4> more_suffixes{"", ".deleted", ".cleaned", ".swap"};
constexpr std::array<std::string_view, 4> state_suffixes{"", "-delete", "-future", "-stray"};

template <typename Enum, std::size_t N>
std::optional<Enum> index_of(std::array<std::string_view, N> const& names, std::string_view name) {
  auto found = std::ranges::find(names, name);
  if (found == names.end()) return std::nullopt;
  return static_cast<Enum>(found - names.begin());
}

template <typename T>
bool parse_number(std::string_view text, T& value) {
  // from_chars alone would take a minus sign.
  if (text.empty() || text.front() < '0' || text.front() > '9') return false;
  auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
  return failure == std::errc{} && end == text.data() + text.size();
}

bool topic_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
         c == '_' || c == '-';
}

bool plausible_topic(std::string_view topic) {
  return !topic.empty() && topic.size() <= longest_topic && topic != "." && topic != ".." &&
         std::ranges::all_of(topic, topic_character);
}

// Cuts ".UNIQUE-delete" and its like off.
directory_state cut_state(std::string_view& name) {
  for (std::size_t i = 1; i < state_suffixes.size(); ++i) {
    if (!name.ends_with(state_suffixes[i])) continue;
    auto rest = name.substr(0, name.size() - state_suffixes[i].size());
    auto dot = rest.rfind('.');
    if (dot == std::string_view::npos || rest.size() - dot - 1 != unique_digits) continue;
    name = rest.substr(0, dot);
    return static_cast<directory_state>(i);
  }
  return directory_state::live;
}

}  // namespace

std::string to_string(segment_name const& name) {
  return fmt::format("{:0{}}{}{}", name.base.value, digits,
                     file_suffixes.at(static_cast<std::size_t>(name.file)),
                     more_suffixes.at(static_cast<std::size_t>(name.suffix)));
}

std::optional<segment_name> parse_segment_name(std::string_view name) {
  segment_name parsed;
  if (name.size() <= digits || !parse_number(name.substr(0, digits), parsed.base.value)) {
    return std::nullopt;
  }
  auto suffixes = name.substr(digits);
  auto second = suffixes.find('.', 1);
  auto file = index_of<segment_file>(file_suffixes, suffixes.substr(0, second));
  auto more = second == std::string_view::npos ? std::string_view{} : suffixes.substr(second);
  auto suffix = index_of<segment_suffix>(more_suffixes, more);
  if (!file || !suffix) return std::nullopt;
  parsed.file = *file;
  parsed.suffix = *suffix;
  return parsed;
}

std::string partition_directory(std::string_view topic, std::int32_t partition) {
  return fmt::format("{}-{}", topic, partition);
}

std::string deleting_directory(std::string_view topic, std::int32_t partition,
                               std::string_view unique) {
  auto suffix = fmt::format("-{}.{}-delete", partition, unique);
  auto room = longest_file_name - std::min(longest_file_name, suffix.size());
  return fmt::format("{}{}", topic.substr(0, room), suffix);
}

std::optional<directory_name> parse_partition_directory(std::string_view name) {
  directory_name parsed;
  parsed.state = cut_state(name);
  auto dash = name.rfind('-');
  if (dash == std::string_view::npos || !plausible_topic(name.substr(0, dash)) ||
      !parse_number(name.substr(dash + 1), parsed.partition)) {
    return std::nullopt;
  }
  parsed.topic = name.substr(0, dash);
  // "topic-007" would not be found again under the name that its partition number gives.
  if (partition_directory(parsed.topic, parsed.partition) != name) return std::nullopt;
  return parsed;
}

}  // namespace karst::log
