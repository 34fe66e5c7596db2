#include "net/connection_server.h"

#include <gtest/gtest.h>

#include "net/wire/header.h"
#include "reactor/base/endian.h"
#include "reactor/machine.h"
#include "reactor/submit_to.h"

// The connection server on real cores and the kernel's sockets: what the simulated network cannot
// show, threads among them.
namespace karst::net {
namespace {

constexpr int clients = 12;
constexpr int requests_each = 40;

// Answers with the request's body, which another core has seen in between.
class travelling_echo final : public handler {
 public:
  bool admits(std::int16_t, std::int16_t, std::string&) const override { return true; }
  overlap overlap_of(std::int16_t key) const override {
    return key == 0 ? overlap::produce : overlap::alone;
  }
  task<response> handle(request const& asked) override {
    ++served;
    if (wanted != no_core) asked.connection->cores.note(wanted);
    auto& here = core::current();
    auto other = static_cast<core_id>((here.id() + 1) % here.count());
    auto const* body = &asked.body;
    auto answer = co_await submit_to(other, [body] { return foreign{travelled(*body)}; });
    response made;
    made.body.emplace_back(std::move(answer));
    co_return made;
  }
  static buffer_chain travelled(buffer_chain const& body) {
    auto copy = buffer::allocate(body.size());
    body.copy_to(0, copy.data(), body.size());
    return buffer_chain{std::move(copy)};
  }
  std::uint64_t served = 0;
  core_id wanted = no_core;  // by every request
};

std::string echo_request(std::int32_t number, std::size_t bytes) {
  std::string frame(14 + bytes, static_cast<char>('a' + number % 26));
  store_be(frame.data(), static_cast<std::int32_t>(10 + bytes));
  store_be(frame.data() + 4, static_cast<std::int16_t>(number % 2));
  store_be(frame.data() + 6, std::int16_t{0});
  store_be(frame.data() + 8, number);
  store_be(frame.data() + 12, std::int16_t{-1});
  return frame;
}

task<> send_all(karst::socket& through, std::string bytes) {
  std::vector<iovec> vectors{{bytes.data(), bytes.size()}};
  EXPECT_TRUE((co_await through.send(std::move(vectors))).has_value());
}

// Sends everything at once and checks that the answers come in order.
task<> be_client(std::uint16_t port, int index) {
  auto connected = co_await karst::socket::connect(*resolve_address("127.0.0.1", port));
  EXPECT_TRUE(connected.has_value());
  if (!connected) co_return;
  auto& through = **connected;
  auto bytes_of = [index](int number) -> std::size_t {
    return number % 10 == 9 ? 200'000 : static_cast<std::size_t>(1 + index * number);
  };
  std::string all;
  for (int i = 0; i < requests_each; ++i) all += echo_request(i, bytes_of(i));
  task_set sending;
  sending.spawn(send_all(through, std::move(all)));
  for (int i = 0; i < requests_each; ++i) {
    std::byte head[8];
    auto got = co_await through.receive_exactly(head);
    EXPECT_TRUE(got.has_value());
    if (!got) break;
    EXPECT_EQ(load_be<std::int32_t>(head + 4), i);
    std::string body(static_cast<std::size_t>(load_be<std::int32_t>(head)) - 4, '\0');
    (void)co_await through.receive_exactly(std::as_writable_bytes(std::span{body}));
    EXPECT_EQ(body, std::string(bytes_of(i), static_cast<char>('a' + i % 26)));
  }
  co_await sending.join();
  through.shutdown();
  co_await through.close();
}

task<int> serve_many(core_id wanted) {
  auto const count = core::current().count();
  std::vector<travelling_echo> handlers(count);
  for (auto& each : handlers) each.wanted = wanted;
  auto server = co_await connection_server::open(
      *resolve_address("127.0.0.1", 0), {},
      [&handlers]() -> handler& { return handlers[core::current().id()]; });
  EXPECT_TRUE(server.has_value());
  if (!server) co_return 1;
  (*server)->start();
  auto port = (*server)->port();
  {
    task_set running;
    for (int i = 0; i < clients; ++i) {
      auto where = static_cast<core_id>(i % count);
      running.spawn(submit_to(where, [port, i] { return be_client(port, i); }));
    }
    co_await running.join();
  }
  auto counters = co_await (*server)->counters();
  EXPECT_EQ(counters.connections_opened, std::uint64_t{clients});
  // Half of them were there; of the others a core takes half its share.
  if (wanted == no_core) EXPECT_EQ(counters.connections_moved, 0u);
  if (wanted != no_core) EXPECT_GE(counters.connections_moved, std::uint64_t{clients} / 4);
  EXPECT_EQ(counters.requests, std::uint64_t{clients} * requests_each);
  co_await (*server)->stop();
  // Least loaded first: every core has had its share, and not all may leave one.
  for (auto const& each : handlers) EXPECT_GT(each.served, 0u);
  co_return 0;
}

class connection_server_on : public testing::TestWithParam<io_choice> {};

TEST_P(connection_server_on, serves_many_clients_from_all_cores) {
  auto status =
      machine::run({.cores = 2, .io = GetParam()}, [](machine&) { return serve_many(no_core); });
  if (!status && GetParam() == io_choice::io_uring) GTEST_SKIP() << status.error().message();
  ASSERT_TRUE(status.has_value()) << status.error().message();
  EXPECT_EQ(*status, 0);
}

// Requests that were received and not answered, and parts of some, when the connection moves.
TEST_P(connection_server_on, a_connection_goes_to_the_core_that_its_requests_are_for) {
  auto status =
      machine::run({.cores = 2, .io = GetParam()}, [](machine&) { return serve_many(1); });
  if (!status && GetParam() == io_choice::io_uring) GTEST_SKIP() << status.error().message();
  ASSERT_TRUE(status.has_value()) << status.error().message();
  EXPECT_EQ(*status, 0);
}

INSTANTIATE_TEST_SUITE_P(real, connection_server_on,
                         testing::Values(io_choice::io_uring, io_choice::epoll),
                         [](auto const& each) {
                           return each.param == io_choice::epoll ? "epoll" : "io_uring";
                         });

}  // namespace
}  // namespace karst::net
