#include "reactor/io/make_io.h"

#include <gmock/gmock.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>

#include "reactor/base/expected.h"

namespace karst {
namespace {

// What a container's default profile does to io_uring; only for a process that ends soon.
void refuse_io_uring(int error_number) {
  sock_filter program[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_io_uring_setup, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | static_cast<unsigned>(error_number)),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  sock_fprog filter{.len = std::size(program), .filter = program};
  prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) != 0) std::exit(3);
}

// Says what make_io gives in a process where io_uring_setup fails; exits with 0 for epoll, 1 for an
// error, 2 for io_uring.
[[noreturn]] void try_where_refused(int error_number, io_choice choice) {
  refuse_io_uring(error_number);
  auto made = make_io(choice);
  if (!made) {
    std::fprintf(stderr, "%s\n", made.error().message().c_str());
    std::exit(1);
  }
  std::fprintf(stderr, "%s\n", made->report.reason.c_str());
  std::exit(made->report.name == "epoll" ? 0 : 2);
}

TEST(make_io, a_container_that_forbids_io_uring_gets_epoll_and_a_reason) {
  EXPECT_EXIT(try_where_refused(EPERM, io_choice::automatic), testing::ExitedWithCode(0),
              "forbids io_uring");
  EXPECT_EXIT(try_where_refused(ENOSYS, io_choice::automatic), testing::ExitedWithCode(0),
              "no io_uring; use Linux 6.1");
  EXPECT_EXIT(try_where_refused(ENOMEM, io_choice::automatic), testing::ExitedWithCode(0),
              "memlock limit .* raise LimitMEMLOCK");
}

TEST(make_io, io_uring_on_demand_is_an_error_where_it_is_refused) {
  EXPECT_EXIT(try_where_refused(EPERM, io_choice::io_uring), testing::ExitedWithCode(1),
              "cannot use io_uring: .*forbids io_uring");
}

TEST(make_io, epoll_on_demand_gives_no_reason) {
  auto made = make_io(io_choice::epoll);
  ASSERT_TRUE(made);
  EXPECT_EQ(made->report.name, "epoll");
  EXPECT_EQ(made->report.reason, "");
}

}  // namespace
}  // namespace karst
