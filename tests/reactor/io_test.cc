#include "reactor/io/io.h"

#include <gmock/gmock.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <thread>

#include "reactor/base/limits.h"
#include "reactor/io/io_uring_setup.h"
#include "reactor/waiters.h"
#include "tests/reactor/backends.h"

namespace karst {
namespace {

class io_test : public backend_test {
 protected:
  karst::io& io() { return core_->io(); }
};

// A multishot receive that keeps what it is given.
struct keeper : operation {
  std::vector<buffer> kept;
  std::size_t bytes = 0;
  errc error = errc::ok;

  explicit keeper(int descriptor) {
    code = opcode::receive;
    multishot = true;
    fd = descriptor;
    complete = [](operation& op, io_result&& result) {
      auto& self = static_cast<keeper&>(op);
      self.error = result.error;
      self.bytes += result.received.size();
      if (!result.received.empty()) self.kept.push_back(std::move(result.received));
    };
  }
};

struct socket_pair {
  socket_pair() {
    EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends), 0);
  }
  ~socket_pair() {
    ::close(ends[0]);
    ::close(ends[1]);
  }
  // As much as the kernel takes.
  std::size_t fill() {
    static std::array<char, 65536> const bytes{};
    std::size_t sent = 0;
    for (ssize_t part = 0; (part = ::send(ends[1], bytes.data(), bytes.size(), 0)) > 0;) {
      sent += static_cast<std::size_t>(part);
    }
    return sent;
  }
  int ends[2];
};

TEST_P(io_test, receives_wait_for_buffers_and_go_on_when_they_come_home) {
  socket_pair link;
  keeper keep{link.ends[0]};
  io().submit(keep);
  std::size_t sent = 0;
  for (auto turns = 0; turns < 1000 && keep.kept.size() < limits::receive_buffers; ++turns) {
    sent += link.fill();
    core_->turn(time_point::min());
  }
  ASSERT_EQ(keep.kept.size(), limits::receive_buffers);
  EXPECT_TRUE(io().receive_memory_low());
  sent += link.fill();
  for (auto turns = 0; turns < 20; ++turns) core_->turn(time_point::min());
  EXPECT_EQ(keep.kept.size(), limits::receive_buffers);
  EXPECT_TRUE(keep.in_flight);
  // Waiting for memory costs nothing: the core sleeps.
  auto const turns_before = io().counters().turns;
  core_->turn(core_->clock().now() + 20ms);
  EXPECT_LE(io().counters().turns - turns_before, 2U);

  keep.kept.clear();
  auto const deadline = core_->clock().now() + 10s;
  while (keep.bytes < sent && core_->clock().now() < deadline) {
    keep.kept.clear();
    core_->turn(core_->clock().now() + 1ms);
  }
  EXPECT_EQ(keep.bytes, sent);
  EXPECT_EQ(io().counters().overflows, 0U);
  io().cancel(keep);
  while (keep.in_flight) core_->turn(core_->clock().now() + 1ms);
  EXPECT_EQ(keep.error, errc::cancelled);
}

TEST_P(io_test, a_receive_that_waits_for_buffers_can_be_cancelled) {
  socket_pair link;
  keeper keep{link.ends[0]};
  io().submit(keep);
  for (auto turns = 0; turns < 1000 && keep.kept.size() < limits::receive_buffers; ++turns) {
    link.fill();
    core_->turn(time_point::min());
  }
  for (auto turns = 0; turns < 20; ++turns) core_->turn(time_point::min());
  io().cancel(keep);
  auto const deadline = core_->clock().now() + 10s;
  while (keep.in_flight && core_->clock().now() < deadline) {
    core_->turn(core_->clock().now() + 1ms);
  }
  EXPECT_FALSE(keep.in_flight);
  EXPECT_EQ(keep.error, errc::cancelled);
}

TEST_P(io_test, an_operation_can_be_cancelled_before_it_was_handed_over) {
  socket_pair link;
  keeper keep{link.ends[0]};
  io().submit(keep);
  io().cancel(keep);
  io().cancel(keep);
  EXPECT_TRUE(keep.in_flight);
  core_->turn(time_point::min());
  EXPECT_FALSE(keep.in_flight);
  EXPECT_EQ(keep.error, errc::cancelled);
}

TEST_P(io_test, buffers_outlive_their_io) {
  socket_pair link;
  keeper keep{link.ends[0]};
  io().submit(keep);
  ASSERT_EQ(::send(link.ends[1], "karst", 5, 0), 5);
  while (keep.bytes < 5) core_->turn(core_->clock().now() + 1ms);
  io().cancel(keep);
  while (keep.in_flight) core_->turn(core_->clock().now() + 1ms);
  core_.reset();
  EXPECT_EQ(std::memcmp(keep.kept.front().data(), "karst", 5), 0);
}

TEST_P(io_test, another_thread_wakes_a_sleeping_core) {
  constexpr auto rounds = 200;
  std::atomic<int> ran{0};
  waiters more;
  std::thread other{[this, &ran, &more] {
    for (auto i = 0; i < rounds; ++i) {
      core_->post_from_outside([&ran, &more] {
        ++ran;
        more.wake_all();
      });
      // The next one finds the core asleep, or about to be.
      while (ran.load() == i) std::this_thread::yield();
    }
  }};
  auto const before = core_->clock().now();
  run([](std::atomic<int>& count, waiters& woken) -> task<> {
    // A lost wake-up would last until the deadline.
    while (count.load() < rounds) (void)co_await woken.wait(core::current().now() + 20s);
  }(ran, more));
  EXPECT_LT(core_->clock().now() - before, 15s);
  other.join();
}

TEST_P(io_test, an_idle_core_sleeps) {
  run([]() -> task<> { co_await sleep_until(core::current().now() + 1ms); }());
  auto const turns = io().counters().turns;
  rusage before{};
  getrusage(RUSAGE_THREAD, &before);
  run([]() -> task<> { co_await sleep_until(core::current().now() + 300ms); }());
  rusage after{};
  getrusage(RUSAGE_THREAD, &after);
  EXPECT_LE(io().counters().turns - turns, 10U);
  auto microseconds = [](rusage const& usage) {
    return (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1'000'000 + usage.ru_utime.tv_usec +
           usage.ru_stime.tv_usec;
  };
  EXPECT_LE(microseconds(after) - microseconds(before), 5000);
}

TEST_P(io_test, deadlines_are_kept) {
  run([]() -> task<> {
    for (auto wait : {1ms, 3ms, 20ms}) {
      auto const before = core::current().clock().now();
      co_await sleep_until(core::current().now() + wait);
      auto const slept = core::current().clock().now() - before;
      EXPECT_GE(slept, wait - 1ms);
      EXPECT_LE(slept, wait + 200ms);
    }
  }());
}

KARST_ON_EACH_KERNEL_BACKEND(io_test);

TEST(io_refusal, names_the_reason_and_the_remedy) {
  EXPECT_THAT(ring_refused(ENOSYS).message(), testing::HasSubstr("Linux 6.1"));
  EXPECT_THAT(ring_refused(ENOMEM).message(), testing::HasSubstr("LimitMEMLOCK"));
  EXPECT_THAT(ring_refused(EINVAL).message(), testing::HasSubstr("too old"));
  EXPECT_THAT(ring_refused(EPERM).message(),
              testing::AnyOf(testing::HasSubstr("seccomp"), testing::HasSubstr("sysctl")));
}

}  // namespace
}  // namespace karst
