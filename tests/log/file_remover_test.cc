#include "log/file_remover.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <set>

#include "log/limits.h"
#include "tests/reactor/backends.h"

namespace karst::log {
namespace {

using namespace std::chrono_literals;

// A file as one that still has it open sees it.
class witness {
 public:
  explicit witness(std::string const& path) : fd_(open(path.c_str(), O_RDONLY)) {}
  witness(witness const&) = delete;
  witness& operator=(witness const&) = delete;
  ~witness() { close(fd_); }
  std::uint64_t size() const {
    struct stat status{};
    EXPECT_EQ(fstat(fd_, &status), 0);
    return static_cast<std::uint64_t>(status.st_size);
  }

 private:
  int fd_;
};

task<> make_file(std::string path, std::uint64_t bytes) {
  auto made = co_await file::open(path, open_write | open_create);
  EXPECT_TRUE(made);
  EXPECT_TRUE(co_await made->truncate(bytes));
  EXPECT_TRUE(co_await made->close());
}

task<bool> exists(std::string path) { co_return (co_await status_of(path)).has_value(); }

// A remover that runs until end().
struct running_remover : file_remover {
  running_remover() { running.spawn(run(stop)); }
  task<> end() {
    stop.request();
    co_await running.join();
  }

  abort_source stop;
  task_set running;
};

class file_remover_test : public backend_test {};

TEST_P(file_remover_test, a_large_file_has_no_name_at_once_and_shrinks_step_by_step) {
  run([](std::string path) -> task<> {
    auto const all = 64 * limit::freed_at_once + 4711;
    co_await make_file(path, all);
    witness const held{path};
    running_remover remover;
    EXPECT_TRUE(co_await remover.remove(path));
    EXPECT_FALSE(co_await exists(path));
    EXPECT_TRUE(remover.busy());
    std::set<std::uint64_t> sizes;
    while (remover.busy()) {
      sizes.insert(held.size());
      (void)co_await sleep_until(core::current().now() + 1ms);
    }
    EXPECT_GT(sizes.size(), 8U);
    EXPECT_EQ(held.size(), 0U);
    co_await remover.end();
  }(directory_ / "segment"));
}

TEST_P(file_remover_test, a_file_with_another_name_stays_whole_there) {
  run([](std::string path, std::string copy) -> task<> {
    auto const all = 3 * limit::freed_at_once;
    co_await make_file(path, all);
    std::filesystem::create_hard_link(path, copy);
    running_remover remover;
    EXPECT_TRUE(co_await remover.remove(path));
    EXPECT_FALSE(co_await exists(path));
    EXPECT_FALSE(remover.busy());
    EXPECT_EQ(witness{copy}.size(), all);
    co_await remover.end();
  }(directory_ / "segment", directory_ / "snapshot"));
}

TEST_P(file_remover_test, when_space_is_short_files_go_at_once) {
  run([](std::string first, std::string second) -> task<> {
    for (auto const& path : {first, second}) co_await make_file(path, 9 * limit::freed_at_once);
    witness const held{first};
    running_remover remover;
    EXPECT_TRUE(co_await remover.remove(first));
    remover.hurry(true);
    co_await remover.one_freed();
    EXPECT_EQ(held.size(), 0U);
    EXPECT_TRUE(co_await remover.remove(second));
    EXPECT_FALSE(remover.busy());
    EXPECT_FALSE(co_await exists(second));
    co_await remover.end();
  }(directory_ / "first", directory_ / "second"));
}

TEST_P(file_remover_test, small_files_and_those_after_the_stop_are_not_kept) {
  run([](std::string small, std::string large, std::string late) -> task<> {
    co_await make_file(small, 100);
    for (auto const& path : {large, late}) co_await make_file(path, 9 * limit::freed_at_once);
    running_remover remover;
    EXPECT_TRUE(co_await remover.remove(small));
    EXPECT_FALSE(remover.busy());
    EXPECT_TRUE(co_await remover.remove(large));
    co_await remover.end();
    EXPECT_FALSE(remover.busy());
    EXPECT_TRUE(co_await remover.remove(late));
    for (auto const& path : {small, large, late}) EXPECT_FALSE(co_await exists(path));
    auto const missing = co_await remover.remove(late);
    EXPECT_EQ(missing.error(), errc::not_found);
  }(directory_ / "small", directory_ / "large", directory_ / "late"));
}

KARST_ON_EACH_KERNEL_BACKEND(file_remover_test);

}  // namespace
}  // namespace karst::log
