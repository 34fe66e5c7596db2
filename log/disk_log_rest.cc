// The files beside its segments that Kafka keeps of a log and wants to find after a clean stop.
#include "log/checkpoints.h"
#include "log/disk_log.h"
#include "log/segment_name.h"

namespace karst::log {
namespace {

// Written beside the old one and renamed, but not synced: nothing here is ever read from it, and
// Kafka rebuilds what it misses. A sync for each log would be most of the time of a stop.
task<expected<>> write_hint(std::string path, std::span<std::byte const> bytes) {
  auto const temporary = path + ".tmp";
  auto opened = co_await file::open(temporary, open_write | open_create);
  if (!opened) co_return fail(opened.error());
  auto done = co_await opened->truncate(0);
  if (done) done = co_await opened->write(0, bytes, false);
  (void)co_await opened->close();
  if (done) done = co_await rename_file(temporary, path);
  co_return done;
}

}  // namespace

task<> disk_log::leave_kafka_files() {
  auto const current = segment_file_name(end_, segment_file::snapshot);
  if (auto names = co_await list_directory(path_)) {
    for (auto const& name : *names) {
      auto parsed = parse_segment_name(name);
      auto older = parsed && parsed->file == segment_file::snapshot && name != current;
      if (older) (void)co_await unlink_file(path_ + "/" + name);
    }
  }
  auto const producers = producers_.encode_snapshot();
  auto written = co_await write_hint(path_ + "/" + current, producers);
  if (!written) report("cannot write the producer snapshot of", written.error());
  auto const epochs = encode_epochs(epochs_.entries());
  written = co_await write_hint(path_ + "/" + std::string{epoch_checkpoint_file},
                                std::as_bytes(std::span{epochs}));
  if (!written) report("cannot write the leader epochs of", written.error());
}

}  // namespace karst::log
