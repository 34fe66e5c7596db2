#pragma once

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <memory>
#include <string>

#include "reactor/core.h"
#include "reactor/io/make_io.h"

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

// One core over one real io, turned by the test's own thread. Skipped where the kernel refuses
// io_uring.
class backend_test : public testing::TestWithParam<io_choice> {
 protected:
  void SetUp() override {
    auto made = make_io(GetParam());
    if (!made) GTEST_SKIP() << made.error().message();
    core_ = std::make_unique<core>(core_id{0}, std::move(made->io),
                                   std::make_unique<system_clock>(), mail_);
  }
  template <typename T>
  T run(task<T> work) {
    return core_->run_until_done(std::move(work));
  }

  mailboxes mail_{1};
  std::unique_ptr<core> core_;
};

inline std::string backend_name(testing::TestParamInfo<io_choice> const& info) {
  return info.param == io_choice::epoll ? "epoll" : "io_uring";
}

#define KARST_ON_EACH_BACKEND(suite)        \
  INSTANTIATE_TEST_SUITE_P(Backends, suite, \
                           testing::Values(io_choice::io_uring, io_choice::epoll), backend_name)

}  // namespace karst
