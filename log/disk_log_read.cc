// Reading a log: what is in the tail is shared, the rest is read from the segments and checked on
// the way (a batch whose bytes changed on the disk is never served). Nothing of the log is relied
// on after an await but what is looked up again.
#include "log/batch_search.h"
#include "log/disk_log.h"
#include "reactor/base/logging.h"
#include "reactor/yield.h"

namespace karst::log {
namespace {

// Index entries lie about 4 KiB apart; a scan from one meets the batch it looks for within this,
// unless batches are larger.
constexpr std::uint64_t scan_ahead = 16 * KiB;
// Bytes checked without a chance for others to run: about 50 us.
constexpr std::size_t checked_at_once = MiB;

batch_header header_at(buffer_chain const& bytes, std::size_t at) {
  std::array<std::byte, batch_layout::header_bytes> scratch;
  return batch_header::decode(bytes.contiguous(at, scratch.size(), scratch.data()));
}

// Whether these can be the sizes of a batch that ends within `bytes`.
bool plausible(batch_header const& header, std::uint64_t bytes) {
  constexpr auto least = batch_layout::header_bytes - batch_layout::length_end;
  return header.length >= static_cast<std::int32_t>(least) && header.size_bytes() <= bytes;
}

}  // namespace

// A forward search through a segment, batch by batch.
struct disk_log::batch_search {
  std::uint64_t at = 0;     // of the next batch
  std::uint64_t limit = 0;  // where the last one ends
  std::uint64_t ahead = 0;  // how much is read at once
  offset from;              // wanted: a batch with this record or a later one,
  wall_ms time = std::numeric_limits<wall_ms>::min();  // and with this time or a later one
  bool data_only = false;
  fetched found;  // beginning with the batch that is wanted, at `at`

  bool wants(batch_header const& header) const {
    return header.next() > from && header.max_timestamp >= time && !(data_only && header.control());
  }
};

// What is here of [from, from + bytes): the file's part first, then the tail's.
task<expected<disk_log::fetched, errc>> disk_log::fetch(std::shared_ptr<segment> part,
                                                        std::uint64_t from, std::uint64_t bytes) {
  fetched got;
  bytes = std::min(bytes, part->size - std::min(part->size, from));
  while (bytes != 0) {
    // Its place in the tail may be another's: a truncation ends the log with a copy of its segment.
    if (part->retired) co_return std::unexpected(errc::closed);
    log_position const at{part->base(), position{from}};
    if (tail_.started() && tail_.holds(at)) {
      got.bytes.append(tail_.slice(at, bytes));
      break;
    }
    // Below the tail's first byte everything is in the file.
    auto end = part->size;
    auto const first = tail_.first();
    if (tail_.started() && first.segment == part->base() && first.at.value > from) {
      end = first.at.value;
    }
    auto const wanted = std::min(bytes, end - from);
    // Its file is about to get its name.
    while (!part->usable()) {
      if (auto refused = refusal()) co_return std::unexpected(*refused);
      (void)co_await part->installed().wait();
    }
    auto source = co_await part->reader();
    if (part->retired) co_return std::unexpected(errc::closed);
    if (!source) {
      ++services_.failed_reads;
      report("cannot open a segment of", source.error());
      co_return std::unexpected(errc::storage_failed);
    }
    auto read = co_await services_.reads.read(*source, from, wanted, end);
    if (part->retired) co_return std::unexpected(errc::closed);
    if (!read || read->empty()) {
      ++services_.failed_reads;
      report("cannot read a segment of", read ? karst::errc::end_of_file : read.error());
      co_return std::unexpected(errc::storage_failed);
    }
    from += read->size();
    bytes -= read->size();
    got.bytes.append(std::move(*read));
    got.from_file = got.bytes.size();
  }
  co_return got;
}

// Bytes that are not what was written once: said here, counted, and answered with an error. The
// partition stays online: what can be read of it is right.
errc disk_log::damaged_at(segment const& part, std::uint64_t at) {
  ++services_.damaged_reads;
  static logging::rate_limit once_a_second;
  if (std::uint64_t left_out = 0; once_a_second.pass(left_out)) {
    logging::error("log",
                   "{}-{}: the records in {} at position {} do not match their checksum; they are "
                   "not served ({} more such reads); check the device, and restore the partition "
                   "from a replica or a backup, or delete records up to there",
                   topic_, partition_, part.path(segment_file::log), at, left_out);
  }
  return errc::corrupt_batch;
}

task<expected<void, errc>> disk_log::load_for_reading(std::shared_ptr<segment> part) {
  if (!part->indexes_loaded()) {
    auto valid = part->sealed ? std::numeric_limits<std::uint64_t>::max() : index_valid_;
    auto loaded = co_await part->load_indexes(valid, part->size, config_.index_interval_bytes);
    if (part->retired) co_return std::unexpected(errc::closed);
    if (!loaded && loaded.error() == karst::errc::corrupt) {
      if (part->sealed) co_return std::unexpected(damaged_at(*part, part->damaged_at));
      mark_damaged();
      co_return std::unexpected(errc::damaged);
    }
    if (!loaded) {
      ++services_.failed_reads;
      report("cannot read the indexes of", loaded.error());
      co_return std::unexpected(errc::storage_failed);
    }
  }
  if (part->sealed) services_.indexes.use(*part, part->index_memory());
  co_return expected<void, errc>{};
}

// The position up to which `part` holds offsets below `end`, as far as it is known without looking.
std::uint64_t disk_log::readable_end(segment const& part, offset end) const {
  if (end == durable_end_ && durable_position_.segment == part.base()) {
    return durable_position_.at.value;
  }
  return part.size;
}

// True: found. What is passed over is checked as well: a wrong length or offset would hide records.
task<expected<bool, errc>> disk_log::locate(std::shared_ptr<segment> part, batch_search& search) {
  auto ahead = search.ahead;
  while (search.at < search.limit) {
    auto got = co_await fetch(part, search.at, std::min(search.limit - search.at, ahead));
    if (!got) co_return std::unexpected(got.error());
    ahead = search.ahead;
    auto& bytes = got->bytes;
    std::size_t at = 0;
    while (bytes.size() - at >= batch_layout::header_bytes) {
      auto const header = header_at(bytes, at);
      if (!plausible(header, search.limit - search.at - at)) {
        co_return std::unexpected(damaged_at(*part, search.at + at));
      }
      if (search.wants(header)) {
        bytes.trim_front(at);
        search.at += at;
        search.found = {std::move(bytes), got->from_file - std::min(got->from_file, at)};
        co_return true;
      }
      auto const size = header.size_bytes();
      if (size > bytes.size() - at) {
        if (at == 0) ahead = size;
        break;
      }
      if (at < got->from_file && !crc_matches(bytes, at, size)) {
        co_return std::unexpected(damaged_at(*part, search.at + at));
      }
      at += size;
    }
    if (at == 0 && ahead == search.ahead) co_return std::unexpected(damaged_at(*part, search.at));
    search.at += at;
    co_await yield{};
  }
  co_return false;
}

// Leaves whole batches below `end`, and of what came from the file only those whose checksum is
// right: the first wrong one is an error, a later one is met by the next read.
task<expected<void, errc>> disk_log::check_records(std::shared_ptr<segment> part, std::uint64_t at,
                                                   offset end, fetched& records) {
  std::size_t good = 0;
  std::size_t checked = 0;
  while (good + batch_layout::header_bytes <= records.bytes.size()) {
    auto const header = header_at(records.bytes, good);
    if (header.base >= end) break;
    auto const size = header.size_bytes();
    auto const cold = good < records.from_file;
    auto const cut = size > records.bytes.size() - good;
    // The end of what is in the tail may be cut (KIP-74).
    if (cut && !cold) co_return expected<void, errc>{};
    if (cut) break;
    if (cold && !crc_matches(records.bytes, good, size)) {
      if (good == 0) co_return std::unexpected(damaged_at(*part, at));
      break;
    }
    good += size;
    if (cold) checked += size;
    if (checked >= checked_at_once) {
      checked = 0;
      co_await yield{};
    }
  }
  records.bytes = records.bytes.slice(0, good);
  co_return expected<void, errc>{};
}

// nullopt: the segment has nothing at or behind `from`.
task<expected<std::optional<read_result>, errc>> disk_log::read_in(std::shared_ptr<segment> part,
                                                                   offset from, offset end,
                                                                   read_limits limits) {
  if (auto loaded = co_await load_for_reading(part); !loaded) {
    co_return std::unexpected(loaded.error());
  }
  if (segment_reads::is_short()) {
    limits.max_bytes = std::min(limits.max_bytes, limit::short_read_bytes);
  }
  auto const limit = readable_end(*part, end);
  auto const exact = limit != part->size || end >= end_;
  batch_search search{.at = part->index().lookup(from).value,
                      .limit = limit,
                      .ahead = limits.max_bytes + scan_ahead,
                      .from = from};
  auto located = co_await locate(part, search);
  if (!located) co_return std::unexpected(located.error());
  if (!*located) co_return std::nullopt;
  auto& records = search.found;
  auto const first = header_at(records.bytes, 0);
  if (first.base >= end) co_return read_result{};
  std::uint64_t most = limits.max_bytes;
  if (limits.whole_first_batch) most = std::max<std::uint64_t>(most, first.size_bytes());
  auto const have = records.bytes.size();
  auto const left = limit - search.at - have;
  if (have < most && left != 0) {
    auto more = co_await fetch(part, search.at + have, std::min(most - have, left));
    if (!more) co_return std::unexpected(more.error());
    if (more->from_file != 0) records.from_file = have + more->from_file;
    records.bytes.append(std::move(more->bytes));
  }
  if (records.bytes.size() > most) records.bytes = records.bytes.slice(0, most);
  if (records.from_file != 0 || !exact) {
    auto checked = co_await check_records(part, search.at, end, records);
    if (!checked) co_return std::unexpected(checked.error());
  }
  co_return read_result{.records = std::move(records.bytes),
                        .older_segment = part->sealed,
                        .available = limit - search.at};
}

task<expected<read_result, errc>> disk_log::read(offset from, offset end, read_limits limits) {
  if (auto refused = refusal()) co_return std::unexpected(*refused);
  auto inside = users_.enter();
  end = std::min(end, end_);
  if (from < log_start_ || from > end) co_return std::unexpected(errc::offset_out_of_range);
  if (from == end) co_return read_result{};
  auto part = segment_of(from);
  while (part) {
    auto got = co_await read_in(part, from, end, limits);
    if (part->retired) {
      // Deleted or replaced meanwhile: looked up once more.
      if (auto refused = refusal()) co_return std::unexpected(*refused);
      if (from < log_start_) co_return std::unexpected(errc::offset_out_of_range);
      part = segment_of(from);
      continue;
    }
    if (!got) co_return std::unexpected(got.error());
    if (*got) co_return std::move(**got);
    // Compaction leaves gaps: what comes next may be in a later segment.
    part = segment_after(*part);
  }
  co_return read_result{};
}

task<expected<std::optional<time_lookup>, errc>> disk_log::find_in_segment(
    std::shared_ptr<segment> part, wall_ms at) {
  if (auto loaded = co_await load_for_reading(part); !loaded) {
    co_return std::unexpected(loaded.error());
  }
  batch_search search{.at = part->index().lookup(part->times().lookup(at)).value,
                      .limit = part->size,
                      .ahead = 64 * KiB,
                      .from = log_start_,
                      .time = at,
                      .data_only = true};
  while (true) {
    auto located = co_await locate(part, search);
    if (!located) co_return std::unexpected(located.error());
    if (!*located) co_return std::optional<time_lookup>{};
    auto const header = header_at(search.found.bytes, 0);
    auto batch = co_await fetch(part, search.at, header.size_bytes());
    if (!batch) co_return std::unexpected(batch.error());
    if (batch->from_file != 0 && !crc_matches(batch->bytes)) {
      co_return std::unexpected(damaged_at(*part, search.at));
    }
    auto record = co_await log::find_by_time(services_.inflate, batch->bytes, at);
    if (!record) co_return std::unexpected(record.error());
    if (*record && (*record)->at >= search.from) co_return *record;
    search.at += header.size_bytes();
  }
}

// The largest timestamp of a segment, read from its indexes once.
task<expected<void, errc>> disk_log::know_timestamps(std::shared_ptr<segment> part) {
  if (part->max_timestamp_known()) co_return expected<void, errc>{};
  co_return co_await load_for_reading(part);
}

task<expected<time_lookup, errc>> disk_log::find_by_time(wall_ms at) {
  if (auto refused = refusal()) co_return std::unexpected(*refused);
  auto inside = users_.enter();
  for (auto part = segment_of(log_start_); part;) {
    auto known = co_await know_timestamps(part);
    expected<std::optional<time_lookup>, errc> found;
    if (known && part->max_timestamp >= at) found = co_await find_in_segment(part, at);
    if (part->retired) {
      if (auto refused = refusal()) co_return std::unexpected(*refused);
      part = segment_of(std::max(part->base(), log_start_));
      continue;
    }
    if (!known) co_return std::unexpected(known.error());
    if (!found) co_return std::unexpected(found.error());
    if (*found) co_return **found;
    part = segment_after(*part);
  }
  co_return time_lookup{};
}

task<expected<time_lookup, errc>> disk_log::max_timestamp() {
  if (auto refused = refusal()) co_return std::unexpected(*refused);
  wall_ms latest = -1;
  {
    auto inside = users_.enter();
    for (auto part = segment_of(log_start_); part;) {
      auto known = co_await know_timestamps(part);
      if (part->retired) {
        if (auto refused = refusal()) co_return std::unexpected(*refused);
        part = segment_of(std::max(part->base(), log_start_));
        continue;
      }
      if (!known) co_return std::unexpected(known.error());
      latest = std::max(latest, part->max_timestamp);
      part = segment_after(*part);
    }
  }
  if (latest < 0) co_return time_lookup{};
  co_return co_await find_by_time(latest);
}

}  // namespace karst::log
