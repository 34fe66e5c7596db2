#include "reactor/mailbox.h"

#include <gtest/gtest.h>

#include <deque>
#include <thread>
#include <vector>

#include "tests/reactor/thread_io.h"

namespace karst {
namespace {

struct numbered : message {
  numbered(int content, std::vector<int>& into) : number(content), seen(&into) {
    receive = [](message& arrived, core_id) {
      auto& self = static_cast<numbered&>(arrived);
      self.seen->push_back(self.number);
    };
  }
  int number;
  std::vector<int>* seen;
};

class mailbox_test : public testing::Test {
 protected:
  mailbox_test() {
    for (core_id id = 0; id < 3; ++id) mail_.set_io(id, ios_[id]);
  }
  thread_io ios_[3];
  mailboxes mail_{3};
  std::vector<int> seen_;
};

TEST_F(mailbox_test, nothing_is_seen_before_the_flush_and_order_is_kept) {
  numbered one{1, seen_};
  numbered two{2, seen_};
  mail_.send(0, 1, one);
  mail_.send(0, 1, two);
  EXPECT_EQ(mail_.receive(1, 10), 0u);
  EXPECT_TRUE(mail_.flush(0));
  EXPECT_EQ(mail_.receive(2, 10), 0u);
  EXPECT_EQ(mail_.receive(1, 1), 1u);
  EXPECT_EQ(mail_.receive(1, 10), 1u);
  EXPECT_EQ(seen_, (std::vector{1, 2}));
}

TEST_F(mailbox_test, what_does_not_fit_waits_for_the_next_flush) {
  std::deque<numbered> messages;
  constexpr auto count = 1000;
  for (auto i = 0; i < count; ++i) mail_.send(0, 1, messages.emplace_back(i, seen_));
  EXPECT_FALSE(mail_.flush(0));
  EXPECT_FALSE(mail_.flush(0)) << "the ring is full";
  auto flushes = 0;
  while (seen_.size() < count) {
    mail_.receive(1, 64);
    mail_.flush(0);
    ASSERT_LT(++flushes, 100);
  }
  EXPECT_TRUE(mail_.flush(0));
  for (auto i = 0; i < count; ++i) EXPECT_EQ(seen_[static_cast<std::size_t>(i)], i);
}

TEST_F(mailbox_test, a_core_with_mail_may_not_sleep) {
  EXPECT_TRUE(mail_.enter_sleep(1));
  mail_.leave_sleep(1);
  numbered one{1, seen_};
  mail_.send(2, 1, one);
  EXPECT_TRUE(mail_.enter_sleep(1)) << "not published yet";
  mail_.leave_sleep(1);
  mail_.flush(2);
  EXPECT_FALSE(mail_.enter_sleep(1));
  mail_.receive(1, 10);
  EXPECT_TRUE(mail_.enter_sleep(1));
}

TEST_F(mailbox_test, a_message_may_send_an_answer_from_its_receipt) {
  struct ping : message {
    mailboxes* mail = nullptr;
    int hops = 0;
  } ball;
  ball.mail = &mail_;
  ball.receive = [](message& arrived, core_id from) {
    auto& self = static_cast<ping&>(arrived);
    ++self.hops;
    self.mail->send(from == 0 ? 1 : 0, from, self);
  };
  mail_.send(0, 1, ball);
  for (auto i = 0; i < 10; ++i) {
    mail_.flush(0);
    mail_.receive(1, 10);
    mail_.flush(1);
    mail_.receive(0, 10);
  }
  EXPECT_EQ(ball.hops, 20);
}

// Two threads pass tokens in bursts and sleep whenever they have nothing: a lost wake-up stops
// them, a reordering is counted.
TEST(mailbox_threads, sleepers_are_woken_and_order_holds) {
  constexpr core_id cores = 3;
  constexpr int rounds = 3000;
  mailboxes mail{cores};
  thread_io ios[cores];
  for (core_id id = 0; id < cores; ++id) mail.set_io(id, ios[id]);
  struct token : message {
    core_id from = 0;
    int sequence = 0;
  };
  struct receiver {
    int expected[cores] = {};
    std::uint64_t wrong = 0;
    int received = 0;
  };
  static thread_local receiver* mine = nullptr;
  std::vector<receiver> receivers(cores);
  auto run = [&](core_id self) {
    mine = &receivers[self];
    std::deque<token> sent;
    auto sequence = 0;
    while (mine->received < rounds * (cores - 1) || sequence < rounds) {
      for (auto burst = 0; burst < 1 + sequence % 7 && sequence < rounds; ++burst, ++sequence) {
        for (core_id to = 0; to < cores; ++to) {
          if (to == self) continue;
          auto& one = sent.emplace_back();
          one.from = self;
          one.sequence = sequence;
          one.receive = [](message& arrived, core_id from) {
            auto& got = static_cast<token&>(arrived);
            if (got.from != from || got.sequence != mine->expected[from]) ++mine->wrong;
            ++mine->expected[from];
            ++mine->received;
          };
          mail.send(self, to, one);
        }
      }
      auto all_out = mail.flush(self);
      auto idle = sequence == rounds && all_out && mine->received < rounds * (cores - 1);
      if (idle && mail.enter_sleep(self)) ios[self].turn(time_point::max());
      mail.leave_sleep(self);
      mail.receive(self, 16);
    }
    // The others may still have to take what this core sent.
    while (!mail.flush(self)) std::this_thread::yield();
    return sent;
  };
  std::vector<std::deque<token>> kept(cores);
  std::vector<std::thread> threads;
  for (core_id id = 0; id < cores; ++id) threads.emplace_back([&, id] { kept[id] = run(id); });
  for (auto& thread : threads) thread.join();
  for (auto const& one : receivers) {
    EXPECT_EQ(one.wrong, 0u);
    EXPECT_EQ(one.received, rounds * (cores - 1));
  }
}

}  // namespace
}  // namespace karst
