#include "log/compaction_swap.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "log/errc.h"
#include "log/segment_name.h"
#include "reactor/file.h"

namespace karst::log {
namespace {

// More segments than one log has: a name and a number for each.
constexpr std::size_t swap_file_most = 64 * MiB;

std::optional<offset> parse_offset(std::string_view text) {
  offset value;
  auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value.value);
  if (failure != std::errc{} || end != text.data() + text.size() || value.value < 0) {
    return std::nullopt;
  }
  return value;
}

task<expected<>> unlink_if_there(std::string path) {
  auto gone = co_await unlink_file(std::move(path));
  if (!gone && gone.error() == karst::errc::not_found) co_return expected<>{};
  co_return gone;
}

}  // namespace

std::string encode(compaction_swap const& swap) {
  auto text = fmt::format("0\n{}\n{}\n", swap.result.value, swap.replaced.size());
  for (auto base : swap.replaced) text += fmt::format("{}\n", base.value);
  return text;
}

std::optional<compaction_swap> parse_compaction_swap(std::string_view text) {
  std::vector<offset> numbers;
  while (!text.empty()) {
    auto const end = text.find('\n');
    if (end == std::string_view::npos) return std::nullopt;
    auto number = parse_offset(text.substr(0, end));
    if (!number) return std::nullopt;
    numbers.push_back(*number);
    text.remove_prefix(end + 1);
  }
  constexpr std::size_t head = 3;  // version, result, count
  if (numbers.size() <= head || numbers[0].value != 0) return std::nullopt;
  compaction_swap swap{.result = numbers[1], .replaced = {numbers.begin() + head, numbers.end()}};
  auto const rises =
      std::ranges::adjacent_find(swap.replaced, std::greater_equal{}) == swap.replaced.end();
  if (static_cast<std::size_t>(numbers[2].value) != swap.replaced.size() || !rises ||
      swap.replaced.front() != swap.result) {
    return std::nullopt;
  }
  return swap;
}

task<expected<>> decide(std::string directory, compaction_swap swap) {
  auto const path = directory + "/" + std::string{compaction_swap_file};
  auto written = co_await write_file_atomically(path, encode(swap));
  if (written || !is_refusal(written.error())) co_return written;
  // Perhaps its name is there and only not durable: taken back, while nothing was exchanged yet.
  auto undone = co_await unlink_if_there(path);
  if (undone) undone = co_await sync_directory(directory);
  if (undone) co_return written;
  co_return fail(karst::errc::io_error);
}

task<expected<>> finish(std::string directory, compaction_swap swap) {
  auto const prefix = directory + "/";
  // The indexes first: a segment with its old index would be read at wrong places, while one
  // without is only slow.
  constexpr segment_file kinds[] = {segment_file::offset_index, segment_file::time_index,
                                    segment_file::log};
  for (auto base : swap.replaced) {
    if (base == swap.result) continue;
    for (auto kind : kinds) {
      auto gone = co_await unlink_if_there(prefix + segment_file_name(base, kind));
      if (!gone) co_return gone;
    }
  }
  for (auto kind : kinds) {
    auto const cleaned = to_string({swap.result, kind, segment_suffix::cleaned});
    auto named =
        co_await rename_file(prefix + cleaned, prefix + segment_file_name(swap.result, kind));
    if (!named && named.error() != karst::errc::not_found) co_return named;
  }
  if (auto synced = co_await sync_directory(directory); !synced) co_return synced;
  auto gone = co_await unlink_if_there(prefix + std::string{compaction_swap_file});
  if (!gone) co_return gone;
  co_return co_await sync_directory(directory);
}

task<expected<bool>> recover_compaction_swap(std::string directory,
                                             std::vector<std::string> const& names) {
  auto changed = false;
  auto const prefix = directory + "/";
  if (std::ranges::find(names, compaction_swap_file) != names.end()) {
    auto text = co_await read_file(prefix + std::string{compaction_swap_file}, swap_file_most);
    if (!text) co_return fail(text.error());
    auto swap = parse_compaction_swap(*text);
    if (!swap) co_return fail(karst::errc::corrupt);
    if (auto done = co_await finish(directory, std::move(*swap)); !done) {
      co_return fail(done.error());
    }
    changed = true;
  }
  for (auto const& name : names) {
    auto const parsed = parse_segment_name(name);
    auto const unfinished = parsed && parsed->suffix == segment_suffix::cleaned;
    if (!unfinished && name != std::string{compaction_swap_file} + ".tmp") continue;
    if (auto gone = co_await unlink_if_there(prefix + name); !gone) co_return fail(gone.error());
    changed = true;
  }
  co_return changed;
}

}  // namespace karst::log
