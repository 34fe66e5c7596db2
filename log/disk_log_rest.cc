// The files beside its segments that Kafka keeps of a log and wants to find after a clean stop.
#include "log/checkpoints.h"
#include "log/disk_log.h"
#include "log/segment_name.h"

namespace karst::log {
namespace {

// In place and not synced: nothing here is ever read from it, Kafka rebuilds what it misses, and
// syncs and renames for each log would be most of the time of a stop.
task<> write_hint(std::string path, std::span<std::byte const> bytes, expected<>& result) {
  auto opened = co_await file::open(path, open_write | open_create);
  if (!opened) {
    result = fail(opened.error());
    co_return;
  }
  auto done = co_await opened->truncate(0);
  if (done) done = co_await opened->write(0, bytes, false);
  (void)co_await opened->close();
  if (!done) result = done;
}

task<> remove_older_snapshots(std::string directory, std::string current) {
  auto names = co_await list_directory(directory);
  if (!names) co_return;
  for (auto const& name : *names) {
    auto parsed = parse_segment_name(name);
    auto older = parsed && parsed->file == segment_file::snapshot && name != current;
    if (older) (void)co_await unlink_file(directory + "/" + name);
  }
}

}  // namespace

task<> disk_log::leave_kafka_files() {
  if (!rested_) co_return;
  (void)co_await services_.writes.take(1);
  auto const current = segment_file_name(end_, segment_file::snapshot);
  auto const producers = producers_.encode_snapshot();
  auto const epochs = encode_epochs(epochs_.entries());
  expected<> written;
  // At once: a stop waits for the slowest of them only.
  task_set work;
  work.spawn(remove_older_snapshots(path_, current));
  work.spawn(write_hint(path_ + "/" + current, producers, written));
  work.spawn(write_hint(path_ + "/" + std::string{epoch_checkpoint_file},
                        std::as_bytes(std::span{epochs}), written));
  co_await work.join();
  services_.writes.give(1);
  if (!written) report("cannot write what Kafka keeps of", written.error());
}

}  // namespace karst::log
