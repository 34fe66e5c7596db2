// Reading a log: what is in the tail is shared, the rest is read from the segments. Nothing of the
// log is relied on after an await but what is looked up again.
#include "log/batch_search.h"
#include "log/disk_log.h"

namespace karst::log {
namespace {

// Index entries lie about 4 KiB apart; a scan from one meets the batch it looks for within this,
// unless batches are larger.
constexpr std::uint64_t scan_ahead = 16 * KiB;

struct located_batch {
  std::size_t at = 0;
  batch_header header;
};

batch_header header_at(buffer_chain const& bytes, std::size_t at) {
  std::array<std::byte, batch_layout::header_bytes> scratch;
  return batch_header::decode(bytes.contiguous(at, scratch.size(), scratch.data()));
}

// The first batch in `bytes` that `wanted` accepts; otherwise `skipped` says how far whole batches
// were passed.
template <typename Wanted>
std::optional<located_batch> locate(buffer_chain const& bytes, std::size_t& skipped,
                                    Wanted wanted) {
  skipped = 0;
  while (skipped + batch_layout::header_bytes <= bytes.size()) {
    auto header = header_at(bytes, skipped);
    if (header.length <
        static_cast<std::int32_t>(batch_layout::header_bytes - batch_layout::length_end)) {
      return std::nullopt;
    }
    if (wanted(header)) return located_batch{skipped, header};
    if (header.size_bytes() > bytes.size() - skipped) {
      skipped += header.size_bytes();
      return std::nullopt;
    }
    skipped += header.size_bytes();
  }
  return std::nullopt;
}

}  // namespace

task<expected<buffer_chain, errc>> disk_log::fetch(std::shared_ptr<segment> part,
                                                   std::uint64_t from, std::uint64_t bytes) {
  buffer_chain chain;
  bytes = std::min(bytes, part->size - std::min(part->size, from));
  while (bytes != 0) {
    log_position const at{part->base(), position{from}};
    if (tail_.started() && tail_.holds(at)) {
      chain.append(tail_.slice(at, bytes));
      break;
    }
    // Below the tail's first byte everything is in the file.
    auto wanted = bytes;
    auto const first = tail_.first();
    if (tail_.started() && first.segment == part->base() && first.at.value > from) {
      wanted = std::min(wanted, first.at.value - from);
    }
    auto source = co_await part->reader();
    if (!source) {
      report("cannot open a segment of", source.error());
      co_return std::unexpected(errc::storage_failed);
    }
    auto memory = buffer::allocate(wanted);
    auto got = co_await (*source)->read(from, {memory.data(), wanted});
    if (!got || *got == 0) {
      report("cannot read a segment of", got ? karst::errc::end_of_file : got.error());
      co_return std::unexpected(errc::storage_failed);
    }
    memory.trim_to(*got);
    chain.append(std::move(memory));
    from += *got;
    bytes -= *got;
  }
  co_return chain;
}

task<expected<void, errc>> disk_log::load_for_reading(std::shared_ptr<segment> part) {
  if (part->indexes_loaded()) co_return expected<void, errc>{};
  auto valid = part->sealed ? std::numeric_limits<std::uint64_t>::max() : index_valid_;
  auto loaded = co_await part->load_indexes(valid, part->size, config_.index_interval_bytes);
  if (loaded) co_return expected<void, errc>{};
  if (loaded.error() == karst::errc::corrupt) {
    mark_damaged();
    co_return std::unexpected(errc::damaged);
  }
  report("cannot read the indexes of", loaded.error());
  co_return std::unexpected(errc::storage_failed);
}

// The position up to which `part` holds offsets below `end`, as far as it is known without looking.
std::uint64_t disk_log::readable_end(segment const& part, offset end) const {
  if (end == durable_end_ && durable_position_.segment == part.base()) {
    return durable_position_.at.value;
  }
  return part.size;
}

task<expected<read_result, errc>> disk_log::read(offset from, offset end, read_limits limits) {
  if (auto refused = refusal()) co_return std::unexpected(*refused);
  auto inside = users_.enter();
  end = std::min(end, end_);
  if (from < log_start_ || from > end) co_return std::unexpected(errc::offset_out_of_range);
  if (from == end) co_return read_result{};
  auto part = segment_of(from);
  if (!part) co_return std::unexpected(errc::offset_out_of_range);
  if (auto loaded = co_await load_for_reading(part); !loaded) {
    co_return std::unexpected(loaded.error());
  }
  auto at = part->index().lookup(from).value;
  auto const limit = readable_end(*part, end);
  auto const exact = limit != part->size || end >= end_;
  read_result result;
  std::optional<located_batch> first;
  while (!first) {
    if (at >= limit) co_return read_result{.older_segment = part->sealed};
    auto bytes = std::min<std::uint64_t>(limit - at, limits.max_bytes + scan_ahead);
    auto chain = co_await fetch(part, at, bytes);
    if (!chain) co_return std::unexpected(chain.error());
    std::size_t skipped = 0;
    first = locate(*chain, skipped, [from](auto const& header) { return header.next() > from; });
    if (first) {
      chain->trim_front(first->at);
      result.records = std::move(*chain);
    } else if (skipped == 0) {
      part->where_damaged = fmt::format("{} at position {}", part->path(segment_file::log), at);
      mark_damaged();
      co_return std::unexpected(errc::damaged);
    }
    at += first ? first->at : skipped;
  }
  if (first->header.base >= end) co_return read_result{};
  auto most = limits.max_bytes;
  if (limits.whole_first_batch) most = std::max(most, first->header.size_bytes());
  if (result.records.size() < most && at + result.records.size() < limit) {
    auto have = result.records.size();
    auto more =
        co_await fetch(part, at + have, std::min<std::uint64_t>(most - have, limit - at - have));
    if (!more) co_return std::unexpected(more.error());
    result.records.append(std::move(*more));
  }
  if (result.records.size() > most) result.records = result.records.slice(0, most);
  if (!exact) {
    std::size_t whole = 0;
    auto beyond =
        locate(result.records, whole, [end](auto const& header) { return header.base >= end; });
    if (beyond) result.records = result.records.slice(0, beyond->at);
  }
  result.older_segment = part->sealed;
  co_return result;
}

task<expected<std::optional<time_lookup>, errc>> disk_log::find_in_segment(
    std::shared_ptr<segment> part, wall_ms at) {
  auto place = part->index().lookup(part->times().lookup(at)).value;
  auto const limit = part->size;
  auto const start = log_start_;
  while (place < limit) {
    auto chain = co_await fetch(part, place, std::min<std::uint64_t>(limit - place, 64 * KiB));
    if (!chain) co_return std::unexpected(chain.error());
    std::size_t skipped = 0;
    auto found = locate(*chain, skipped, [at, start](auto const& header) {
      return header.max_timestamp >= at && header.last() >= start && !header.control();
    });
    if (!found && skipped == 0) co_return std::unexpected(errc::damaged);
    place += found ? found->at : skipped;
    if (!found) continue;
    auto batch = co_await fetch(part, place, found->header.size_bytes());
    if (!batch) co_return std::unexpected(batch.error());
    auto record = co_await log::find_by_time(services_.inflate, *batch, at);
    if (!record) co_return std::unexpected(record.error());
    if (*record && (*record)->at >= start) co_return *record;
    place += found->header.size_bytes();
  }
  co_return std::optional<time_lookup>{};
}

task<expected<time_lookup, errc>> disk_log::find_by_time(wall_ms at) {
  if (auto refused = refusal()) co_return std::unexpected(*refused);
  auto inside = users_.enter();
  for (auto part = segment_of(log_start_); part;) {
    if (auto loaded = co_await load_for_reading(part); !loaded) {
      co_return std::unexpected(loaded.error());
    }
    if (part->max_timestamp >= at) {
      auto found = co_await find_in_segment(part, at);
      if (!found) co_return std::unexpected(found.error());
      if (*found) co_return **found;
    }
    auto next = segments_.upper_bound(part->base());
    part = next == segments_.end() ? nullptr : next->second;
  }
  co_return time_lookup{};
}

task<expected<time_lookup, errc>> disk_log::max_timestamp() {
  if (auto refused = refusal()) co_return std::unexpected(*refused);
  wall_ms latest = -1;
  {
    auto inside = users_.enter();
    for (auto part = segment_of(log_start_); part;) {
      if (auto loaded = co_await load_for_reading(part); !loaded) {
        co_return std::unexpected(loaded.error());
      }
      latest = std::max(latest, part->max_timestamp);
      auto next = segments_.upper_bound(part->base());
      part = next == segments_.end() ? nullptr : next->second;
    }
  }
  if (latest < 0) co_return time_lookup{};
  co_return co_await find_by_time(latest);
}

}  // namespace karst::log
