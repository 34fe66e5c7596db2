#pragma once

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <memory>
#include <string>

#include "reactor/core.h"
#include "reactor/io/make_io.h"
#include "tests/sim/sim_clock.h"
#include "tests/sim/sim_io.h"

namespace karst {

// A directory that is gone with its content at the end of the test.
class temporary_directory {
 public:
  temporary_directory() {
    auto pattern = (std::filesystem::temp_directory_path() / "karst-test-XXXXXX").string();
    path_ = mkdtemp(pattern.data());
  }
  ~temporary_directory() { std::filesystem::remove_all(path_); }
  temporary_directory(temporary_directory const&) = delete;
  temporary_directory& operator=(temporary_directory const&) = delete;
  std::string const& path() const { return path_; }
  std::string operator/(std::string const& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

enum class backend : std::uint8_t { io_uring, epoll, sim };

// One core over one io, turned by the test's own thread: the real ones on the kernel's files and
// sockets, the simulated one on its own. io_uring is skipped where the kernel refuses it.
class backend_test : public testing::TestWithParam<backend> {
 protected:
  void SetUp() override {
    if (simulated()) {
      host_.storage().prepare_directory(directory_.path());
      core_ = std::make_unique<core>(
          core_id{0}, std::make_unique<sim::simulated_io>(host_),
          std::make_unique<sim::simulated_clock>(host_, sim::random_source{1}), mail_);
      return;
    }
    auto made = make_io(GetParam() == backend::epoll ? io_choice::epoll : io_choice::io_uring);
    if (!made) GTEST_SKIP() << made.error().message();
    core_ = std::make_unique<core>(core_id{0}, std::move(made->io),
                                   std::make_unique<system_clock>(), mail_);
  }
  bool simulated() const { return GetParam() == backend::sim; }
  // Descriptors that this process, or the simulated one, has open.
  std::size_t open_descriptors() const {
    if (simulated()) return host_.open_descriptors();
    auto const open = std::filesystem::directory_iterator{"/proc/self/fd"};
    return static_cast<std::size_t>(std::distance(open, {}));
  }
  template <typename T>
  T run(task<T> work) {
    return core_->run_until_done(std::move(work));
  }

  temporary_directory directory_;  // also on the simulated disk
  sim::world host_{{}};
  mailboxes mail_{1};
  std::unique_ptr<core> core_;
};

inline std::string backend_name(testing::TestParamInfo<backend> const& info) {
  if (info.param == backend::sim) return "sim";
  return info.param == backend::epoll ? "epoll" : "io_uring";
}

#define KARST_ON_EACH_BACKEND(suite)                                                         \
  INSTANTIATE_TEST_SUITE_P(Backends, suite,                                                  \
                           testing::Values(backend::io_uring, backend::epoll, backend::sim), \
                           backend_name)

// For what only the kernel has: raw descriptors, other threads, processor time.
#define KARST_ON_EACH_KERNEL_BACKEND(suite)                                                     \
  INSTANTIATE_TEST_SUITE_P(Backends, suite, testing::Values(backend::io_uring, backend::epoll), \
                           backend_name)

}  // namespace karst
