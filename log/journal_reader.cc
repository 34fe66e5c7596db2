#include "log/journal_reader.h"

#include <array>

#include "log/aligned_memory.h"
#include "log/group_hash.h"
#include "reactor/base/hash.h"

namespace karst::log {
namespace {

constexpr std::size_t read_bytes = MiB;

// A window over a file that is read forward: groups as contiguous bytes.
class forward_reader {
 public:
  explicit forward_reader(file& source) : source_(source), memory_(read_bytes) {}

  // At least `bytes` at `position`, or fewer at the end of the file.
  task<expected<std::span<std::byte const>>> at(std::uint64_t position, std::size_t bytes) {
    auto const behind = position < start_ || position + bytes > start_ + filled_;
    if (behind && !(ended_ && position >= start_ && position <= start_ + filled_)) {
      if (bytes > memory_.size()) memory_ = aligned_memory{bytes};
      auto got = co_await source_.read(position, memory_.bytes());
      if (!got) co_return fail(got.error());
      start_ = position;
      filled_ = *got;
      ended_ = *got < memory_.size();
    }
    auto const skip = position - start_;
    co_return memory_.bytes().subspan(skip, std::min(bytes, filled_ - skip));
  }

 private:
  file& source_;
  aligned_memory memory_;
  std::uint64_t start_ = 0;
  std::size_t filled_ = 0;
  bool ended_ = false;
};

bool whole(group_header const& header, std::span<std::byte const> bytes) {
  if (bytes.size() < header.bytes) return false;
  auto const padded = align_up(header.entry_bytes, block_size);
  if (padded > header.bytes) return false;
  // Entries, then bodies: padding between them is not hashed.
  group_hash hash{header.previous_hash};
  hash.add(bytes.first(header.entry_bytes).subspan(group_header::encoded_bytes));
  hash.add(bytes.subspan(padded, header.bytes - padded));
  return hash.value() == header.hash;
}

void take_group(journal_scan& scan, group_header const& header, std::uint64_t position) {
  if (scan.first_sequence == 0) {
    scan.first_sequence = header.sequence;
    scan.first_previous_hash = header.previous_hash;
  }
  scan.last_sequence = header.sequence;
  scan.last_hash = header.hash;
  scan.live_from = header.live_from;
  scan.clean = header.clean;
  scan.end = position + header.bytes;
}

// Follows the chain from the first block on. Behind its end it looks block by block for a whole
// group of this run that is farther than what may have been in flight.
task<expected<>> scan_groups(forward_reader& reader, journal_scan& scan) {
  auto ended = false;
  for (std::uint64_t position = block_size; position + block_size <= scan.header.file_bytes;) {
    auto bytes = co_await reader.at(position, block_size);
    if (!bytes) co_return fail(bytes.error());
    if (bytes->size() < block_size) break;
    auto const header = group_header::decode(*bytes);
    auto candidate = header && header->run == scan.header.run;
    if (candidate && ended) {
      candidate = header->sequence > scan.last_sequence + scan.header.in_flight;
    } else if (candidate && scan.first_sequence != 0) {
      candidate =
          header->sequence == scan.last_sequence + 1 && header->previous_hash == scan.last_hash;
    }
    if (candidate) {
      bytes = co_await reader.at(position, header->bytes);
      if (!bytes) co_return fail(bytes.error());
      candidate = whole(*header, *bytes);
    }
    if (candidate && !ended) {
      take_group(scan, *header, position);
      if (header->clean) break;
      position = scan.end;
      continue;
    }
    // The newest stray counts: older ones may be what the file held before it was reused.
    if (candidate && header->sequence > scan.stray_sequence) {
      scan.stray_sequence = header->sequence;
      scan.stray_position = position;
    }
    ended = true;
    position += block_size;
  }
  co_return expected<>{};
}

// A whole group too far behind the window's end: what lies between was written, and is damaged.
void note_stray(journal_window& window, journal_scan const& stray, std::uint32_t in_flight) {
  if (!window.damage.empty() || stray.stray_sequence <= window.last_sequence + in_flight) return;
  window.damage =
      fmt::format("group {} is damaged, because group {} at position {} of {} is whole",
                  window.last_sequence + 1, stray.stray_sequence, stray.stray_position, stray.path);
}

}  // namespace

task<expected<std::optional<journal_scan>>> peek_journal(std::string path) {
  auto opened = co_await file::open(path, open_read);
  if (!opened) co_return fail(opened.error());
  std::array<std::byte, 2 * block_size> blocks{};
  auto got = co_await opened->read(0, blocks);
  (void)co_await opened->close();
  if (!got) co_return fail(got.error());
  auto bytes = std::span<std::byte const>{blocks}.first(*got);
  auto header = journal_file_header::decode(bytes);
  if (!header) {
    auto first = bytes.first(std::min(bytes.size(), block_size));
    // A file that was never finished being made has no header at all.
    auto made = std::ranges::any_of(first, [](std::byte byte) { return byte != std::byte{}; });
    if (made) co_return fail(karst::errc::corrupt);
    co_return std::nullopt;
  }
  journal_scan found{.path = std::move(path), .header = *header};
  auto group =
      bytes.size() < blocks.size() ? std::nullopt : group_header::decode(bytes.subspan(block_size));
  // Of an unused file nothing was acknowledged, whatever it holds.
  if (group && group->run == header->run && !header->unused) {
    found.first_sequence = group->sequence;
  }
  co_return found;
}

task<expected<journal_scan>> scan_journal(journal_scan peeked, bool direct) {
  auto opened = co_await file::open(peeked.path, open_read | (direct ? open_direct : 0U));
  if (!opened) co_return fail(opened.error());
  forward_reader reader{*opened};
  peeked.first_sequence = 0;
  auto done = co_await scan_groups(reader, peeked);
  // What a killed process wrote last may be only in the device's cache. It decides from now on what
  // is reused, so it must not vanish in a power cut.
  if (done && peeked.first_sequence != 0) done = co_await opened->sync();
  (void)co_await opened->close();
  if (!done) co_return fail(done.error());
  co_return peeked;
}

journal_window assemble_window(std::vector<journal_scan> files) {
  journal_window window;
  window.core = files.front().header.core;
  window.run = files.front().header.run;
  window.start = files.front().header.start;
  for (auto const& scan : files) window.paths.push_back(scan.path);
  auto const in_flight = files.front().header.in_flight;
  auto const stray = *std::ranges::max_element(files, {}, &journal_scan::stray_sequence);
  std::erase_if(files, [](auto const& scan) { return scan.first_sequence == 0; });
  std::sort(files.begin(), files.end(), [](auto const& left, auto const& right) {
    return left.first_sequence < right.first_sequence;
  });
  if (files.empty()) {
    note_stray(window, stray, in_flight);
    return window;
  }
  // The newest file may hold only a group whose predecessor, in flight with it, was lost.
  while (files.size() > 1) {
    auto const& newest = files.back();
    auto const& before = files[files.size() - 2];
    auto const missing = newest.first_sequence - before.last_sequence - 1;
    auto const count = newest.last_sequence - newest.first_sequence + 1;
    if (missing == 0 || missing + count > in_flight) break;
    files.pop_back();
  }
  auto const& newest = files.back();
  window.live_from = newest.live_from;
  window.last_sequence = newest.last_sequence;
  window.clean = newest.clean;
  std::erase_if(files,
                [&window](auto const& scan) { return scan.last_sequence < window.live_from; });
  for (std::size_t i = 0; i < files.size() && window.damage.empty(); ++i) {
    auto const& scan = files[i];
    auto const expected_first = i == 0 ? window.live_from : files[i - 1].last_sequence + 1;
    auto const chained = i == 0 || scan.first_previous_hash == files[i - 1].last_hash;
    if ((i == 0 ? scan.first_sequence > expected_first : scan.first_sequence != expected_first) ||
        !chained) {
      window.damage = fmt::format("{}: groups {} to {} are missing before it", scan.path,
                                  expected_first, scan.first_sequence - 1);
    }
  }
  note_stray(window, stray, in_flight);
  window.files = std::move(files);
  return window;
}

task<expected<>> read_window(journal_window const& window, entry_visitor& visitor, bool direct) {
  for (auto const& scan : window.files) {
    auto opened = co_await file::open(scan.path, open_read | (direct ? open_direct : 0U));
    if (!opened) co_return fail(opened.error());
    forward_reader reader{*opened};
    expected<> done;
    auto position = std::uint64_t{block_size};
    while (done && position < scan.end) {
      auto bytes = co_await reader.at(position, block_size);
      auto header = bytes ? group_header::decode(*bytes) : std::nullopt;
      if (header) bytes = co_await reader.at(position, header->bytes);
      if (!header || !bytes || bytes->size() < header->bytes) {
        done = fail(karst::errc::io_error);
        break;
      }
      position += header->bytes;
      if (header->sequence < window.live_from) continue;
      entry_cursor cursor{bytes->first(header->entry_bytes).subspan(group_header::encoded_bytes)};
      auto body = bytes->subspan(align_up(header->entry_bytes, block_size));
      while (auto entry = cursor.next()) {
        window_entry found{header->sequence, std::move(*entry), {}};
        if (auto const* append = std::get_if<decoded_append>(&found.entry)) {
          found.body = body.first(append->body_bytes);
          body = body.subspan(append->body_bytes);
        }
        done = co_await visitor.visit(found);
        if (!done) break;
      }
      if (cursor.failed()) done = fail(karst::errc::corrupt);
    }
    (void)co_await opened->close();
    if (!done) co_return done;
  }
  co_return expected<>{};
}

}  // namespace karst::log
