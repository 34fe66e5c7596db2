#include "log/segment_reads.h"

#include <gtest/gtest.h>

#include "log/limits.h"
#include "reactor/slab.h"
#include "tests/reactor/backends.h"
#include "tests/sim/sim_machine.h"

namespace karst::log {
namespace {

std::string text_of(std::size_t bytes) {
  std::string text(bytes, '\0');
  for (std::size_t i = 0; i < bytes; ++i) text[i] = static_cast<char>(i * 7 + i / 251);
  return text;
}

task<std::shared_ptr<file>> make_file(std::string path, std::string const& text) {
  auto made = co_await file::open(path, open_read | open_write | open_create | open_exact);
  EXPECT_TRUE(made);
  EXPECT_TRUE(co_await made->write(0, std::as_bytes(std::span{text}), false));
  co_return std::make_shared<file>(std::move(*made));
}

task<> wait_for_background() {
  auto& here = core::current();
  while (here.background().running() != 0) (void)co_await sleep_until(here.now() + 1ms);
}

class segment_reads_test : public backend_test {
 protected:
  std::string const text_ = text_of(3 * MiB + 4711);
};

TEST_P(segment_reads_test, any_range_is_what_the_file_has) {
  run([](std::string path, std::string const& text) -> task<> {
    auto source = co_await make_file(path, text);
    segment_reads reads{1};
    std::size_t all = 0;
    for (std::size_t from : {0UL, 1UL, 4095UL, 262'144UL, 700'001UL, 3'000'000UL}) {
      for (std::size_t bytes : {1UL, 5000UL, 262'144UL, 262'145UL, 1'064'960UL}) {
        auto got = co_await reads.read(source, from, bytes, text.size());
        EXPECT_TRUE(got);
        EXPECT_EQ(got->to_string(), text.substr(from, bytes)) << from << "+" << bytes;
        all += got->size();
      }
    }
    EXPECT_TRUE((co_await reads.read(source, text.size(), 100, text.size()))->empty());
    EXPECT_EQ(reads.counted().resident_bytes + reads.counted().device_bytes, all);
    co_await wait_for_background();
    EXPECT_EQ(core::current().memory().used(), 0U);
  }(directory_ / "segment", text_));
}

TEST_P(segment_reads_test, where_memory_has_run_out_reads_go_on) {
  run([](std::string path, std::string const& text) -> task<> {
    auto source = co_await make_file(path, text);
    auto& memory = core::current().memory();
    segment_reads reads{1};
    EXPECT_FALSE(segment_reads::is_short());
    std::vector<buffer> taken;
    for (auto piece = memory.take(MiB); !piece.empty(); piece = memory.take(MiB)) {
      taken.push_back(std::move(piece));
    }
    EXPECT_TRUE(segment_reads::is_short());
    auto got = co_await reads.read(source, 10, MiB, text.size());
    EXPECT_TRUE(got);
    EXPECT_EQ(got->to_string(), text.substr(10, MiB));
    taken.clear();
    EXPECT_FALSE(segment_reads::is_short());
    co_await wait_for_background();
  }(directory_ / "segment", text_));
}

KARST_ON_EACH_BACKEND(segment_reads_test);

task<> read_all(segment_reads& reads, std::shared_ptr<file> source, std::size_t bytes) {
  for (std::size_t at = 0; at < bytes; at += MiB) {
    EXPECT_TRUE(co_await reads.read(source, at, MiB, bytes));
  }
}

class device_gate_test : public testing::Test {
 protected:
  static constexpr std::size_t bytes = 2 * MiB;
  static constexpr auto pieces = bytes / limit::segment_read_piece;

  // How long so many readers of a file each take together, where the device needs 1 ms a piece.
  duration read_with(std::size_t readers) {
    return cores_.run(0, [](segment_reads& reads, std::size_t count) -> task<duration> {
      auto const text = text_of(bytes);
      std::vector<std::shared_ptr<file>> files;
      for (std::size_t i = 0; i < count; ++i) {
        files.push_back(co_await make_file(fmt::format("/data/{}", i), text));
      }
      auto begin = core::current().clock().now();
      task_set running;
      for (auto& each : files) running.spawn(read_all(reads, each, bytes));
      co_await running.join();
      auto took = core::current().clock().now() - begin;
      (void)co_await sleep_until(core::current().now() + 1s);  // what is read ahead ends
      co_return took;
    }(reads_, readers));
  }

  sim::world host_{{.seed = 1, .latency_min = 1ms, .latency_max = 1ms},
                   sim::disk::with_directory("/data")};
  sim::machine cores_{host_, 1};
  segment_reads reads_{1};
};

TEST_F(device_gate_test, many_readers_wait_in_turn) {
  constexpr std::size_t readers = 8;
  EXPECT_GE(read_with(readers), 1ms * (readers * pieces / limit::device_reads));
}

TEST_F(device_gate_test, a_reader_alone_is_read_ahead_for) {
  (void)read_with(1);
  // All but what the first read brought and where the file ends.
  EXPECT_GE(reads_.counted().ahead_bytes, bytes - MiB);
  EXPECT_EQ(reads_.counted().device_bytes, bytes);  // the simulated kernel has no page cache
}

}  // namespace
}  // namespace karst::log
