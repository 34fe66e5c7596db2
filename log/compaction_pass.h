#pragma once

#include <functional>
#include <optional>
#include <string>

#include "log/batch_filter.h"
#include "log/cleaned_segment.h"
#include "log/disk_log.h"
#include "log/sealed_reader.h"

namespace karst::log {

// Why a pass did not come to its end.
struct pass_trouble {
  enum class kind : std::uint8_t {
    stopped,      // the log is being closed, cut or deleted, or the process stops
    refused,      // no room or no descriptor now: later
    uncleanable,  // something in the log cannot be compacted: not before it was looked at
    failed,       // a write failed, which ended the whole directory
  };
  kind what = kind::stopped;
  std::string why;
};

struct pass_counts {
  std::uint64_t bytes_read = 0;
  std::uint64_t bytes_written = 0;
  std::uint64_t segments_before = 0;
  std::uint64_t segments_after = 0;
  filter_counts records;
};

// What a pass shares with others of its core.
struct pass_options {
  bool direct = true;
  std::size_t map_bytes = 0;
  std::uint64_t seed = 0;
  // Told of bytes read or written: done when so many may be. False: end now.
  std::function<task<bool>(std::size_t bytes)> pace;
};

// Compacts one log once, as Kafka 3.9's Cleaner: builds the map of newest offsets over the dirty
// part, or as much of it as the map holds, then writes every segment up to there anew, grouping
// those that have become small, and exchanges each group for its result at once. Bounded in memory:
// the map, and some MiB of windows. In slices, with a chance for others between. Nothing is lost or
// seen half done whenever it ends. One core; made for one pass.
class compaction_pass {
 public:
  compaction_pass(disk_log& log, pass_options options);
  ~compaction_pass();
  compaction_pass(compaction_pass const&) = delete;
  compaction_pass& operator=(compaction_pass const&) = delete;

  // All below the offset that it returns is clean.
  task<expected<offset, pass_trouble>> run(disk_log::dirt found, wall_ms now);
  pass_counts const& counts() const { return counts_; }

 private:
  using result = expected<void, pass_trouble>;
  using parts = std::vector<std::shared_ptr<segment>>;

  task<result> build_map(disk_log::dirt const& found);
  task<result> map_segment(std::shared_ptr<segment> part, offset from);
  task<result> map_batch(batch_view const& batch, offset from);
  task<expected<std::vector<parts>, pass_trouble>> make_groups(disk_log::dirt const& found);
  std::optional<pass_trouble> lack_of_room(parts const& group) const;
  task<result> clean_group(parts group);
  task<result> fill(parts const& group, cleaned_segment& into);
  task<result> filter_segment(segment const& part, cleaned_segment& into);
  task<result> filter_batch(batch_view const& batch, cleaned_segment& into);
  task<result> worked(std::size_t bytes);
  task<result> moved(std::size_t bytes);
  pass_trouble trouble_of(karst::errc code, std::string_view doing, std::string const& where) const;
  pass_trouble unreadable(segment const& part, std::uint64_t at, std::string_view why) const;
  buffer_chain const& chain_of(std::span<std::byte const> batch);

  disk_log& log_;
  pass_options options_;
  std::optional<compaction_map> map_;
  bool map_full_ = false;
  bool changed_ = false;  // the group's result differs from what it was made of
  std::size_t since_yield_ = 0;
  filter_rules rules_;
  sealed_reader reader_;
  decompressor inflate_;
  record_stream records_{inflate_};
  batch_filter filter_{inflate_};
  buffer_block borrowed_;  // the batch that is looked at, in the reader's window
  buffer_chain chain_;
  pass_counts counts_;
};

}  // namespace karst::log
