// How long does one core take, after kill -9, until so many logs with data are served again? A
// child process makes the directory and ends without a word; each start is another child's, killed
// in the same way when it is done.
//
// 2 cores of an AMD EPYC, ext4 on a virtio disk of 1.3 GB/s: 29 ms for one log, 74 ms for 100, 224
// ms for 1,000. The first is the start itself and reading the one journal file of 64 MiB that was
// used; the rest is 0.2 ms a log and more, of opening its files.
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>

#include "bench/micro/bench_core.h"
#include "log/validated_batch.h"

namespace karst::micro {
namespace {

task<> fill(std::string path, std::size_t count) {
  auto logs = co_await bench_logs::start(std::move(path), count);
  auto const batch = batch_of(1, 1000);
  std::vector<log::offset> ends(count);
  for (auto round = 0; round < 4; ++round) {
    for (std::size_t i = 0; i < count; ++i) ends[i] = (co_await logs->append(i, batch)).end;
    for (std::size_t i = 0; i < count; ++i) need(co_await (*logs)[i].durable(ends[i]), "durable");
  }
  (void)logs.release();  // nothing is closed
  ::_exit(0);
}

task<> recover(std::string path, std::size_t count) {
  auto logs = co_await bench_logs::recover(std::move(path));
  auto const all = logs->size() == count;
  (void)logs.release();
  ::_exit(all ? 0 : 1);
}

double seconds_of_child(task<> (*work)(std::string, std::size_t), std::string const& path,
                        std::size_t count) {
  auto const begun = std::chrono::steady_clock::now();
  auto const child = ::fork();
  if (child == 0) bench_core{}.run(work(path, count));
  int status = 0;
  if (child < 0 || ::waitpid(child, &status, 0) != child || status != 0) give_up("a recovery");
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count();
}

void recovery(benchmark::State& state) {
  auto const count = static_cast<std::size_t>(state.range(0));
  for (auto _ : state) {
    // Each time anew: what was recovered once is another directory.
    scratch_directory place;
    auto const path = place / "data";
    (void)seconds_of_child(fill, path, count);
    state.SetIterationTime(seconds_of_child(recover, path, count));
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(recovery)->Arg(1)->Arg(100)->Arg(1000)->Iterations(3)->UseManualTime()->Unit(
    benchmark::kMillisecond);

}  // namespace
}  // namespace karst::micro
