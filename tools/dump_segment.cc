#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <optional>

#include "log/batch.h"
#include "reactor/clock.h"
#include "tools/dump.h"
#include "tools/progress.h"

namespace karst::tools {
namespace {

// Logs move to segments in blocks of this size (log/STORAGE.md).
constexpr std::uint64_t block_bytes = 4 * KiB;

// Walks the batches of a segment file in memory for one batch at a time: segments may be larger
// than memory.
class segment_reader {
 public:
  enum class found : std::uint8_t { batch, end, cut, unfinished, unwritten, malformed };

  explicit segment_reader(std::FILE* file) : file_(file) {}

  found next() {
    position_ += bytes_.size();
    bytes_.resize(log::batch_layout::header_bytes);
    auto got = std::fread(bytes_.data(), 1, bytes_.size(), file_);
    bytes_.resize(got);
    if (got == 0) return found::end;
    if (got == log::batch_layout::header_bytes) header_ = log::batch_header::decode(bytes_.data());
    if (all_zero(bytes_)) return rest_is_zero() ? found::unwritten : found::malformed;
    if (got < log::batch_layout::header_bytes) return found::cut;
    constexpr auto least =
        static_cast<std::int32_t>(log::batch_layout::header_bytes - log::batch_layout::length_end);
    if (header_.magic != 2 || header_.length < least) return found::malformed;
    // A false length must not make the reader allocate it: bytes are added as they are found.
    for (auto missing = header_.size_bytes() - bytes_.size(); missing != 0;) {
      auto begin = bytes_.size();
      auto part = std::min(missing, 4 * MiB);
      bytes_.resize(begin + part);
      got = std::fread(bytes_.data() + begin, 1, part, file_);
      bytes_.resize(begin + got);
      if (got == 0) return found::cut;
      missing -= got;
    }
    return is_unfinished() ? found::unfinished : found::batch;
  }

  log::batch_header const& header() const { return header_; }
  std::span<std::byte const> bytes() const { return bytes_; }
  std::uint64_t position() const { return position_; }

 private:
  static bool all_zero(std::span<std::byte const> bytes) {
    return std::ranges::all_of(bytes, [](std::byte each) { return each == std::byte{0}; });
  }
  // A node at work moves whole blocks to the segment: the end of the last batch may still be in the
  // journal, and zeros in its place here.
  bool is_unfinished() {
    if (bytes_.back() != std::byte{0} || log::crc_matches(bytes_)) return false;
    auto written = bytes_.size();
    while (bytes_[written - 1] == std::byte{0}) --written;
    auto const begin_of_last_block = (position_ + bytes_.size() - 1) / block_bytes * block_bytes;
    if (position_ + written > begin_of_last_block) return false;
    auto const here = std::ftell(file_);
    auto const last = rest_is_zero();
    std::fseek(file_, here, SEEK_SET);
    return last;
  }
  bool rest_is_zero() {
    std::vector<std::byte> part(1 * MiB);
    while (auto got = std::fread(part.data(), 1, part.size(), file_)) {
      if (!all_zero(std::span{part}.first(got))) return false;
    }
    return true;
  }

  std::FILE* file_;
  std::uint64_t position_ = 0;
  std::vector<std::byte> bytes_;
  log::batch_header header_;
};

struct segment_totals {
  std::uint64_t batches = 0;
  std::uint64_t records = 0;
  std::uint64_t bad = 0;
  log::offset first;
  log::offset next;
};

// What the file ends with, for a person; true when that is how a sound segment may end.
bool report_end(segment_reader::found end, segment_reader const& reader,
                segment_totals const& totals, std::string const& path) {
  fmt::print(stderr, "{}: {} batches, {} records, offsets {} to {}, {} bytes\n", path,
             totals.batches, totals.records, totals.first.value, totals.next.value - 1,
             reader.position());
  if (totals.bad != 0) fmt::print(stderr, "{}: {} batches are damaged\n", path, totals.bad);
  switch (end) {
    case segment_reader::found::unwritten:
      fmt::print(stderr, "{}: what follows is space allocated ahead, all zero\n", path);
      return true;
    case segment_reader::found::unfinished:
      fmt::print(stderr,
                 "{}: the batch at {} has {} bytes, the last of them not yet in this file but in "
                 "the journal: the node is running, or was killed and will finish it\n",
                 path, reader.position(), reader.bytes().size());
      return true;
    case segment_reader::found::cut:
      fmt::print(stderr, "{}: the last batch, at {}, is cut: {} bytes of it are here\n", path,
                 reader.position(), reader.bytes().size());
      return false;
    case segment_reader::found::malformed:
      fmt::print(stderr, "{}: no record batch begins at {}: magic or length is wrong\n", path,
                 reader.position());
      return false;
    default:
      return true;
  }
}

// Only while the output itself goes elsewhere.
std::optional<progress> show_progress(std::FILE* file, time_point now) {
  if (::isatty(STDOUT_FILENO) == 1) return {};
  struct stat facts{};
  ::fstat(::fileno(file), &facts);
  return std::optional<progress>{std::in_place, "dump", facts.st_size, now};
}

}  // namespace

expected<bool, error> dump_segment(std::FILE* file, dump_settings const& settings) {
  segment_reader reader{file};
  batch_printer printer{settings};
  segment_totals totals;
  system_clock clock;
  auto shown = show_progress(file, clock.now());
  printer.heading();
  auto end = segment_reader::found::end;
  while ((end = reader.next()) == segment_reader::found::batch) {
    auto const& header = reader.header();
    if (totals.batches == 0) totals.first = header.base;
    ++totals.batches;
    totals.records += static_cast<std::uint64_t>(std::max(header.record_count, 0));
    totals.next = header.next();
    auto position = static_cast<std::int64_t>(reader.position());
    if (!printer.print(header, reader.bytes(), position)) ++totals.bad;
    if (shown) shown->update(reader.position(), totals.records, clock.now());
    if (totals.batches == settings.limit) return totals.bad == 0;
  }
  return report_end(end, reader, totals, settings.path) && totals.bad == 0;
}

}  // namespace karst::tools
