#include "tests/sim/sim_io.h"

#include <gtest/gtest.h>

#include <cstdlib>

#include "reactor/event.h"
#include "reactor/ready_operation.h"
#include "reactor/submit_to.h"
#include "tests/sim/sim_machine.h"

namespace karst::sim {
namespace {

struct free_memory {
  void operator()(std::byte* memory) const { std::free(memory); }
};
using block_memory = std::unique_ptr<std::byte, free_memory>;

block_memory blocks_of(std::size_t bytes, char fill) {
  auto* memory = static_cast<std::byte*>(std::aligned_alloc(block_size, bytes));
  std::memset(memory, fill, bytes);
  return block_memory{memory};
}

task<io_result> open_at(char const* path, std::uint32_t flags) {
  ready_operation op;
  op.code = opcode::open;
  op.path = path;
  op.open_flags = flags;
  co_return co_await op;
}

task<io_result> on_descriptor(opcode code, int fd, std::uint64_t offset = 0,
                              std::uint64_t length = 0) {
  ready_operation op;
  op.code = code;
  op.fd = fd;
  op.offset = offset;
  op.length = length;
  co_return co_await op;
}

task<io_result> transfer(opcode code, int fd, std::byte* memory, std::size_t bytes,
                         std::uint64_t offset = 0, bool durable = false) {
  ready_operation op;
  iovec vector{memory, bytes};
  op.code = code;
  op.fd = fd;
  op.offset = offset;
  op.durable = durable;
  op.vectors = &vector;
  op.vector_count = 1;
  co_return co_await op;
}

constexpr std::uint32_t fresh_direct = open_read | open_write | open_create | open_direct;

// Writes `count` blocks to /f one after the other, durably; returns how many were acknowledged.
task<int> write_blocks(int count) {
  auto opened = co_await open_at("/f", fresh_direct);
  if (opened.error != errc::ok) co_return 0;
  auto fd = static_cast<int>(opened.value);
  auto root = co_await open_at("/", open_read | open_directory);
  auto synced = co_await on_descriptor(opcode::sync, static_cast<int>(root.value));
  auto acknowledged = 0;
  for (auto i = 0; i < count && synced.error == errc::ok; ++i) {
    auto memory = blocks_of(block_size, static_cast<char>('a' + i));
    auto written = co_await transfer(opcode::write, fd, memory.get(), block_size,
                                     static_cast<std::uint64_t>(i) * block_size, true);
    if (written.error != errc::ok) break;
    ++acknowledged;
  }
  (void)co_await on_descriptor(opcode::close, static_cast<int>(root.value));
  (void)co_await on_descriptor(opcode::close, fd);
  co_return acknowledged;
}

TEST(sim_io, files_read_back_what_was_written) {
  world host{{.seed = 7}};
  machine cores{host, 1};
  EXPECT_EQ(cores.run(0, write_blocks(5)), 5);
  EXPECT_EQ(host.storage().content("/f").size(), 5 * block_size);
  auto read_back = []() -> task<std::string> {
    auto opened = co_await open_at("/f", open_read);
    std::string text(6 * block_size, '\0');
    auto fd = static_cast<int>(opened.value);
    auto got =
        co_await transfer(opcode::read, fd, reinterpret_cast<std::byte*>(text.data()), text.size());
    (void)co_await on_descriptor(opcode::close, fd);
    text.resize(static_cast<std::size_t>(got.value));
    co_return text;
  };
  EXPECT_EQ(cores.run(0, read_back()), host.storage().content("/f"));
  EXPECT_EQ(host.open_descriptors(), 0u);
}

TEST(sim_io, the_same_seed_gives_the_same_trace) {
  auto trace_of = [](std::uint64_t seed) {
    world host{{.seed = seed}};
    machine cores{host, 1};
    cores.run(0, write_blocks(8));
    return host.trace_hash();
  };
  EXPECT_EQ(trace_of(3), trace_of(3));
  EXPECT_NE(trace_of(3), trace_of(4));
}

TEST(sim_io, acknowledged_blocks_survive_a_cut_after_every_operation) {
  world reference{{.seed = 1}};
  {
    machine cores{reference, 1};
    cores.run(0, write_blocks(6));
  }
  for (std::uint64_t cut = 1; cut <= reference.operations(); ++cut) {
    world host{{.seed = 1}};
    host.cut_after(cut);
    machine cores{host, 1};
    auto acknowledged = static_cast<std::size_t>(cores.run(0, write_blocks(6)));
    ASSERT_TRUE(host.is_cut());
    auto after = host.taken_cut();
    if (acknowledged == 0) continue;
    auto content = after.content("/f");
    ASSERT_GE(content.size(), acknowledged * block_size) << "cut after " << cut;
    for (std::size_t i = 0; i < acknowledged; ++i)
      EXPECT_EQ(content[i * block_size], static_cast<char>('a' + i));
  }
}

TEST(sim_io, direct_files_want_whole_blocks) {
  world host{{}};
  machine cores{host, 1};
  auto attempt = [](std::size_t skew, std::size_t bytes, std::uint64_t offset) -> task<errc> {
    auto opened = co_await open_at("/f", fresh_direct);
    auto memory = blocks_of(2 * block_size, 'x');
    auto fd = static_cast<int>(opened.value);
    auto written = co_await transfer(opcode::write, fd, memory.get() + skew, bytes, offset);
    (void)co_await on_descriptor(opcode::close, fd);
    co_return written.error;
  };
  EXPECT_EQ(cores.run(0, attempt(0, block_size, 0)), errc::ok);
  EXPECT_EQ(cores.run(0, attempt(8, block_size, 0)), errc::invalid);
  EXPECT_EQ(cores.run(0, attempt(0, 100, 0)), errc::invalid);
  EXPECT_EQ(cores.run(0, attempt(0, block_size, 512)), errc::invalid);
}

TEST(sim_io, refuses_direct_files_where_told_to) {
  world host{{.refuse_direct = true}};
  machine cores{host, 1};
  EXPECT_EQ(cores.run(0, open_at("/f", fresh_direct)).error, errc::invalid);
}

TEST(sim_io, sees_a_write_over_written_and_unwritten_extents) {
  world host{{}};
  machine cores{host, 1};
  auto straddle = []() -> task<> {
    auto fd = static_cast<int>((co_await open_at("/f", fresh_direct)).value);
    (void)co_await on_descriptor(opcode::allocate, fd, 0, 4 * block_size);
    auto memory = blocks_of(2 * block_size, 'x');
    (void)co_await transfer(opcode::write, fd, memory.get(), block_size, 0, true);
    (void)co_await transfer(opcode::write, fd, memory.get(), 2 * block_size, 0, true);
    (void)co_await on_descriptor(opcode::close, fd);
  };
  cores.run(0, straddle());
  EXPECT_EQ(host.violations().size(), 1u);
}

TEST(sim_io, sees_memory_that_changes_under_a_write) {
  world host{{}};
  machine cores{host, 1};
  auto change = []() -> task<> {
    auto fd = static_cast<int>((co_await open_at("/f", fresh_direct)).value);
    auto memory = blocks_of(block_size, 'x');
    event done;
    auto write = [](int to, std::byte* from, event& finished) -> task<> {
      (void)co_await transfer(opcode::write, to, from, block_size, 0, true);
      finished.set();
    };
    core::current().background().spawn(write(fd, memory.get(), done));
    *memory = std::byte{'y'};
    (void)co_await done.wait();
    (void)co_await on_descriptor(opcode::close, fd);
  };
  cores.run(0, change());
  EXPECT_EQ(host.violations().size(), 1u);
}

TEST(sim_io, injected_faults_hit_the_operation_they_name) {
  world host{{}};
  host.inject({.code = opcode::write, .skip = 2, .error = errc::no_space});
  machine cores{host, 1};
  EXPECT_EQ(cores.run(0, write_blocks(5)), 2);
  EXPECT_EQ(cores.run(0, write_blocks(5)), 5);
  host.inject({.code = opcode::write, .skip = 1, .sticky = true});
  EXPECT_EQ(cores.run(0, write_blocks(5)), 1);
  EXPECT_EQ(cores.run(0, write_blocks(5)), 0);
}

TEST(sim_io, a_full_disk_refuses_more) {
  world host{{}, disk{3 * block_size}};
  machine cores{host, 1};
  EXPECT_EQ(cores.run(0, write_blocks(5)), 3);
}

TEST(sim_io, time_moves_only_when_all_is_idle) {
  world host{{}};
  machine cores{host, 2};
  auto sleep = [](duration span) -> task<duration> {
    auto const start = core::current().now();
    (void)co_await sleep_until(start + span);
    co_return core::current().now() - start;
  };
  auto slept = cores.run(1, sleep(10s));
  EXPECT_GE(slept, 10s);
  EXPECT_LE(slept, 10s + 2ms);
}

TEST(sim_io, cores_call_each_other) {
  auto trace_of = [](std::uint64_t seed) {
    world host{{.seed = seed}};
    machine cores{host, 3};
    std::vector<int> calls(3);
    auto call_all = [](std::vector<int>& counts) -> task<> {
      for (auto round = 0; round < 50; ++round) {
        for (core_id to = 0; to < 3; ++to) {
          auto home = co_await submit_to(to, [&counts, to] {
            ++counts[to];
            return core::current().id();
          });
          EXPECT_EQ(home, to);
        }
        (void)co_await open_at("/none", open_read);
      }
    };
    cores.run_on_each([&](core_id) { return call_all(calls); });
    EXPECT_EQ(calls, (std::vector<int>{150, 150, 150}));
    return host.trace_hash();
  };
  EXPECT_EQ(trace_of(5), trace_of(5));
  EXPECT_NE(trace_of(5), trace_of(6));
}

}  // namespace
}  // namespace karst::sim
