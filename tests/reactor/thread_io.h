#pragma once

#include <condition_variable>
#include <mutex>
#include <thread>

#include "reactor/core.h"

namespace karst {

// An io that only sleeps and wakes: for tests of what crosses between real threads, under the
// thread sanitizer.
class thread_io final : public io {
 public:
  std::string_view name() const override { return "threads"; }
  void submit(operation&) override { KARST_ASSERT(false, "no operations here"); }
  void cancel(operation&) override {}
  void turn(time_point until) override {
    ++counters_.turns;
    if (until == time_point::min()) return;
    std::unique_lock lock{mutex_};
    ++sleeps_;
    // A lost wake-up shows as a failure, not as a test that hangs.
    auto woken = changed_.wait_for(lock, 20s, [this] { return woken_; });
    KARST_ASSERT(woken || until != time_point::max(), "slept for 20 s: a wake-up was lost");
    woken_ = false;
  }
  void wake() override {
    std::scoped_lock lock{mutex_};
    woken_ = true;
    changed_.notify_one();
  }
  bool busy() const override { return false; }
  expected<listen_result> listen(sockaddr_storage const&, int) override {
    return fail(errc::unsupported);
  }
  expected<int> make_socket(int) override { return fail(errc::unsupported); }
  void shutdown_socket(int) override {}
  expected<sockaddr_storage> peer_address(int) override { return fail(errc::unsupported); }
  std::uint64_t sleeps() const { return sleeps_; }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool woken_ = false;
  std::uint64_t sleeps_ = 0;
};

}  // namespace karst
