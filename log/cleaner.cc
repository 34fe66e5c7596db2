#include "log/cleaner.h"

#include "reactor/base/logging.h"

namespace karst::log {
namespace {

// How long a throttled pass sleeps at once: a log that is to be closed waits for it.
constexpr auto longest_sleep = 100ms;

double mebibytes(std::uint64_t bytes) {
  return static_cast<double>(bytes) / static_cast<double>(MiB);
}

}  // namespace

cleaner::cleaner(cleaner_options options, surroundings around, abort_source& stop)
    : options_(options), around_(std::move(around)), stop_(stop) {
  offer_metrics();
}

void cleaner::offer_metrics() {
  auto& all = core::current().metrics();
  auto const labels = fmt::format("directory=\"{}\"", around_.services->directory);
  auto const& now = counters_;
  all.add(metrics_[0], "karst_cleaner_passes_total", "Compactions of one log that were completed.",
          now.passes, metric_kind::counter, labels);
  all.add(metrics_[1], "karst_cleaner_read_bytes_total", "Bytes that compaction read.",
          now.bytes_read, metric_kind::counter, labels);
  all.add(metrics_[2], "karst_cleaner_written_bytes_total", "Bytes that compaction wrote.",
          now.bytes_written, metric_kind::counter, labels);
  all.add(metrics_[3], "karst_cleaner_removed_records_total", "Records that compaction removed.",
          now.records_removed, metric_kind::counter, labels);
  all.add(metrics_[4], "karst_cleaner_records_without_key_total",
          "Records of compacted topics that had no key and were removed for that.",
          now.records_without_key, metric_kind::counter, labels);
  all.add(metrics_[5], "karst_cleaner_uncleanable_partitions",
          "Partitions that cannot be compacted; the log says why.", now.uncleanable_logs,
          metric_kind::gauge, labels);
}

task<> cleaner::run() {
  while (!stop_.requested() && !around_.services->failed()) {
    auto chosen = co_await choose();
    if (chosen.log && co_await clean(std::move(chosen))) continue;
    (void)co_await sleep_until(core::current().now() + options_.backoff, &stop_);
  }
}

// Kafka 3.9: LogCleanerManager.grabFilthiestCompactedLog.
task<cleaner::choice> cleaner::choose() {
  choice best;
  auto const now = core::current().clock().wall_now();
  for (auto& log : around_.logs()) {
    if (stop_.requested()) break;
    if (!log->config().compact || log->is_uncleanable() || !log->may_clean()) continue;
    disk_log::dirt found;
    {
      disk_log::cleaning looking{*log};
      found = co_await log->look_for_dirt(now);
    }
    auto const wanted = (found.overdue && found.dirty_bytes != 0) ||
                        found.ratio() > log->config().min_cleanable_dirty_ratio;
    if (!wanted || (best.log && found.ratio() <= best.found.ratio())) continue;
    best = {std::move(log), found};
  }
  co_return best;
}

// False: not now.
task<bool> cleaner::clean(choice chosen) {
  auto& log = *chosen.log;
  if (!log.may_clean()) co_return true;
  disk_log::cleaning under_way{log};
  auto& here = core::current();
  auto const began = here.now();
  auto const now = here.clock().wall_now();
  compaction_pass pass{log,
                       {.direct = around_.services->direct,
                        .map_bytes = options_.map_bytes,
                        .seed = here.clock().random(),
                        .pace = [this, &log](std::size_t bytes) { return pace(log, bytes); }}};
  auto done = co_await pass.run(chosen.found, now);
  count(pass.counts());
  if (done) {
    log.set_cleaned_to(*done);
    ++counters_.passes;
    around_.cleaned(log);
    report(log, pass.counts(), chosen.found.from, *done, core::current().now() - began);
    co_return true;
  }
  auto const& trouble = done.error();
  switch (trouble.what) {
    case pass_trouble::kind::stopped:
      break;
    case pass_trouble::kind::refused:
      logging::warn("log", "{}-{} is not compacted for now: {}", log.topic(), log.partition(),
                    trouble.why);
      co_return false;
    case pass_trouble::kind::uncleanable:
      log.mark_uncleanable();
      ++counters_.uncleanable_logs;
      logging::error("log",
                     "{}-{} is not compacted any more, and grows: {}; other partitions are not "
                     "affected; restore the partition from a replica or a backup, or delete "
                     "records up to there, then restart",
                     log.topic(), log.partition(), trouble.why);
      break;
    case pass_trouble::kind::failed:
      around_.services->fail(trouble.why);
      break;
  }
  co_return true;
}

void cleaner::count(pass_counts const& done) {
  counters_.bytes_read += done.bytes_read;
  counters_.bytes_written += done.bytes_written;
  counters_.records_removed += done.records.records - done.records.kept;
  counters_.records_without_key += done.records.without_key;
}

void cleaner::report(disk_log const& log, pass_counts const& done, offset from, offset to,
                     duration took) {
  auto const seconds = std::chrono::duration<double>(took).count();
  logging::info("log",
                "{}-{}: compacted offsets {} to {}: {:.1f} MiB read and {:.1f} MiB written in "
                "{:.2f} s, {} of {} records kept, {} segments became {}",
                log.topic(), log.partition(), from.value, to.value, mebibytes(done.bytes_read),
                mebibytes(done.bytes_written), seconds, done.records.kept, done.records.records,
                done.segments_before, done.segments_after);
  if (done.records.without_key != 0) {
    logging::warn("log", "{}-{}: compaction removed {} records without a key", log.topic(),
                  log.partition(), done.records.without_key);
  }
}

// log.cleaner.io.max.bytes.per.second counts what is read and what is written, as Kafka's throttler
// does.
task<bool> cleaner::pace(disk_log const& log, std::size_t bytes) {
  auto& here = core::current();
  if (options_.bytes_per_second != 0) {
    auto const share = static_cast<double>(bytes) / static_cast<double>(options_.bytes_per_second);
    paced_until_ = std::max(paced_until_, here.now()) +
                   std::chrono::duration_cast<duration>(std::chrono::duration<double>(share));
  }
  while (here.now() < paced_until_ && !stop_.requested() && log.may_clean()) {
    (void)co_await sleep_until(std::min(paced_until_, here.now() + longest_sleep), &stop_);
  }
  co_return !stop_.requested();
}

}  // namespace karst::log
