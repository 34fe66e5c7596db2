#include <gmock/gmock.h>

#include <cstdlib>
#include <new>

#include "reactor/file.h"
#include "reactor/slab.h"
#include "reactor/socket.h"
#include "tests/reactor/backends.h"

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define KARST_SANITIZED 1
#endif
#endif

namespace karst {
namespace {
thread_local std::uint64_t allocations = 0;
}  // namespace
}  // namespace karst

#ifndef KARST_SANITIZED
// Counted for the whole test binary; sanitizers have their own.
void* operator new(std::size_t size) {
  ++karst::allocations;
  auto* memory = std::malloc(size);
  if (memory == nullptr) std::abort();
  return memory;
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
#endif

namespace karst {
namespace {

// What the hot path promises: once warm, no allocation and no system call per operation.
class hot_path_test : public backend_test {
 protected:
  void SetUp() override {
#ifdef KARST_SANITIZED
    GTEST_SKIP() << "sanitizers bring their own allocations";
#endif
    backend_test::SetUp();
  }
};

struct counts {
  std::uint64_t allocations = 0;
  std::uint64_t kernel_entries = 0;
  static counts now() {
    return {.allocations = karst::allocations,
            .kernel_entries = core::current().io().counters().turns};
  }
};

struct round_of_echoes {
  std::unique_ptr<listener> door;
  std::vector<std::unique_ptr<socket>> clients;
  std::vector<std::unique_ptr<socket>> servers;

  static task<> echo(socket& on, int rounds) {
    for (auto i = 0; i < rounds; ++i) {
      auto piece = co_await on.receive();
      if (!piece || piece->empty()) co_return;
      iovec back{piece->data(), piece->size()};
      (void)co_await on.send(std::span{&back, 1});
    }
  }
  static task<> ask(socket& on, int rounds) {
    std::array<char, 100> question{};
    for (auto i = 0; i < rounds; ++i) {
      iovec vector{question.data(), question.size()};
      (void)co_await on.send(std::span{&vector, 1});
      auto answer = co_await on.receive();
      EXPECT_TRUE(answer && answer->size() == question.size());
    }
  }
  task<> run(int rounds) {
    task_set all;
    for (auto& each : servers) all.spawn(echo(*each, rounds));
    for (auto& each : clients) all.spawn(ask(*each, rounds));
    co_await all.join();
  }
};

TEST_P(hot_path_test, echoes_allocate_nothing_and_share_their_system_calls) {
  constexpr auto connections = 64;
  constexpr auto rounds = 100;
  run([](bool ring) -> task<> {
    round_of_echoes echoes;
    echoes.door = *listener::open(*resolve_address("127.0.0.1", 0), 100);
    auto const address = *resolve_address("127.0.0.1", echoes.door->port());
    for (auto i = 0; i < connections; ++i) {
      echoes.clients.push_back(std::move(*co_await socket::connect(address)));
      echoes.servers.push_back(std::make_unique<socket>((co_await echoes.door->accept()).value()));
    }
    co_await echoes.run(10);
    auto const before = counts::now();
    co_await echoes.run(rounds);
    auto const after = counts::now();
    // Two sends and two receives each.
    constexpr auto operations = 4 * connections * rounds;
    EXPECT_LT(after.allocations - before.allocations, operations / 100);
    if (ring) {
      EXPECT_LT(after.kernel_entries - before.kernel_entries, operations / 10);
    }
    for (auto& each : echoes.clients) co_await each->close();
    for (auto& each : echoes.servers) co_await each->close();
    co_await echoes.door->close();
  }(GetParam() == backend::io_uring));
}

TEST_P(hot_path_test, writes_allocate_nothing) {
  run([](std::string path) -> task<> {
    auto target = co_await file::open(path, open_write | open_create);
    auto block = core::current().memory().take(block_size);
    std::memset(block.data(), 1, block_size);
    auto write = [](file& to, std::span<std::byte const> bytes, int rounds) -> task<> {
      for (auto i = 0; i < rounds; ++i) {
        auto memory = core::current().memory().take(16 * KiB);
        EXPECT_TRUE(co_await to.write(0, bytes, false));
      }
    };
    co_await write(*target, block.bytes(), 10);
    auto const before = counts::now();
    co_await write(*target, block.bytes(), 500);
    EXPECT_LT(counts::now().allocations - before.allocations, 10U);
    EXPECT_TRUE(co_await target->close());
  }(directory_ / "target"));
}

KARST_ON_EACH_KERNEL_BACKEND(hot_path_test);

}  // namespace
}  // namespace karst
