#include "log/compaction_pass.h"

#include "log/limits.h"
#include "reactor/file_facts.h"
#include "reactor/yield.h"

namespace karst::log {
namespace {

using kind = pass_trouble::kind;

unexpected<pass_trouble> stopped() { return unexpected<pass_trouble>({kind::stopped, {}}); }

// What of the segments is to be read when they are written anew together.
struct group_size {
  std::uint64_t bytes = 0;
  std::uint64_t index_bytes = 0;
  std::uint64_t time_index_bytes = 0;

  bool takes(group_size const& more, log_config const& config) const {
    auto const index_most = static_cast<std::uint64_t>(config.segment_index_bytes);
    return bytes + more.bytes <= static_cast<std::uint64_t>(config.segment_bytes) &&
           index_bytes + more.index_bytes <= index_most &&
           time_index_bytes + more.time_index_bytes <= index_most;
  }
  void add(group_size const& more) {
    bytes += more.bytes;
    index_bytes += more.index_bytes;
    time_index_bytes += more.time_index_bytes;
  }
};

task<std::uint64_t> size_of(std::string path) {
  auto status = co_await status_of(std::move(path));
  co_return status ? status->size : 0;
}

task<group_size> measure(std::shared_ptr<segment> part) {
  group_size size{.bytes = part->size};
  if (part->indexes_loaded()) {
    size.index_bytes = part->index().size() * offset_index::entry_bytes;
    size.time_index_bytes = part->times().size() * time_index::entry_bytes;
  } else {
    size.index_bytes = co_await size_of(part->path(segment_file::offset_index));
    size.time_index_bytes = co_await size_of(part->path(segment_file::time_index));
  }
  co_return size;
}

}  // namespace

compaction_pass::compaction_pass(disk_log& log, pass_options options)
    : log_(log), options_(std::move(options)), reader_(options_.direct) {
  borrowed_.release = [](buffer_block&) {};
}

compaction_pass::~compaction_pass() { chain_.clear(); }

// The batch's bytes as a chain, without copying them.
buffer_chain const& compaction_pass::chain_of(std::span<std::byte const> batch) {
  chain_.clear();
  borrowed_.data = const_cast<std::byte*>(batch.data());
  borrowed_.capacity = static_cast<std::uint32_t>(batch.size());
  chain_.append(buffer{borrowed_, borrowed_.data, batch.size()});
  return chain_;
}

pass_trouble compaction_pass::trouble_of(karst::errc code, std::string_view doing,
                                         std::string const& where) const {
  auto const what = is_refusal(code) ? kind::refused : kind::failed;
  return {what, fmt::format("{} {}: {}", doing, where, describe(code))};
}

// A segment that was removed meanwhile is being cut (file_remover.h).
pass_trouble compaction_pass::unreadable(segment const& part, std::uint64_t at,
                                         std::string_view why) const {
  if (part.retired) return {kind::stopped, {}};
  return {kind::uncleanable,
          fmt::format("{} at position {}: {}", part.path(segment_file::log), at, why)};
}

// The core's time: others have their turn after a slice.
task<compaction_pass::result> compaction_pass::worked(std::size_t bytes) {
  since_yield_ += bytes;
  if (since_yield_ >= limit::compaction_slice) {
    since_yield_ = 0;
    co_await yield{};
    if (!log_.may_clean()) co_return stopped();
  }
  co_return result{};
}

// The device's.
task<compaction_pass::result> compaction_pass::moved(std::size_t bytes) {
  if (!(co_await options_.pace(bytes)) || !log_.may_clean()) co_return stopped();
  co_return result{};
}

task<expected<offset, pass_trouble>> compaction_pass::run(disk_log::dirt found, wall_ms now) {
  if (auto built = co_await build_map(found); !built) {
    co_await reader_.close();
    co_return std::unexpected(built.error());
  }
  auto const& config = log_.config();
  rules_ = {.map = &*map_,
            .now = now,
            .delete_retention_ms = config.delete_retention_ms,
            .max_message_bytes = config.max_message_bytes};
  auto groups = co_await make_groups(found);
  if (!groups) co_return std::unexpected(groups.error());
  // A restart must not write bytes of the journal into segments that were exchanged: the journal
  // has to say first that it holds none of theirs.
  if (auto carried = co_await log_.carry(); !carried) co_return stopped();
  for (auto& group : *groups) {
    auto cleaned = co_await clean_group(std::move(group));
    if (!cleaned) co_return std::unexpected(cleaned.error());
  }
  co_return map_->latest() + 1;
}

task<compaction_pass::result> compaction_pass::build_map(disk_log::dirt const& found) {
  map_.emplace(static_cast<std::uint64_t>(found.end - found.from), options_.map_bytes,
               options_.seed);
  parts dirty;
  auto const& all = log_.segments();
  for (auto at = all.begin(); at != all.end() && at->first < found.end; ++at) {
    if (std::next(at) != all.end() && std::next(at)->first > found.from) {
      dirty.push_back(at->second);
    }
  }
  for (std::size_t i = 0; i < dirty.size() && !map_full_; ++i) {
    auto mapped = co_await map_segment(dirty[i], found.from);
    if (!mapped) co_return mapped;
    auto const end = i + 1 < dirty.size() ? dirty[i + 1]->base() : found.end;
    // Over a gap at the segment's end.
    if (!map_full_) map_->looked_at(end + -1);
  }
  co_await reader_.close();
  co_return result{};
}

task<compaction_pass::result> compaction_pass::map_segment(std::shared_ptr<segment> part,
                                                           offset from) {
  auto const start = part->indexes_loaded() ? part->index().lookup(from).value : 0;
  auto opened = co_await reader_.open(part->path(segment_file::log), start, part->size);
  if (part->retired) co_return stopped();
  if (!opened) {
    co_return std::unexpected(trouble_of(opened.error(), "opening", part->path(segment_file::log)));
  }
  while (!map_full_) {
    while (auto const* batch = map_full_ ? nullptr : reader_.next()) {
      auto mapped = co_await map_batch(*batch, from);
      if (!mapped && mapped.error().what == kind::uncleanable) {
        co_return std::unexpected(
            unreadable(*part, reader_.position() - batch->bytes.size(), mapped.error().why));
      }
      if (!mapped) co_return mapped;
    }
    if (map_full_) break;
    auto const before = reader_.bytes_read();
    auto more = co_await reader_.advance();
    if (!more) {
      co_return std::unexpected(unreadable(*part, reader_.position(), describe(more.error())));
    }
    if (!*more) break;
    counts_.bytes_read += reader_.bytes_read() - before;
    if (auto paced = co_await moved(reader_.bytes_read() - before); !paced) co_return paced;
  }
  co_return result{};
}

task<compaction_pass::result> compaction_pass::map_batch(batch_view const& batch, offset from) {
  auto const& header = batch.header;
  if (header.last() < from) co_return result{};
  if (!header.control() && !header.transactional() && header.record_count != 0) {
    auto const most = most_inflated(log_.config().max_message_bytes, batch.bytes.size());
    records_.start(chain_of(batch.bytes), header, most);
    auto take = [this, &header, from](raw_record const& record) {
      auto const at = header.base + record.offset_delta;
      if (!record.key || at < from) return true;
      if (!map_->put(*record.key, at)) {
        map_full_ = true;
        return false;
      }
      map_->looked_at(at);
      return true;
    };
    std::size_t inflated = 0;
    while (true) {
      auto state = records_.step(take);
      if (!state) {
        co_return unexpected<pass_trouble>(
            {kind::uncleanable, std::string{describe(state.error())}});
      }
      if (*state == walk_state::stopped) co_return result{};
      if (*state == walk_state::done) break;
      auto const more = records_.produced() - std::exchange(inflated, records_.produced());
      if (auto going = co_await worked(more); !going) co_return going;
    }
  }
  map_->looked_at(header.last());
  co_return result{};
}

// Kafka 3.9: Cleaner.groupSegmentsBySize. Segments that one result can hold even if nothing goes.
task<expected<std::vector<compaction_pass::parts>, pass_trouble>> compaction_pass::make_groups(
    disk_log::dirt const& found) {
  auto const end = std::min(found.end, map_->latest() + 1);
  parts all;
  std::vector<offset> ends;
  for (auto at = log_.segments().begin(); at != log_.segments().end() && at->first < end; ++at) {
    if (std::next(at) == log_.segments().end()) break;
    all.push_back(at->second);
    ends.push_back(std::next(at)->first);
  }
  std::vector<parts> groups;
  group_size so_far;
  for (std::size_t i = 0; i < all.size(); ++i) {
    auto const size = co_await measure(all[i]);
    if (!log_.may_clean()) co_return stopped();
    auto fits = !groups.empty() && so_far.takes(size, log_.config());
    // Offsets in an index are relative, 32 bits wide.
    if (fits && all[i]->size != 0) {
      auto const span = ends[i] - groups.back().front()->base();
      fits = span <= std::numeric_limits<std::int32_t>::max();
    }
    if (!fits) {
      groups.emplace_back();
      so_far = {};
    }
    groups.back().push_back(all[i]);
    so_far.add(size);
  }
  co_return groups;
}

// The copy needs room beside what it replaces. Half of what is kept free for the hard mark's sake
// stays free, or the directory could not even delete.
std::optional<pass_trouble> compaction_pass::lack_of_room(parts const& group) const {
  auto const space = free_space(log_.path());
  if (!space) return std::nullopt;
  std::uint64_t bytes = std::min(limit::free_space_least, space->total_bytes / 20) / 2;
  for (auto const& part : group) bytes += part->size;
  if (space->available_bytes >= bytes) return std::nullopt;
  return pass_trouble{kind::refused, fmt::format("{} MiB free, {} needed",
                                                 space->available_bytes / MiB, bytes / MiB)};
}

task<compaction_pass::result> compaction_pass::clean_group(parts group) {
  if (auto lack = lack_of_room(group)) co_return unexpected<pass_trouble>(std::move(*lack));
  auto const& first = *group.front();
  auto part = log_.make_cleaned_segment(first.base());
  part->created = first.created;
  for (auto const& one : group) part->appended = std::max(part->appended, one->appended);
  cleaned_segment into{part, log_.config().index_interval_bytes, options_.direct};
  changed_ = group.size() > 1;
  auto done = co_await fill(group, into);
  co_await reader_.close();
  auto const unchanged = done && !changed_;
  if (!done || unchanged) {
    co_await into.discard();
    if (unchanged) {
      ++counts_.segments_before;
      ++counts_.segments_after;
    }
    co_return done;
  }
  auto const segments = group.size();
  auto replaced = co_await log_.replace_segments(std::move(group), part);
  if (!replaced) {
    if (replaced.error() == errc::storage_failed) {
      co_return unexpected<pass_trouble>({kind::failed, {}});
    }
    co_await into.discard();
    auto const refused = replaced.error() == errc::space_exhausted;
    co_return unexpected<pass_trouble>(
        {refused ? kind::refused : kind::stopped, std::string{describe(replaced.error())}});
  }
  counts_.segments_before += segments;
  ++counts_.segments_after;
  co_return result{};
}

task<compaction_pass::result> compaction_pass::fill(parts const& group, cleaned_segment& into) {
  auto const where = into.part()->path(segment_file::log, segment_suffix::cleaned);
  if (auto created = co_await into.create(); !created) {
    co_return std::unexpected(trouble_of(created.error(), "creating", where));
  }
  for (auto const& part : group) {
    if (auto filtered = co_await filter_segment(*part, into); !filtered) co_return filtered;
  }
  if (!changed_) co_return result{};
  auto finished = co_await into.finish();
  if (!finished) co_return std::unexpected(trouble_of(finished.error(), "writing", where));
  co_return result{};
}

task<compaction_pass::result> compaction_pass::filter_segment(segment const& part,
                                                              cleaned_segment& into) {
  auto opened = co_await reader_.open(part.path(segment_file::log), 0, part.size);
  if (part.retired) co_return stopped();
  if (!opened) {
    co_return std::unexpected(trouble_of(opened.error(), "opening", part.path(segment_file::log)));
  }
  while (true) {
    while (auto const* batch = reader_.next()) {
      auto filtered = co_await filter_batch(*batch, into);
      if (!filtered && filtered.error().what == kind::uncleanable) {
        co_return std::unexpected(
            unreadable(part, reader_.position() - batch->bytes.size(), filtered.error().why));
      }
      if (!filtered) co_return filtered;
    }
    auto const before = reader_.bytes_read();
    auto more = co_await reader_.advance();
    if (!more) {
      co_return std::unexpected(unreadable(part, reader_.position(), describe(more.error())));
    }
    if (!*more) co_return result{};
    counts_.bytes_read += reader_.bytes_read() - before;
    if (auto paced = co_await moved(reader_.bytes_read() - before); !paced) co_return paced;
  }
}

task<compaction_pass::result> compaction_pass::filter_batch(batch_view const& batch,
                                                            cleaned_segment& into) {
  filter_.start(chain_of(batch.bytes), batch.header, rules_,
                log_.is_last_of_producer(batch.header));
  auto verdict = filter_.step();
  while (verdict && *verdict == filter_verdict::more) {
    if (auto going = co_await worked(limit::inflate_slice); !going) co_return going;
    verdict = filter_.step();
  }
  if (!verdict) {
    co_return unexpected<pass_trouble>({kind::uncleanable, std::string{describe(verdict.error())}});
  }
  counts_.records = filter_.counts();
  auto const kept = *verdict == filter_verdict::keep;
  changed_ = changed_ || !kept;
  if (*verdict == filter_verdict::drop) co_return co_await worked(batch.bytes.size());
  auto const bytes = kept ? batch.bytes : filter_.result();
  if (into.add(bytes, kept ? batch.header : filter_.result_header())) {
    auto const before = into.bytes_written();
    auto written = co_await into.write_out();
    auto const where = into.part()->path(segment_file::log, segment_suffix::cleaned);
    if (!written) co_return std::unexpected(trouble_of(written.error(), "writing", where));
    counts_.bytes_written += into.bytes_written() - before;
    if (auto paced = co_await moved(into.bytes_written() - before); !paced) co_return paced;
  }
  co_return co_await worked(bytes.size());
}

}  // namespace karst::log
