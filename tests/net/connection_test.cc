#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "net/connection_server.h"
#include "net/wire/header.h"
#include "reactor/base/endian.h"
#include "reactor/base/logging.h"
#include "reactor/submit_to.h"
#include "tests/sim/sim_machine.h"

// Connections over the simulated network: its delays and cuts come from a seed, and its time is
// virtual, so that ten minutes of silence take none.
namespace karst::net {
namespace {

constexpr std::int16_t produce_key = 0;
constexpr std::int16_t fetch_key = 1;
constexpr std::int16_t echo_key = 18;

std::vector<std::string> logged;
void keep_line(logging::level, std::string_view line) { logged.emplace_back(line); }

// Answers with the request's own body. A produce body "N..." is answered after N ms; a fetch is
// parked until its connection closes or 'r' was produced; a body "!" closes the connection, "-"
// gets no answer.
class test_handler final : public handler {
 public:
  bool admits(std::int16_t key, std::int16_t version, std::string& reason) const override {
    if (version <= 5 && (key == produce_key || key == fetch_key || key == echo_key)) return true;
    reason = fmt::format("key {} version {} is not served", key, version);
    return false;
  }
  overlap overlap_of(std::int16_t key) const override {
    return key == produce_key ? overlap::produce : overlap::alone;
  }
  task<response> handle(request const& asked) override {
    auto text = asked.body.to_string();
    started.push_back(text.substr(0, 20));
    ++running;
    most_running = std::max(most_running, running);
    if (asked.api_key == produce_key && !text.empty() && text[0] >= '0' && text[0] <= '9') {
      (void)co_await sleep_until{core::current().now() + std::chrono::milliseconds{text[0] - '0'}};
    }
    if (asked.api_key == fetch_key) {
      parked = true;
      auto why = co_await release.wait(never, &asked.connection->closing);
      cancelled += why == wake_reason::aborted ? 1 : 0;
      parked = false;
    }
    --running;
    response answer;
    if (text == "!") {
      answer.what = response::action::close;
      answer.reason = "the handler says so";
    }
    if (text == "-") answer.what = response::action::nothing;
    answer.body.emplace_back(asked.body.share());
    co_return answer;
  }

  std::vector<std::string> started;
  int running = 0;
  int most_running = 0;
  bool parked = false;
  int cancelled = 0;
  waiters release;
};

std::string request_bytes(std::int16_t key, std::int32_t correlation, std::string_view body,
                          std::int16_t version = 0) {
  std::string frame(14, '\0');
  store_be(frame.data(), static_cast<std::int32_t>(10 + body.size()));
  store_be(frame.data() + 4, key);
  store_be(frame.data() + 6, version);
  store_be(frame.data() + 8, correlation);
  store_be(frame.data() + 12, std::int16_t{-1});
  return frame + std::string{body};
}

// A client's end, driven by the test.
class peer {
 public:
  explicit peer(std::unique_ptr<karst::socket> socket) : socket_(std::move(socket)) {}

  task<bool> send(std::string bytes) {
    std::vector<iovec> vectors{{bytes.data(), bytes.size()}};
    co_return (co_await socket_->send(std::move(vectors))).has_value();
  }
  // "<correlation>:<body>", or "closed".
  task<std::string> answer() {
    std::byte head[8];
    if (!co_await socket_->receive_exactly(head)) co_return "closed";
    std::string body(static_cast<std::size_t>(load_be<std::int32_t>(head)) - 4, '\0');
    auto bytes = std::as_writable_bytes(std::span{body});
    if (!body.empty() && !co_await socket_->receive_exactly(bytes)) co_return "cut";
    co_return fmt::format("{}:{}", load_be<std::int32_t>(head + 4), body);
  }
  void shutdown() { socket_->shutdown(); }
  task<> close() {
    socket_->shutdown();
    co_await socket_->close();
  }

 private:
  std::unique_ptr<karst::socket> socket_;
};

class connections : public testing::Test {
 protected:
  connections() : seed_(std::random_device{}()), world_({.seed = seed_}), machine_(world_, 2) {
    logged.clear();
    logging::set_sink(keep_line);
  }
  ~connections() override { logging::set_sink(nullptr); }

  using script = task<> (*)(connections&);
  // Runs the test's script on core 1 against a server on both cores.
  void run(script steps, limits of_server = {}) {
    SCOPED_TRACE(fmt::format("seed {}", seed_));
    machine_.run(0, with_server(*this, steps, of_server));
  }
  static task<> with_server(connections& self, script steps, limits of_server) {
    auto address = resolve_address("127.0.0.1", 0);
    auto opened = co_await connection_server::open(*address, of_server, [&self]() -> handler& {
      return self.handlers_[core::current().id()];
    });
    if (!opened) {
      ADD_FAILURE() << opened.error().message();
      co_return;
    }
    self.server_ = std::move(*opened);
    self.server_->start();
    co_await submit_to(1, [&self, steps] { return steps(self); });
    co_await self.server_->stop();
    self.server_.reset();
  }
  static task<peer> connect(connections& self) {
    auto address = resolve_address("127.0.0.1", self.server_->port());
    auto socket = co_await karst::socket::connect(*address);
    KARST_ASSERT(socket.has_value());
    co_return peer{std::move(*socket)};
  }
  std::vector<std::string> started() {
    auto all = handlers_[0].started;
    all.insert(all.end(), handlers_[1].started.begin(), handlers_[1].started.end());
    return all;
  }

  std::uint64_t seed_;
  sim::world world_;
  sim::machine machine_;
  test_handler handlers_[2];
  std::unique_ptr<connection_server> server_;

  friend struct scripts;
};

struct scripts {
  static task<> produce_overlaps(connections& test) {
    auto client = co_await test.connect(test);
    std::string all;
    for (int i = 0; i < 9; ++i) {
      // The later, the quicker: answers must wait for those before them.
      all += request_bytes(produce_key, i, fmt::format("{}", 9 - i));
    }
    all += request_bytes(echo_key, 9, "alone");
    EXPECT_TRUE(co_await client.send(std::move(all)));
    for (int i = 0; i < 9; ++i) EXPECT_EQ(co_await client.answer(), fmt::format("{}:{}", i, 9 - i));
    EXPECT_EQ(co_await client.answer(), "9:alone");
    EXPECT_EQ(test.started(),
              (std::vector<std::string>{"9", "8", "7", "6", "5", "4", "3", "2", "1", "alone"}));
    EXPECT_GT(std::max(test.handlers_[0].most_running, test.handlers_[1].most_running), 1);
    co_await client.close();
  }

  static task<> fetch_holds_back(connections& test) {
    auto client = co_await test.connect(test);
    EXPECT_TRUE(co_await client.send(request_bytes(fetch_key, 1, "f") +
                                     request_bytes(produce_key, 2, "p")));
    auto& busy = *co_await parked_handler(test);
    EXPECT_EQ(test.started(), std::vector<std::string>{"f"});
    co_await on(test, busy, [](test_handler& handler) { handler.release.wake_all(); });
    EXPECT_EQ(co_await client.answer(), "1:f");
    EXPECT_EQ(co_await client.answer(), "2:p");
    co_await client.close();
  }

  static task<> parked_fetch_is_cancelled(connections& test) {
    auto client = co_await test.connect(test);
    EXPECT_TRUE(
        co_await client.send(request_bytes(fetch_key, 1, "f") + request_bytes(echo_key, 2, "e")));
    auto& busy = *co_await parked_handler(test);
    co_await client.close();
    while (busy.cancelled == 0) co_await moment();
    EXPECT_FALSE(busy.parked);
  }

  // As a producer without acknowledgements does: sends and is gone.
  static task<> last_words(connections& test) {
    auto client = co_await test.connect(test);
    std::string bytes;
    for (int i = 0; i < 40; ++i) bytes += request_bytes(produce_key, i, "-");
    EXPECT_TRUE(co_await client.send(std::move(bytes)));
    co_await client.close();
    while (test.started().size() < 40) co_await moment();
  }

  static task<> large_frames(connections& test) {
    auto client = co_await test.connect(test);
    std::string large(3 * MiB + 17, 'x');
    large[0] = '1';
    EXPECT_TRUE(co_await client.send(request_bytes(produce_key, 1, large) +
                                     request_bytes(produce_key, 2, "0")));
    EXPECT_EQ(co_await client.answer(), "1:" + large);
    EXPECT_EQ(co_await client.answer(), "2:0");
    co_await client.close();
  }

  static task<> bad_frames_close(connections& test) {
    for (auto const& bytes :
         {std::string("\xff\xff\xff\xff", 4), std::string("GET / HTTP/1.1\r\n\r\n"),
          std::string("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 11),
          std::string("\x00\x00\x00\x04zzzz", 8), request_bytes(77, 1, ""),
          request_bytes(echo_key, 1, "", 6), std::string("\x06\x40\x00\x01", 4)}) {
      auto bad = co_await test.connect(test);
      auto good = co_await test.connect(test);
      EXPECT_TRUE(co_await bad.send(request_bytes(echo_key, 7, "before") + bytes));
      EXPECT_EQ(co_await bad.answer(), "7:before");
      EXPECT_EQ(co_await bad.answer(), "closed");
      EXPECT_TRUE(co_await good.send(request_bytes(echo_key, 8, "fine")));
      EXPECT_EQ(co_await good.answer(), "8:fine");
      co_await bad.close();
      co_await good.close();
    }
  }

  static task<> handler_closes(connections& test) {
    auto client = co_await test.connect(test);
    EXPECT_TRUE(co_await client.send(
        request_bytes(produce_key, 1, "3") + request_bytes(produce_key, 2, "-") +
        request_bytes(produce_key, 3, "4") + request_bytes(produce_key, 4, "!") +
        request_bytes(produce_key, 5, "0")));
    EXPECT_EQ(co_await client.answer(), "1:3");
    EXPECT_EQ(co_await client.answer(), "3:4");
    EXPECT_EQ(co_await client.answer(), "closed");
    co_await client.close();
  }

  static task<> idle_closes(connections& test) {
    auto client = co_await test.connect(test);
    auto begun = core::current().now();
    EXPECT_EQ(co_await client.answer(), "closed");
    auto idle = core::current().now() - begun;
    EXPECT_GE(idle, 10min);
    EXPECT_LT(idle, 10min + 1s);
    co_await client.close();
  }

  static task<> parked_is_not_idle(connections& test) {
    auto client = co_await test.connect(test);
    EXPECT_TRUE(co_await client.send(request_bytes(fetch_key, 1, "f")));
    auto& busy = *co_await parked_handler(test);
    (void)co_await sleep_until{core::current().now() + 15min};
    co_await on(test, busy, [](test_handler& handler) { handler.release.wake_all(); });
    EXPECT_EQ(co_await client.answer(), "1:f");
    co_await client.close();
  }

  static task<> slow_small_frame(connections& test) {
    auto client = co_await test.connect(test);
    auto bytes = request_bytes(echo_key, 1, std::string(200, 'x'));
    auto begun = core::current().now();
    // One byte a second: never idle, and still too slow.
    for (auto each : bytes) {
      if (!co_await client.send(std::string{each})) break;
      (void)co_await sleep_until{core::current().now() + 1s};
    }
    EXPECT_LT(core::current().now() - begun, 35s);
    EXPECT_EQ(co_await client.answer(), "closed");
    co_await client.close();
  }

  // Dozens of half-sent frames of 100 MiB: their memory is bounded, and others go on.
  static task<> half_sent_large_frames(connections& test) {
    std::vector<peer> stuck;
    for (int i = 0; i < 40; ++i) {
      stuck.push_back(co_await test.connect(test));
      auto bytes = request_bytes(produce_key, 1, std::string(300 * KiB, 'x'));
      store_be(bytes.data(), std::int32_t{100} * 1024 * 1024);
      test.machine_.at(1).background().spawn(send_and_forget(stuck.back(), std::move(bytes)));
    }
    auto begun = core::current().now();
    for (int i = 0; i < 4; ++i) {
      auto client = co_await test.connect(test);
      std::string ordinary(1 * MiB, '0');
      EXPECT_TRUE(co_await client.send(request_bytes(produce_key, 1, ordinary)));
      EXPECT_EQ(co_await client.answer(), "1:" + ordinary);
      co_await client.close();
    }
    EXPECT_LT(core::current().now() - begun, 5s);
    // And a huge one gets its turn, once those that do not move have been closed.
    auto client = co_await test.connect(test);
    std::string huge(5 * MiB, '0');
    EXPECT_TRUE(co_await client.send(request_bytes(produce_key, 1, huge)));
    EXPECT_EQ(co_await client.answer(), "1:" + huge);
    EXPECT_LT(core::current().now() - begun, 60s);
    co_await client.close();
    for (auto& each : stuck) co_await each.close();
  }

  static task<> slow_reader(connections& test) {
    auto stuck = co_await test.connect(test);
    std::string body(900 * KiB, '0');
    std::string many;
    for (int i = 0; i < 8; ++i) many += request_bytes(produce_key, i, body);
    test.machine_.at(1).background().spawn(send_and_forget(stuck, std::move(many)));
    // Others on the same core are served, and the one that does not read is cut when the budget is
    // spent.
    for (int i = 0; i < 12; ++i) {
      (void)co_await sleep_until{core::current().now() + 500ms};
      auto client = co_await test.connect(test);
      EXPECT_TRUE(co_await client.send(request_bytes(produce_key, 1, body)));
      EXPECT_EQ(co_await client.answer(), "1:" + body);
      co_await client.close();
    }
    auto counters = co_await submit_to(0, [&test] { return test.server_->counters(); });
    EXPECT_EQ(counters.closed_slow, 1u);
    co_await stuck.close();
  }

  static task<> limits_per_address(connections& test) {
    std::vector<peer> open;
    for (int i = 0; i < 3; ++i) open.push_back(co_await test.connect(test));
    for (int i = 0; i < 3; ++i) {
      EXPECT_TRUE(co_await open[i].send(request_bytes(echo_key, i, "in")));
      EXPECT_EQ(co_await open[i].answer(), fmt::format("{}:in", i));
    }
    auto fourth = co_await test.connect(test);
    EXPECT_EQ(co_await fourth.answer(), "closed");
    co_await fourth.close();
    co_await open.back().close();
    open.pop_back();
    // Its place is free once the server has seen the end.
    for (auto served = false; !served;) {
      auto again = co_await test.connect(test);
      served = co_await again.send(request_bytes(echo_key, 9, "again")) &&
               co_await again.answer() == "9:again";
      co_await again.close();
    }
    for (auto& each : open) co_await each.close();
  }

  static task<> stop_answers(connections& test) {
    auto busy = co_await test.connect(test);
    auto parked = co_await test.connect(test);
    auto idle = co_await test.connect(test);
    EXPECT_TRUE(co_await busy.send(request_bytes(produce_key, 1, "9")));
    EXPECT_TRUE(co_await parked.send(request_bytes(fetch_key, 2, "f")));
    (void)co_await parked_handler(test);
    while (test.started().size() < 2) co_await moment();
    auto begun = core::current().now();
    co_await submit_to(0, [&test] { return test.server_->stop(); });
    EXPECT_LT(core::current().now() - begun, 600ms);
    EXPECT_EQ(co_await busy.answer(), "1:9");
    EXPECT_EQ(co_await parked.answer(), "2:f");
    EXPECT_EQ(co_await idle.answer(), "closed");
    co_await busy.close();
    co_await parked.close();
    co_await idle.close();
  }

  // Requests with a few bytes changed, cut or added: every connection ends or is answered, and
  // others go on.
  static task<> damaged_requests(connections& test) {
    std::mt19937 random{static_cast<std::uint32_t>(test.seed_)};
    for (int round = 0; round < 150; ++round) {
      std::string bytes;
      for (int i = 0; i < 4; ++i) {
        bytes +=
            request_bytes(i % 2 == 0 ? produce_key : echo_key, i, std::string(random() % 300, '-'));
      }
      for (auto changes = 1 + random() % 4; changes != 0; --changes) {
        auto where = random() % bytes.size();
        if (random() % 2 == 0) {
          bytes[where] = static_cast<char>(random());
        } else {
          bytes.erase(where, 1 + random() % 8);
        }
      }
      auto client = co_await test.connect(test);
      (void)co_await client.send(std::move(bytes));
      if (random() % 2 == 0) (void)co_await sleep_until{core::current().now() + 50ms};
      co_await client.close();
    }
    auto good = co_await test.connect(test);
    EXPECT_TRUE(co_await good.send(request_bytes(echo_key, 1, "fine")));
    EXPECT_EQ(co_await good.answer(), "1:fine");
    co_await good.close();
  }

  static sleep_until moment() { return sleep_until{core::current().now() + 1ms}; }
  static task<> send_and_forget(peer& through, std::string bytes) {
    (void)co_await through.send(std::move(bytes));
  }
  static task<test_handler*> parked_handler(connections& test) {
    while (!test.handlers_[0].parked && !test.handlers_[1].parked) co_await moment();
    co_return &test.handlers_[test.handlers_[0].parked ? 0 : 1];
  }
  static task<> on(connections& test, test_handler& where, void (*what)(test_handler&)) {
    auto id = static_cast<core_id>(&where - test.handlers_);
    co_await submit_to(id, [&where, what] { what(where); });
  }
};

TEST_F(connections, answers_in_order_while_produce_overlaps) { run(scripts::produce_overlaps); }
TEST_F(connections, a_parked_fetch_holds_back_what_follows) { run(scripts::fetch_holds_back); }
TEST_F(connections, a_parked_fetch_ends_with_its_connection) {
  run(scripts::parked_fetch_is_cancelled);
}
TEST_F(connections, handle_all_that_came_before_the_end) { run(scripts::last_words); }
TEST_F(connections, receive_large_frames) { run(scripts::large_frames); }
TEST_F(connections, close_on_what_they_cannot_understand) {
  run(scripts::bad_frames_close);
  EXPECT_THAT(logged,
              testing::Contains(testing::HasSubstr("closed the connection from 127.0.0.1:")));
}
TEST_F(connections, close_when_the_handler_asks) { run(scripts::handler_closes); }
TEST_F(connections, close_after_silence) { run(scripts::idle_closes); }
TEST_F(connections, are_not_idle_while_a_fetch_is_parked) { run(scripts::parked_is_not_idle); }
TEST_F(connections, close_on_a_request_that_trickles) { run(scripts::slow_small_frame); }
TEST_F(connections, bound_the_memory_of_half_sent_frames) { run(scripts::half_sent_large_frames); }
TEST_F(connections, cut_who_does_not_read) {
  run(scripts::slow_reader, {.output_budget_bytes = 4 * MiB});
}
TEST_F(connections, refuse_more_than_the_limit) {
  run(scripts::limits_per_address, {.connections_per_address = 3});
  EXPECT_THAT(logged, testing::Contains(testing::HasSubstr("max.connections.per.ip=3")));
}
TEST_F(connections, survive_damaged_requests) { run(scripts::damaged_requests); }
TEST_F(connections, answer_what_is_started_before_they_stop) { run(scripts::stop_answers); }

}  // namespace
}  // namespace karst::net
