// What does checking a batch cost, and what does copying it in the same pass save? memcpy alone is
// the floor: copy_crc32c reads the bytes a second time from the first-level cache.
//
// AMD EPYC at 2.6 GHz: checking 20 GB/s from 16 KB on, 14 ns for 170 B. 64 KB: memcpy 1.6 us, copy
// and check 4.6 us in one pass, 4.8 us in two. One pass saves nothing that the second-level cache
// does not save as well; it matters that it costs nothing. A hundred-byte record's CRC is nothing.
#include "reactor/base/crc32c.h"

#include <cstring>

#include "bench/micro/bench_core.h"

namespace karst::micro {
namespace {

struct bytes_pair {
  explicit bytes_pair(benchmark::State const& state)
      : from(text_of(static_cast<std::size_t>(state.range(0)))), to(from.size(), ' ') {}
  std::string from;
  std::string to;
};

void count(benchmark::State& state) {
  state.SetBytesProcessed(state.iterations() * state.range(0));
}

void crc_check(benchmark::State& state) {
  bytes_pair bytes{state};
  for (auto _ : state) benchmark::DoNotOptimize(crc32c(0, bytes.from.data(), bytes.from.size()));
  count(state);
}

void crc_copy_and_check(benchmark::State& state) {
  bytes_pair bytes{state};
  for (auto _ : state) {
    benchmark::DoNotOptimize(copy_crc32c(0, bytes.to.data(), bytes.from.data(), bytes.from.size()));
  }
  count(state);
}

void crc_copy_then_check(benchmark::State& state) {
  bytes_pair bytes{state};
  for (auto _ : state) {
    std::memcpy(bytes.to.data(), bytes.from.data(), bytes.from.size());
    benchmark::DoNotOptimize(crc32c(0, bytes.to.data(), bytes.to.size()));
  }
  count(state);
}

void crc_copy_alone(benchmark::State& state) {
  bytes_pair bytes{state};
  for (auto _ : state) {
    std::memcpy(bytes.to.data(), bytes.from.data(), bytes.from.size());
    benchmark::ClobberMemory();
  }
  count(state);
}

constexpr auto sizes = [](auto* bench) {
  bench->Arg(170)->Arg(16 << 10)->Arg(64 << 10)->Arg(4 << 20);
};
BENCHMARK(crc_check)->Apply(sizes);
BENCHMARK(crc_copy_and_check)->Apply(sizes);
BENCHMARK(crc_copy_then_check)->Apply(sizes);
BENCHMARK(crc_copy_alone)->Apply(sizes);

}  // namespace
}  // namespace karst::micro
