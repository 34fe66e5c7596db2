#include "log/checkpoints.h"

#include <fmt/format.h>

#include <charconv>

namespace karst::log {
namespace {

// Cuts the text up to the next separator off; the separator is dropped.
std::string_view cut(std::string_view& text, char separator) {
  auto end = text.find(separator);
  auto part = text.substr(0, end);
  text = end == std::string_view::npos ? std::string_view{} : text.substr(end + 1);
  return part;
}

template <typename T>
bool parse_number(std::string_view text, T& value) {
  auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
  return failure == std::errc{} && end == text.data() + text.size() && value >= 0;
}

// Reads "0", the count, then exactly that many lines with `parse(line, entry)`.
template <typename Entry, typename Parse>
std::optional<std::vector<Entry>> parse_lines(std::string_view text, Parse parse) {
  int version = 0;
  std::size_t count = 0;
  if (!parse_number(cut(text, '\n'), version) || version != 0) return std::nullopt;
  if (!parse_number(cut(text, '\n'), count)) return std::nullopt;
  std::vector<Entry> entries;
  while (!text.empty()) {
    Entry entry;
    if (!parse(cut(text, '\n'), entry)) return std::nullopt;
    entries.push_back(std::move(entry));
  }
  if (entries.size() != count) return std::nullopt;
  return entries;
}

}  // namespace

std::string encode_epochs(std::vector<epoch_start> const& epochs) {
  auto text = fmt::format("0\n{}\n", epochs.size());
  for (auto const& entry : epochs) {
    text += fmt::format("{} {}\n", entry.epoch.value, entry.start.value);
  }
  return text;
}

std::optional<std::vector<epoch_start>> parse_epochs(std::string_view text) {
  return parse_lines<epoch_start>(text, [](std::string_view line, epoch_start& entry) {
    auto epoch = cut(line, ' ');
    return parse_number(epoch, entry.epoch.value) && parse_number(line, entry.start.value);
  });
}

std::string encode_offsets(std::vector<offset_checkpoint> const& entries) {
  auto text = fmt::format("0\n{}\n", entries.size());
  for (auto const& entry : entries) {
    text += fmt::format("{} {} {}\n", entry.topic, entry.partition, entry.at.value);
  }
  return text;
}

std::optional<std::vector<offset_checkpoint>> parse_offsets(std::string_view text) {
  return parse_lines<offset_checkpoint>(text, [](std::string_view line, offset_checkpoint& entry) {
    entry.topic = cut(line, ' ');
    auto partition = cut(line, ' ');
    return !entry.topic.empty() && parse_number(partition, entry.partition) &&
           parse_number(line, entry.at.value);
  });
}

std::string encode_partition_metadata(uuid const& topic_id) {
  return fmt::format("version: 0\ntopic_id: {}", to_string(topic_id));
}

std::optional<uuid> parse_partition_metadata(std::string_view text) {
  constexpr std::string_view version = "version: 0";
  constexpr std::string_view key = "topic_id: ";
  if (cut(text, '\n') != version) return std::nullopt;
  auto line = cut(text, '\n');
  if (!line.starts_with(key) || !text.empty()) return std::nullopt;
  auto id = parse_uuid(line.substr(key.size()));
  if (!id || id->is_zero()) return std::nullopt;
  return id;
}

}  // namespace karst::log
