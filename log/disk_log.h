#pragma once

#include <deque>
#include <map>

#include "log/batch.h"
#include "log/epoch_cache.h"
#include "log/log_services.h"
#include "log/log_state.h"
#include "log/partition_log.h"
#include "log/producer_state.h"
#include "log/segment.h"
#include "log/tail.h"
#include "log/validated_batch.h"
#include "reactor/gate.h"
#include "reactor/semaphore.h"

namespace karst::log {

// A sealed segment that early retention may delete.
struct doomed_segment {
  log_id log;
  offset base;
  wall_ms newest = 0;  // of its records
};

// A partition_log over journal, tail and segments (STORAGE.md). Appends claim offsets and position,
// copy into the tail and join the forming group, all synchronously; the journal reports back
// through on_durable(). Destaging, rolling and carrying are driven by the log_manager's destager
// and never hold up an append that has room. Lives with its manager on one core.
class disk_log final : public partition_log {
 public:
  // From what recovery or creation knows. The segments are told by add_segment, then ready().
  disk_log(log_services& services, log_state state, log_config config);
  ~disk_log() override;

  log_id id() const override { return id_; }
  std::string const& topic() const override { return topic_; }
  std::int32_t partition() const override { return partition_; }
  uuid const& topic_id() const override { return topic_id_; }
  log_config const& config() const override { return config_; }
  void set_config(log_config const& config) override { config_ = config; }
  offset log_start() const override { return log_start_; }
  offset log_end() const override { return end_; }
  offset durable_end() const override { return durable_end_; }
  std::uint64_t size_bytes() const override;
  std::optional<errc> refusal() const override;
  expected<append_info, errc> append(validated_batch const& batch,
                                     append_rules const& rules) override;
  task<expected<void, errc>> room_for(std::size_t bytes, time_point deadline) override;
  std::string why_refused(errc code) const override;
  task<expected<void, errc>> durable(offset end, time_point deadline) override;
  waiters& durable_moved() override { return durable_moved_; }
  task<expected<read_result, errc>> read(offset from, offset end, read_limits limits) override;
  task<expected<time_lookup, errc>> find_by_time(wall_ms at) override;
  task<expected<time_lookup, errc>> max_timestamp() override;
  task<expected<void, errc>> advance_log_start(offset to) override;
  void begin_epoch(leader_epoch epoch) override;
  leader_epoch epoch_of(offset at) const override { return epochs_.epoch_of(at); }
  epoch_end end_of_epoch(leader_epoch requested) const override;
  task<expected<void, errc>> truncate(offset end) override;
  task<expected<void, errc>> truncate_fully_and_start_at(offset start) override;
  leader_epoch latest_epoch() const override { return epochs_.latest(); }

  // For manager, destager and recovery.
  std::string const& path() const { return path_; }
  log::generation generation() const { return generation_; }
  epoch_cache const& epochs() const { return epochs_; }
  std::map<offset, std::shared_ptr<segment>> const& segments() const { return segments_; }
  void add_segment(std::shared_ptr<segment> part);
  // The log is at this state, with nothing in memory: what a clean stop or a creation leaves.
  void begin_at_rest();
  bool at_rest() const { return !tail_.started(); }
  // Recovery: empties the segment above durable_through, then takes the journal's bytes of the log
  // in order, from there on. no_memory: once there is room, the same bytes may be given again.
  task<expected<>> begin_replay();
  task<expected<>> replay(log_position where, std::span<std::byte const> bytes);
  // corrupt: the journal lacks bytes of the log.
  task<expected<>> finish_replay(log_position end);
  // Recovery: files of segments that are not the log's (any more): of a roll that a crash
  // undid, or of a truncation that it interrupted. Durably gone when done.
  void note_stale(offset base) { stale_.push_back(base); }
  task<expected<>> remove_stale();

  // The journal made everything up to here durable.
  void on_durable(offset end, log_position position);
  // Wakes everyone after a failed write, or when the log closes.
  void wake_all();
  // Writes whole blocks that are durable in the journal to the segments; seals what was rolled.
  task<expected<>> destage();
  // Gives up tail memory: what is in the segments, and the room that the newest piece has ahead.
  void compact();
  // Writes a fresh state entry; done when it is durable. What older files hold is then not needed
  // as far as it is in the segments.
  task<expected<void, errc>> carry(entry_type type = entry_type::state);
  journal_pin& pin() { return pin_; }
  // No append or read from now on; done when those who wait have left.
  task<> shut();
  bool is_shut() const { return shut_; }
  // The journal says that the log is gone: nothing of it may be written there any more.
  void mark_removed() { removed_ = true; }
  bool is_removed() const { return removed_; }
  // Done when no segment write is in flight.
  task<> settle();
  void mark_damaged();
  bool is_damaged() const { return damaged_; }
  // Clean stop, after shut(): everything into the segments, files cut to their ends.
  task<expected<>> rest();
  task<> close_files();
  // Removal: renames the directory, then deletes it; the name is gone for good when done.
  task<> unlink_files();
  // After rest(), if it had anything to do: what Kafka keeps beside the segments, to be written
  // without syncs (replace_files).
  void add_kafka_files(std::vector<file_text>& files);
  // The same of a new log, empty, as far as they are not there.
  void add_missing_kafka_files(std::vector<file_text>& files);
  // Found in the log's directory when it was opened: of producers, for Kafka.
  void note_snapshot(std::string name) { snapshot_ = std::move(name); }
  // Retention by size and time: ends an active segment that nothing was appended to for long, and
  // forgets whole old segments; their files go once the new log start is durable.
  task<> apply_retention(wall_ms now);
  // Compaction: what of the log is to be compacted, as Kafka's LogCleanerManager finds it.
  struct dirt {
    offset from;  // all before is clean
    offset end;   // the base of the first segment that must not be touched yet
    std::uint64_t clean_bytes = 0;
    std::uint64_t dirty_bytes = 0;
    bool overdue = false;  // a record waits longer than max.compaction.lag.ms

    double ratio() const {
      return dirty_bytes == 0 ? 0
                              : static_cast<double>(dirty_bytes) /
                                    static_cast<double>(clean_bytes + dirty_bytes);
    }
  };
  task<dirt> look_for_dirt(wall_ms now);
  // While it lives, a compaction is under way: shut() and stop_cleaning() wait for its end.
  // may_clean() is false when it should end soon, or not begin.
  class cleaning {
   public:
    explicit cleaning(disk_log& log) : log_(log), inside_(log.users_.enter()) {
      log_.cleaning_ = true;
    }
    cleaning(cleaning const&) = delete;
    cleaning& operator=(cleaning const&) = delete;
    ~cleaning() {
      log_.cleaning_ = false;
      log_.cleaning_ended_.wake_all();
    }

   private:
    disk_log& log_;
    gate::holder inside_;
  };
  bool may_clean() const { return !refusal() && cleaning_stops_ == 0; }
  // For whoever cuts the log: no compaction from here on, until resume_cleaning().
  task<> stop_cleaning();
  void resume_cleaning() { --cleaning_stops_; }
  // Whether the batch holds the last sequence of a producer that is still known.
  bool is_last_of_producer(batch_header const& batch) const;
  // One that belongs to nobody yet; its base is that of the first segment that it is made of.
  std::shared_ptr<segment> make_cleaned_segment(offset base);
  // Puts the cleaned segment in the place of `old`, which lie next to each other. Before, once:
  // what the journal says of the log must be newer than them, see carry(). Errors: closed when the
  // log has changed meanwhile: nothing was done; space_exhausted for a refusal, likewise;
  // storage_failed.
  task<expected<void, errc>> replace_segments(std::vector<std::shared_ptr<segment>> old,
                                              std::shared_ptr<segment> cleaned);
  // All below is compacted: of the directory's checkpoint, or no_offset.
  offset cleaned_to() const { return cleaned_to_; }
  void set_cleaned_to(offset to) { cleaned_to_ = to; }
  // Something in it cannot be compacted: it is left alone until the next start.
  void mark_uncleanable() { uncleanable_ = true; }
  bool is_uncleanable() const { return uncleanable_; }
  // Early retention, when the volume runs short: the oldest segment, if the log's policy lets it
  // go; its bytes once it is gone, 0 if it did not go.
  task<std::optional<doomed_segment>> oldest_segment();
  task<std::uint64_t> delete_early(doomed_segment doomed);
  // Gives up what is allocated ahead, while nobody may claim it.
  task<> give_space_back();
  // Forgets idempotent producers that were silent for so long.
  void expire_producers(wall_ms now, std::int64_t expiration_ms) {
    producers_.expire(now, expiration_ms);
  }

 private:
  // Index entries worth a durable write of their own: 256 KiB of batches, which the first append
  // after a start reads again to rebuild what was not written.
  static constexpr std::size_t index_entries_at_once = 64;

  // Appends of one journal file: from where on the log needs it.
  struct journal_mark {
    std::uint64_t ordinal = 0;
    log_position start;
  };

  struct durable_wait : list_link {
    offset end;
    waiters woken;
  };

  struct cut_plan;  // what a truncation leaves, found out before anything changes
  class header_visitor;

  segment& active() { return *segments_.rbegin()->second; }
  segment const& active() const { return *segments_.rbegin()->second; }
  bool no_space_for_appends() const { return services_.full && !config_.from_reserve; }
  bool rolls(std::size_t bytes) const;
  bool must_roll(std::size_t bytes, wall_ms now) const;
  bool writable(std::size_t bytes) const;
  bool claim(std::size_t bytes);
  bool memory_for(std::size_t bytes);
  std::size_t body_bytes(log_position where, std::size_t bytes) const;
  expected<void, errc> copy_batch(validated_batch const& batch, offset base, leader_epoch epoch);
  void add_to_journal(validated_batch const& batch, log_position where);
  bool journal_head();
  void roll();
  void note_rolled();
  void wake_durable();
  bool wants_space(wall_ms now) const;
  task<> grow_ahead();
  task<expected<void, errc>> make_writable(std::size_t bytes, time_point deadline);
  errc no_room(karst::errc code);
  errc not_awake(karst::errc code);
  task<expected<>> wake_up();
  task<expected<>> grow(std::size_t bytes);
  task<expected<>> wait_installed(std::shared_ptr<segment> part);
  task<expected<>> prepare_next();
  task<> install_next(std::shared_ptr<segment> next);
  task<expected<>> make_segment(offset base);
  task<expected<>> make_file(segment& part);
  task<expected<>> zero_above_staged();
  log_state snapshot() const;
  void add_state(log_state const& state, entry_type type);
  void drop_marks(log_position durable, log_position end, std::uint64_t state_ordinal);
  void repin();
  task<expected<>> write_segment(std::shared_ptr<segment> part, std::uint64_t from,
                                 std::uint64_t to, bool durable);
  task<> write_range(std::shared_ptr<segment> part, std::uint64_t from, std::uint64_t to,
                     bool durable, expected<>& result);
  task<expected<>> seal_segment(std::shared_ptr<segment> part);
  task<> remove_expired(wall_ms now);
  std::string spare_path() const { return path_ + "/next.spare"; }
  wall_ms segment_age_most() const;
  task<std::optional<wall_ms>> newest_time(std::shared_ptr<segment> part);
  task<bool> is_past_use(wall_ms now);
  task<> roll_idle(wall_ms now);
  task<> stage_sealed(offset base);
  task<offset> retained_from(wall_ms now);
  task<expected<void, errc>> move_log_start(offset start);
  task<> delete_below_start();
  std::shared_ptr<segment> segment_of(offset at) const;
  std::shared_ptr<segment> segment_after(segment const& part) const;
  // Reading: bytes of a segment from the tail, or from the file where the tail does not hold them.
  struct fetched {
    buffer_chain bytes;
    std::size_t from_file = 0;  // so many at the front: nobody has vouched for them yet
  };
  task<expected<fetched, errc>> fetch(std::shared_ptr<segment> part, std::uint64_t from,
                                      std::uint64_t bytes);
  task<expected<void, errc>> load_for_reading(std::shared_ptr<segment> part);
  task<expected<void, errc>> know_timestamps(std::shared_ptr<segment> part);
  std::uint64_t readable_end(segment const& part, offset end) const;
  struct batch_search;
  task<expected<bool, errc>> locate(std::shared_ptr<segment> part, batch_search& search);
  task<expected<std::optional<read_result>, errc>> read_in(std::shared_ptr<segment> part,
                                                           offset from, offset end,
                                                           read_limits limits);
  task<expected<void, errc>> check_records(std::shared_ptr<segment> part, std::uint64_t at,
                                           offset end, fetched& records);
  errc damaged_at(segment const& part, std::uint64_t at);
  task<expected<std::optional<time_lookup>, errc>> find_in_segment(std::shared_ptr<segment> part,
                                                                   wall_ms at);
  task<expected<wall_ms, errc>> first_time(std::shared_ptr<segment> part);
  bool still_has(std::vector<std::shared_ptr<segment>> const& parts) const;
  task<expected<void, errc>> exchange(std::vector<std::shared_ptr<segment>> old,
                                      std::shared_ptr<segment> cleaned);
  void report(std::string_view doing, karst::errc code);
  // Truncation.
  task<expected<void, errc>> cut_alone(cut_plan& plan);
  task<expected<void, errc>> plan_cut(cut_plan& plan);
  task<expected<void, errc>> plan_producers(cut_plan& plan);
  task<expected<void, errc>> walk_headers(std::shared_ptr<segment> part, std::uint64_t from,
                                          header_visitor& visitor);
  waiters* moving();
  task<expected<void, errc>> room_to_cut(cut_plan const& plan);
  task<expected<void, errc>> cut(cut_plan& plan);
  void take_over(cut_plan& plan);
  task<expected<void, errc>> cut_files(cut_plan const& plan);
  task<expected<>> try_cut_files(cut_plan const& plan);

  log_services& services_;
  log_id id_;
  log::generation generation_;
  uuid topic_id_;
  std::string topic_;
  std::int32_t partition_;
  log_config config_;
  std::string path_;

  offset log_start_;
  offset durable_start_;  // files below may go
  offset end_;
  offset durable_end_;
  log_position durable_position_;  // in the journal
  log_position staged_;            // in the segments: durable_through
  std::map<offset, std::shared_ptr<segment>> segments_;
  log::tail tail_;
  epoch_cache epochs_;
  leader_epoch next_epoch_;
  producer_state producers_;

  journal_pin pin_;
  std::uint64_t state_ordinal_ = 0;
  std::deque<journal_mark> marks_;
  bool head_journaled_ = false;  // the live window holds the last block's head
  bool spare_ready_ = false;     // the next segment's file is allocated and synced
  std::uint64_t spare_bytes_ = 0;
  bool growing_ = false;
  bool destaging_ = false;
  bool shut_ = false;
  bool damaged_ = false;
  bool removed_ = false;
  bool rested_ = false;  // rest() had something to do
  offset cleaned_to_ = no_offset;
  bool uncleanable_ = false;
  bool cleaning_ = false;
  std::uint32_t cleaning_stops_ = 0;
  waiters cleaning_ended_;
  semaphore file_names_{1};        // held while sealed segments go or are exchanged
  std::string snapshot_;           // the file of the last stop
  std::uint64_t index_valid_ = 0;  // recovered: of the active segment's index files
  std::uint64_t last_step_ = 0;    // of the last preallocation
  std::uint64_t roll_random_ = 0;  // what segment.jitter.ms takes off the active segment's time
  // Those who wait for their appends, in the order of the ends: a movement of the durable end wakes
  // those that it concerns and looks at no other.
  intrusive_list<durable_wait> acks_;
  waiters durable_waiters_;  // others, woken by every movement
  waiters durable_moved_;
  waiters staged_moved_;
  waiters grown_;
  // Taken by who changes which segments there are, other than a roll: retention, truncation.
  semaphore changing_{1};
  bool cutting_ = false;   // appends wait
  bool flushing_ = false;  // indexes of the active segment
  std::uint64_t cuts_ = 0;
  offset last_cut_;
  waiters flushed_;
  waiters cut_over_;
  std::vector<offset> stale_;
  gate users_;
};

}  // namespace karst::log
