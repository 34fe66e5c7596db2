#include "reactor/file_facts.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>

#include "tests/reactor/backends.h"

namespace karst {
namespace {

using testing::AllOf;
using testing::HasSubstr;

class file_facts_test : public backend_test {};

TEST_P(file_facts_test, a_directory_is_locked_once) {
  run([](std::string here) -> task<> {
    auto first = co_await directory_lock::take(here);
    EXPECT_TRUE(first);
    auto second = co_await directory_lock::take(here);
    EXPECT_FALSE(second);
    EXPECT_THAT(second.error().message(),
                AllOf(HasSubstr(here), HasSubstr(fmt::format("pid {}", getpid())),
                      HasSubstr("since"), HasSubstr("stop it")));
    first->release();
    EXPECT_TRUE(co_await directory_lock::take(here));
    auto missing = co_await directory_lock::take(here + "/none");
    EXPECT_EQ(missing.error().code, errc::not_found);
  }(directory_.path()));
}

TEST_P(file_facts_test, the_lock_that_kafka_takes_is_respected) {
  auto const path = directory_ / ".lock";
  std::ofstream{path};
  int ready[2];
  ASSERT_EQ(pipe(ready), 0);
  auto child = fork();
  if (child == 0) {
    auto fd = ::open(path.c_str(), O_RDWR);
    struct flock whole{};
    whole.l_type = F_WRLCK;
    auto told = fcntl(fd, F_SETLK, &whole) == 0 && ::write(ready[1], "x", 1) == 1;
    if (told) pause();
    _exit(1);
  }
  char byte = 0;
  ASSERT_EQ(::read(ready[0], &byte, 1), 1);
  auto text = run([](std::string here) -> task<std::string> {
    auto lock = co_await directory_lock::take(here);
    co_return lock ? "" : lock.error().message();
  }(directory_.path()));
  EXPECT_THAT(text, HasSubstr(fmt::format("pid {}", child)));
  kill(child, SIGKILL);
  waitpid(child, nullptr, 0);
  ::close(ready[0]);
  ::close(ready[1]);
}

TEST_P(file_facts_test, a_stale_lock_is_taken_over) {
  std::ofstream{directory_ / ".lock"} << "pid 1 since 2020-01-01 00:00:00\n";
  run([](std::string here) -> task<> {
    EXPECT_TRUE(co_await directory_lock::take(here));
  }(directory_.path()));
}

TEST_P(file_facts_test, facts_of_the_directory_and_the_process) {
  run([](std::string here) -> task<> {
    auto refusal = direct_io_refusal(here);
    EXPECT_TRUE(refusal.empty() || refusal.contains("direct I/O")) << refusal;
    auto space = free_space(here);
    EXPECT_TRUE(space);
    EXPECT_GE(space->total_bytes, space->available_bytes);
    EXPECT_EQ(free_space(here + "/none").error(), errc::not_found);
    co_return;
  }(directory_.path()));
  EXPECT_TRUE(std::filesystem::is_empty(directory_.path()));
  EXPECT_GE(raise_descriptor_limit(), 256U);
  EXPECT_GT(resident_memory(), 1 * MiB);
  EXPECT_GT(usable_memory(), 64 * MiB);
}

TEST_P(file_facts_test, tmpfs_is_named_when_it_refuses_direct_io) {
  if (!std::filesystem::is_directory("/dev/shm")) GTEST_SKIP() << "no tmpfs here";
  auto refusal = run([]() -> task<std::string> { co_return direct_io_refusal("/dev/shm"); }());
  EXPECT_TRUE(refusal.empty() || refusal.contains("tmpfs")) << refusal;
}

KARST_ON_EACH_KERNEL_BACKEND(file_facts_test);

}  // namespace
}  // namespace karst
