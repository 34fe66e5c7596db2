// What does appending one batch cost its core: offsets claimed, bytes copied into the tail and the
// journal group, CRC computed? Nothing is waited for; durability is bench/micro/group_commit.cc.
//
// 2 cores of an AMD EPYC at 2.6 GHz: 0.50 us for one record of 100 B; 19 us for 16 KB and 47 us for
// 64 KB (1.3 GB/s). Of the last, copy and CRC are 4.5 us (bench/micro/crc.cc); nearly all of the
// rest is the kernel's, for tail memory that is touched for the first time.
#include "bench/micro/bench_core.h"
#include "log/validated_batch.h"

namespace karst::micro {
namespace {

// Few enough that a group takes them all, so that no append waits.
std::size_t appends_at_once(std::size_t batch_bytes) {
  return std::clamp<std::size_t>(256 * KiB / batch_bytes, 1, 256);
}

task<> append_loop(benchmark::State& state, std::string path) {
  auto logs = co_await bench_logs::start(std::move(path), 1);
  auto const batch =
      batch_of(static_cast<std::size_t>(state.range(0)), static_cast<std::size_t>(state.range(1)));
  auto const at_once = appends_at_once(batch.size());
  auto& clock = core::current().clock();
  std::size_t appended = 0;
  while (state.KeepRunningBatch(static_cast<std::int64_t>(at_once))) {
    need(co_await (*logs)[0].room_for(at_once * batch.size()), "room");
    log::append_info info;
    auto const begun = clock.now();
    for (std::size_t i = 0; i < at_once; ++i) info = co_await logs->append(0, batch);
    state.SetIterationTime(std::chrono::duration<double>(clock.now() - begun).count());
    need(co_await (*logs)[0].durable(info.end), "durability");
    appended += at_once;
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(appended));
  state.SetBytesProcessed(static_cast<std::int64_t>(appended * batch.size()));
  co_await logs->close();
}

void append(benchmark::State& state) {
  scratch_directory place;
  bench_core{}.run(append_loop(state, place / "data"));
}
// Records in a batch, bytes of each.
BENCHMARK(append)
    ->Args({1, 100})
    ->Args({16, 1000})
    ->Args({64, 1000})
    ->UseManualTime()
    ->MinTime(0.1);  // most of the time is not counted

}  // namespace
}  // namespace karst::micro
