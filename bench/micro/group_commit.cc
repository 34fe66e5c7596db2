// How long does it take from the append to the durable acknowledgement, when so many logs of a core
// append in the same turn and one write makes all of them durable?
//
// 2 cores of an AMD EPYC, ext4 on a virtio disk that others used too: 1.9 ms for one log, 3.7 ms
// for 64, 1.1 to 3.9 ms for 256: the device's time, whoever is in the group. The core's own CPU is
// 0.11 to 0.19 ms for one and 0.22 ms for 64: most of it is the kernel's for one durable write, so
// a log more costs 0.5 to 1 us.
#include "bench/micro/bench_core.h"
#include "log/validated_batch.h"

namespace karst::micro {
namespace {

task<> commit_loop(benchmark::State& state, std::string path) {
  auto const count = static_cast<std::size_t>(state.range(0));
  auto logs = co_await bench_logs::start(std::move(path), count);
  auto const batch = batch_of(static_cast<std::size_t>(state.range(1)), 1000);
  std::vector<log::offset> ends(count);
  for (auto _ : state) {
    for (std::size_t i = 0; i < count; ++i) ends[i] = (co_await logs->append(i, batch)).end;
    for (std::size_t i = 0; i < count; ++i) {
      need(co_await (*logs)[i].durable(ends[i]), "durability");
    }
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
  state.SetBytesProcessed(state.iterations() * state.range(0) *
                          static_cast<std::int64_t>(batch.size()));
  co_await logs->close();
}

void group_commit(benchmark::State& state) {
  scratch_directory place;
  bench_core{}.run(commit_loop(state, place / "data"));
}
// Logs in the group, records of 1,000 bytes in each batch.
BENCHMARK(group_commit)
    ->Args({1, 1})
    ->Args({16, 1})
    ->Args({64, 1})
    ->Args({256, 1})
    ->Args({1, 64})
    ->Args({4, 64})
    ->UseRealTime();

}  // namespace
}  // namespace karst::micro
