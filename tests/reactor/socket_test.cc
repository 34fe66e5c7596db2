#include "reactor/socket.h"

#include <gmock/gmock.h>
#include <sys/socket.h>

#include "reactor/base/limits.h"
#include "reactor/event.h"
#include "reactor/file.h"
#include "tests/reactor/backends.h"

namespace karst {
namespace {

sockaddr_storage loopback(std::uint16_t port) { return *resolve_address("127.0.0.1", port); }

// Both ends of one connection on the core under test.
struct pair {
  std::unique_ptr<listener> door;
  std::unique_ptr<socket> client;
  std::unique_ptr<socket> server;

  task<> close() {
    if (client) co_await client->close();
    if (server) co_await server->close();
    co_await door->close();
  }
};

task<pair> connected() {
  pair both;
  both.door = *listener::open(loopback(0), 100);
  both.client = std::move(*co_await socket::connect(loopback(both.door->port())));
  both.server = std::make_unique<socket>((co_await both.door->accept()).value());
  co_return std::move(both);
}

task<expected<>> send_text(socket& to, std::string text) {
  std::vector<iovec> vectors{{text.data(), text.size()}};
  co_return co_await to.send(std::move(vectors));
}

// Everything until the peer closes, or `most` bytes.
task<expected<std::string>> receive_text(socket& from, std::size_t most) {
  std::string text;
  while (text.size() < most) {
    auto piece = co_await from.receive();
    if (!piece) co_return fail(piece.error());
    if (piece->empty()) break;
    text.append(reinterpret_cast<char const*>(piece->data()), piece->size());
  }
  co_return text;
}

std::string pattern(std::size_t size) {
  std::string text(size, '\0');
  for (std::size_t i = 0; i < size; ++i) text[i] = static_cast<char>('a' + (i * 7 + i / 1000) % 26);
  return text;
}

class socket_test : public backend_test {};
class kernel_socket_test : public backend_test {};

TEST_P(socket_test, echo) {
  run([]() -> task<> {
    auto both = co_await connected();
    EXPECT_TRUE(co_await send_text(*both.client, "ping"));
    EXPECT_EQ((co_await receive_text(*both.server, 4)).value(), "ping");
    EXPECT_TRUE(co_await send_text(*both.server, "pong"));
    EXPECT_EQ((co_await receive_text(*both.client, 4)).value(), "pong");
    EXPECT_EQ(format_address(both.client->peer()), fmt::format("127.0.0.1:{}", both.door->port()));
    EXPECT_THAT(format_address(both.server->peer()), testing::StartsWith("127.0.0.1:"));
    co_await both.close();
  }());
}

TEST_P(socket_test, megabytes_each_way_at_once) {
  run([]() -> task<> {
    auto both = co_await connected();
    auto const text = pattern(5'000'000);
    auto send = [](socket& to, std::string what) -> task<> {
      EXPECT_TRUE(co_await send_text(to, std::move(what)));
    };
    task_set senders;
    senders.spawn(send(*both.client, text));
    senders.spawn(send(*both.server, text));
    auto receive = [](socket& from, std::string const& wanted) -> task<> {
      auto got = co_await receive_text(from, wanted.size());
      EXPECT_TRUE(got == wanted);
    };
    senders.spawn(receive(*both.client, text));
    senders.spawn(receive(*both.server, text));
    co_await senders.join();
    co_await both.close();
  }());
  EXPECT_EQ(core_->io().counters().overflows, 0U);
}

TEST_P(socket_test, many_vectors_in_one_send) {
  run([]() -> task<> {
    auto both = co_await connected();
    auto text = pattern(300'000);
    auto send = [](socket& to, std::string what) -> task<> {
      std::vector<iovec> vectors;
      for (std::size_t i = 0; i < what.size(); i += 100) vectors.push_back({what.data() + i, 100});
      EXPECT_TRUE(co_await to.send(std::span{vectors}));
    };
    task_set sending;
    sending.spawn(send(*both.client, text));
    EXPECT_TRUE((co_await receive_text(*both.server, text.size())) == text);
    co_await sending.join();
    co_await both.close();
  }());
}

TEST_P(socket_test, large_body_after_small_header) {
  run([]() -> task<> {
    auto both = co_await connected();
    auto const text = pattern(3'000'000);
    auto send = [](socket& to, std::string what) -> task<> {
      for (auto i = 0; i < 3; ++i) EXPECT_TRUE(co_await send_text(to, what));
      EXPECT_TRUE(co_await send_text(to, "end"));
    };
    task_set sending;
    sending.spawn(send(*both.client, text));
    for (auto i = 0; i < 3; ++i) {
      auto first = co_await both.server->receive();
      if (!first || first->size() > text.size()) {
        ADD_FAILURE() << "no header";
        break;
      }
      std::string got(text.size(), '\0');
      std::memcpy(got.data(), first->data(), first->size());
      auto rest = std::as_writable_bytes(std::span{got}).subspan(first->size());
      EXPECT_TRUE(co_await both.server->receive_exactly(rest));
      EXPECT_TRUE(got == text);
    }
    EXPECT_EQ((co_await receive_text(*both.server, 3)).value(), "end");
    co_await sending.join();
    co_await both.close();
  }());
}

// As a connection does that goes on with another core; here both sockets are one core's.
TEST_P(socket_test, another_socket_goes_on_where_one_has_left) {
  run([]() -> task<> {
    auto both = co_await connected();
    auto receive = [](socket& from, errc& outcome) -> task<> {
      auto piece = co_await from.receive();
      outcome = piece ? errc::ok : piece.error();
    };
    auto send = [](socket& to, std::string what) -> task<> {
      EXPECT_TRUE(co_await send_text(to, what));
    };
    auto const text = pattern(2'000'000);
    task_set sending;
    sending.spawn(send(*both.client, text));
    std::string got;
    while (got.size() < text.size()) {
      got += (co_await receive_text(*both.server, 1)).value();
      auto outcome = errc::ok;
      task_set receiving;
      both.server->leave();
      receiving.spawn(receive(*both.server, outcome));
      co_await receiving.join();
      EXPECT_EQ(outcome, errc::cancelled);
      std::vector<std::byte> unread;
      auto descriptor = co_await both.server->release(unread);
      got.append(reinterpret_cast<char const*>(unread.data()), unread.size());
      both.server = std::make_unique<socket>(descriptor);
    }
    EXPECT_TRUE(got == text);
    co_await sending.join();
    // One that waits, and for which nothing comes.
    auto outcome = errc::ok;
    task_set receiving;
    receiving.spawn(receive(*both.server, outcome));
    both.server->leave();
    co_await receiving.join();
    EXPECT_EQ(outcome, errc::cancelled);
    std::vector<std::byte> unread;
    both.server = std::make_unique<socket>(co_await both.server->release(unread));
    EXPECT_TRUE(unread.empty());
    EXPECT_TRUE(co_await send_text(*both.server, "pong"));
    EXPECT_EQ((co_await receive_text(*both.client, 4)).value(), "pong");
    co_await both.close();
  }());
}

TEST_P(kernel_socket_test, half_close_is_an_empty_piece_and_the_other_way_stays_open) {
  run([]() -> task<> {
    auto both = co_await connected();
    EXPECT_TRUE(co_await send_text(*both.client, "last words"));
    auto raw = both.client->descriptor();
    ::shutdown(raw, SHUT_WR);
    EXPECT_EQ((co_await receive_text(*both.server, 100)).value(), "last words");
    EXPECT_TRUE((co_await both.server->receive())->empty());
    EXPECT_TRUE(co_await send_text(*both.server, "answer"));
    EXPECT_EQ((co_await receive_text(*both.client, 6)).value(), "answer");
    std::array<std::byte, 10> more;
    EXPECT_EQ((co_await both.server->receive_exactly(more)).error(), errc::closed);
    co_await both.close();
  }());
}

TEST_P(kernel_socket_test, reset_is_told) {
  run([]() -> task<> {
    auto both = co_await connected();
    linger at_once{.l_onoff = 1, .l_linger = 0};
    setsockopt(both.client->descriptor(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    auto waiting = [](socket& from, errc& outcome) -> task<> {
      auto piece = co_await from.receive();
      outcome = piece ? errc::ok : piece.error();
    };
    auto outcome = errc::ok;
    task_set receiving;
    receiving.spawn(waiting(*both.server, outcome));
    co_await both.client->close();
    both.client.reset();
    co_await receiving.join();
    // shutdown before close sends an orderly end first where the kernel is quick.
    EXPECT_TRUE(outcome == errc::reset || outcome == errc::ok);
    EXPECT_FALSE(co_await send_text(*both.server, pattern(1'000'000)));
    co_await both.close();
  }());
}

TEST_P(socket_test, shutdown_ends_a_receive_and_a_blocked_send) {
  run([]() -> task<> {
    auto both = co_await connected();
    auto receive = [](socket& from, errc& outcome) -> task<> {
      auto piece = co_await from.receive();
      outcome = piece ? errc::ok : piece.error();
    };
    auto send = [](socket& to, errc& outcome) -> task<> {
      auto sent = co_await send_text(to, pattern(20'000'000));
      outcome = sent ? errc::ok : sent.error();
    };
    auto received = errc::ok;
    auto sent = errc::ok;
    task_set waiting;
    waiting.spawn(receive(*both.client, received));
    waiting.spawn(send(*both.client, sent));
    co_await sleep_until(core::current().now() + 20ms);
    both.client->shutdown();
    co_await waiting.join();
    EXPECT_EQ(received, errc::closed);
    EXPECT_EQ(sent, errc::closed);
    co_await both.close();
  }());
}

TEST_P(socket_test, shutdown_ends_receive_exactly) {
  run([]() -> task<> {
    auto both = co_await connected();
    std::vector<std::byte> body(1'000'000);
    auto receive = [](socket& from, std::span<std::byte> to, errc& outcome) -> task<> {
      auto got = co_await from.receive_exactly(to);
      outcome = got ? errc::ok : got.error();
    };
    auto outcome = errc::ok;
    task_set waiting;
    waiting.spawn(receive(*both.server, body, outcome));
    EXPECT_TRUE(co_await send_text(*both.client, "only a part of it"));
    both.server->shutdown();
    co_await waiting.join();
    EXPECT_EQ(outcome, errc::closed);
    co_await both.close();
  }());
}

TEST_P(socket_test, refused_connection) {
  run([]() -> task<> {
    auto door = *listener::open(loopback(0), 1);
    auto port = door->port();
    co_await door->close();
    EXPECT_EQ((co_await socket::connect(loopback(port))).error(), errc::refused);
  }());
}

TEST_P(socket_test, nobody_starves_when_one_keeps_all_it_gets) {
  run([]() -> task<> {
    auto both = co_await connected();
    auto more = co_await connected();
    auto flood = [](socket& to) -> task<> { (void)co_await send_text(to, pattern(30'000'000)); };
    task_set sending;
    sending.spawn(flood(*both.client));
    std::vector<buffer> kept;
    for (std::uint32_t i = 0; i < 2 * limits::receive_buffers; ++i) {
      auto piece = co_await both.server->receive();
      if (!piece) break;
      kept.push_back(std::move(*piece));
    }
    EXPECT_EQ(kept.size(), 2 * limits::receive_buffers);
    EXPECT_TRUE(co_await send_text(*more.client, "a small request"));
    EXPECT_EQ((co_await receive_text(*more.server, 15)).value(), "a small request");
    both.client->shutdown();
    co_await sending.join();
    co_await both.close();
    co_await more.close();
  }());
}

TEST_P(socket_test, many_connections) {
  run([]() -> task<> {
    constexpr auto connections = 2 * limits::receive_buffers;
    auto door = *listener::open(loopback(0), 1000);
    std::vector<std::unique_ptr<socket>> clients;
    std::vector<std::unique_ptr<socket>> servers;
    for (std::uint32_t i = 0; i < connections; ++i) {
      clients.push_back(std::move(*co_await socket::connect(loopback(door->port()))));
      servers.push_back(std::make_unique<socket>((co_await door->accept()).value()));
    }
    auto const text = pattern(1000);
    std::size_t served = 0;
    auto serve = [](socket& from, std::string const& wanted, std::size_t& count) -> task<> {
      for (auto i = 0; i < 3; ++i) {
        auto got = co_await receive_text(from, wanted.size());
        EXPECT_TRUE(got == wanted);
      }
      ++count;
    };
    task_set serving;
    for (auto& server : servers) serving.spawn(serve(*server, text, served));
    for (auto i = 0; i < 3; ++i) {
      for (auto& client : clients) EXPECT_TRUE(co_await send_text(*client, text));
    }
    co_await serving.join();
    EXPECT_EQ(served, connections);
    for (auto& client : clients) co_await client->close();
    for (auto& server : servers) co_await server->close();
    co_await door->close();
  }());
  EXPECT_EQ(core_->io().counters().overflows, 0U);
}

TEST_P(socket_test, a_paused_receiver_stops_taking) {
  run([]() -> task<> {
    auto both = co_await connected();
    auto const text = pattern(8'000'000);
    auto send = [](socket& to, std::string what) -> task<> {
      EXPECT_TRUE(co_await send_text(to, std::move(what)));
    };
    task_set sending;
    sending.spawn(send(*both.client, text));
    auto first = co_await both.server->receive();
    std::string got{reinterpret_cast<char const*>(first->data()), first->size()};
    both.server->pause_receiving();
    co_await sleep_until(core::current().now() + 30ms);
    auto held = both.server->buffered();
    co_await sleep_until(core::current().now() + 30ms);
    EXPECT_EQ(both.server->buffered(), held);
    EXPECT_LT(held, 2 * MiB);
    got += (co_await receive_text(*both.server, text.size() - got.size())).value();
    EXPECT_TRUE(got == text);
    co_await sending.join();
    co_await both.close();
  }());
}

TEST_P(socket_test, a_slow_owner_bounds_what_is_taken_ahead) {
  run([]() -> task<> {
    auto both = co_await connected();
    auto send = [](socket& to) -> task<> { (void)co_await send_text(to, pattern(20'000'000)); };
    task_set sending;
    sending.spawn(send(*both.client));
    (void)co_await both.server->receive();
    co_await sleep_until(core::current().now() + 50ms);
    EXPECT_LT(both.server->buffered(), 2 * MiB);
    both.client->shutdown();
    co_await sending.join();
    co_await both.close();
  }());
}

TEST_P(socket_test, file_ranges_are_sent) {
  run([](std::string path) -> task<> {
    auto const text = pattern(2'000'000);
    EXPECT_TRUE(co_await write_file_atomically(path, text));
    auto both = co_await connected();
    auto source = std::make_shared<file>(std::move(*co_await file::open(path, open_read)));
    auto send = [](socket& to, file_range range, errc& outcome) -> task<> {
      auto sent = co_await to.send_file(std::move(range));
      outcome = sent ? errc::ok : sent.error();
    };
    auto outcome = errc::io_error;
    task_set sending;
    sending.spawn(send(*both.client, {source, 1000, 1'500'000}, outcome));
    EXPECT_TRUE((co_await receive_text(*both.server, 1'500'000)) == text.substr(1000, 1'500'000));
    co_await sending.join();
    EXPECT_EQ(outcome, errc::ok);
    auto beyond = co_await both.client->send_file({source, 1'999'999, 2}, false);
    EXPECT_EQ(beyond.error(), errc::end_of_file);
    co_await both.close();
  }(directory_ / "source"));
}

TEST_P(socket_test, a_taken_port_is_refused_with_its_name) {
  run([]() -> task<> {
    auto first = *listener::open(loopback(0), 10);
    auto second = listener::open(loopback(first->port()), 10);
    EXPECT_FALSE(second);
    EXPECT_THAT(second.error().message(),
                testing::AllOf(testing::HasSubstr(fmt::format("127.0.0.1:{}", first->port())),
                               testing::HasSubstr("address in use"),
                               testing::HasSubstr("another process holds the port")));
    co_await first->close();
  }());
}

TEST_P(socket_test, stop_ends_accept) {
  run([]() -> task<> {
    auto door = *listener::open(loopback(0), 10);
    auto accept = [](listener& from, errc& outcome) -> task<> {
      auto next = co_await from.accept();
      outcome = next ? errc::ok : next.error();
    };
    auto outcome = errc::ok;
    task_set accepting;
    accepting.spawn(accept(*door, outcome));
    co_await sleep_until(core::current().now() + 5ms);
    door->stop();
    co_await accepting.join();
    EXPECT_EQ(outcome, errc::closed);
    co_await door->close();
  }());
}

KARST_ON_EACH_BACKEND(socket_test);
KARST_ON_EACH_KERNEL_BACKEND(kernel_socket_test);

}  // namespace
}  // namespace karst
