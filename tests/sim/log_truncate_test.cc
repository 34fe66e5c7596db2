#include <gtest/gtest.h>

#include "tests/sim/log_trace.h"
#include "tests/sim/quiet_logs.h"

namespace karst::sim {
namespace {

// Where a log of some segments is cut, and how the process ends afterwards.
struct truncate_case {
  std::string name;
  // From the log's batches, which come in pairs of three and two records, to the new end.
  std::int64_t (*end)(log_book const&);
  bool everything = false;
};

std::int64_t base_of(log_book const& book, std::size_t index) {
  return std::next(book.batches.begin(), static_cast<std::ptrdiff_t>(index))->first;
}

class log_truncate : public testing::Test {
 protected:
  // A directory with one empty log.
  void start(std::uint64_t seed = 1) {
    node_.reset();
    ledger_ = {};
    host_ = std::make_unique<world>(world_options{.seed = seed}, disk::with_directory("/data"));
    node_ = std::make_unique<log_node>(*host_, small_directory(1), ledger_);
    ASSERT_EQ(node_->start(), "");
    ASSERT_EQ(node_->create(1, small_log()), "");
  }
  void restart(bool cleanly, core_id cores = 1) {
    if (cleanly) {
      ASSERT_EQ(node_->close(), "");
    } else {
      node_->kill();
    }
    node_.reset();
    auto left = host_->power_cut();
    host_ = std::make_unique<world>(world_options{.seed = ++lives_}, std::move(left));
    node_ = std::make_unique<log_node>(*host_, small_directory(cores), ledger_);
    ASSERT_EQ(node_->start(), "");
    ASSERT_EQ(node_->report().damage, "");
    ASSERT_EQ(node_->check(ledger_.promises()), "");
    ASSERT_EQ(node_->settle(1), "");
  }
  // About four segments, and a little in the last one.
  void fill() {
    for (auto i = 0; i < 40; ++i) ASSERT_EQ(node_->append(1, 300 + 400 * (i % 20)), "");
  }
  log_book const& book() { return ledger_.books[1]; }
  // The segment files of log 1.
  std::vector<std::string> segments() {
    std::vector<std::string> found;
    for (auto const& path : host_->storage().files("/data/topic1-0")) {
      if (path.ends_with(".log")) found.push_back(path);
    }
    return found;
  }
  // Bytes of the last segment that are not zero from `position` on.
  std::size_t bytes_above(std::uint64_t position) {
    auto const content = host_->storage().content(segments().back());
    auto above = std::string_view{content}.substr(std::min(position, content.size()));
    return static_cast<std::size_t>(std::ranges::count_if(above, [](char c) { return c != 0; }));
  }

  quiet_logs quiet_;
  std::uint64_t lives_ = 1000;  // other seeds: journals of two lives must not have the same nonce
  log_ledger ledger_;
  std::unique_ptr<world> host_;
  std::unique_ptr<log_node> node_;
};

class log_truncate_to : public log_truncate, public testing::WithParamInterface<truncate_case> {};

TEST_P(log_truncate_to, then_appends_stops_and_is_the_same_again) {
  for (auto cleanly : {true, false}) {
    for (auto at_rest : {false, true}) {
      SCOPED_TRACE(fmt::format("cleanly {}, at rest {}", cleanly, at_rest));
      start();
      fill();
      if (at_rest) restart(true);
      auto const end = GetParam().end(book());
      ASSERT_EQ(node_->truncate(1, {end, GetParam().everything}), "");
      auto* log = node_->find(1);
      EXPECT_EQ(log->log_end().value, end);
      EXPECT_EQ(log->durable_end().value, end);
      EXPECT_LE(bytes_above(align_up(log->size_bytes(), block_size)), 0U);
      ASSERT_EQ(node_->check(ledger_.promises()), "");
      restart(cleanly);
      ASSERT_EQ(node_->find(1)->log_end().value, end);
      for (auto i = 0; i < 15; ++i) ASSERT_EQ(node_->append(1, 9000), "");
      ASSERT_EQ(node_->check(ledger_.promises()), "");
      restart(cleanly, 2);
      // Once more, over what the first truncation left.
      auto const again = base_of(book(), book().batches.size() / 2) + 1;
      ASSERT_EQ(node_->truncate(1, {again}), "");
      for (auto i = 0; i < 5; ++i) ASSERT_EQ(node_->append(1, 2000), "");
      restart(!cleanly);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(
    ends, log_truncate_to,
    testing::Values(
        truncate_case{"a_batch_of_the_last_segment", [](auto& b) { return base_of(b, 38); }},
        truncate_case{"inside_the_last_batch", [](auto& b) { return b.claimed - 1; }},
        truncate_case{"a_sealed_segment", [](auto& b) { return base_of(b, 20); }},
        truncate_case{"inside_a_batch_of_a_sealed_segment",
                      [](auto& b) { return base_of(b, 13) + 1; }},
        truncate_case{"the_first_segment", [](auto& b) { return base_of(b, 3); }},
        truncate_case{"inside_the_first_batch_but_one", [](auto& b) { return base_of(b, 1) + 1; }},
        truncate_case{"zero", [](auto&) { return std::int64_t{0}; }},
        truncate_case{"fully_at_an_offset_inside", [](auto& b) { return base_of(b, 20); }, true},
        truncate_case{"fully_at_zero", [](auto&) { return std::int64_t{0}; }, true},
        truncate_case{"fully_far_ahead", [](auto& b) { return b.claimed + 1'000'000; }, true}),
    [](auto const& info) { return info.param.name; });

TEST_F(log_truncate, at_the_end_or_above_it_changes_nothing) {
  start();
  fill();
  auto const end = book().claimed;
  for (auto to : {end, end + 5}) ASSERT_EQ(node_->truncate(1, {to}), "");
  EXPECT_EQ(node_->find(1)->log_end().value, end);
  EXPECT_EQ(node_->check(ledger_.promises()), "");
}

TEST_F(log_truncate, below_the_start_begins_anew_there) {
  start();
  fill();
  ASSERT_EQ(node_->truncate(1, {5000, true}), "");
  for (auto i = 0; i < 20; ++i) ASSERT_EQ(node_->append(1, 9000), "");
  ASSERT_EQ(node_->truncate(1, {4000}), "");
  EXPECT_EQ(node_->find(1)->log_start().value, 4000);
  EXPECT_EQ(node_->find(1)->log_end().value, 4000);
  ASSERT_EQ(node_->append(1, 100), "");
  restart(false);
  EXPECT_EQ(node_->find(1)->log_start().value, 4000);
}

// Epochs that began in what was cut off are forgotten; the log's own go on.
TEST_F(log_truncate, forgets_the_leader_epochs_that_began_there) {
  start();
  for (auto epoch : {1, 2, 3}) {
    node_->find(1)->begin_epoch(log::leader_epoch{epoch});
    ASSERT_EQ(node_->append(1, 100), "");
  }
  auto const second = base_of(book(), 1);
  ASSERT_EQ(node_->truncate(1, {second + 1}), "");
  EXPECT_EQ(node_->find(1)->latest_epoch().value, 2);
  EXPECT_EQ(node_->find(1)->end_of_epoch(log::leader_epoch{1}).end.value, second);
  ASSERT_EQ(node_->truncate(1, {second}), "");
  EXPECT_EQ(node_->find(1)->latest_epoch().value, 1);
  restart(false);
  EXPECT_EQ(node_->find(1)->latest_epoch().value, 1);
}

// All five batches that are remembered of the producer are cut off, and many more: its older ones,
// in the segment that ends the log now or in the one before, are recognised all the same.
TEST_F(log_truncate, producers_with_older_batches_are_not_forgotten) {
  for (auto kept : {1, 3, 12}) {
    start();
    for (auto i = 0; i < kept; ++i) ASSERT_EQ(node_->append_in_sequence(1, 300), "");
    // So that the cut goes through the second segment.
    for (auto i = 0; i < 12; ++i) ASSERT_EQ(node_->append(1, 9000), "");
    auto const end = book().claimed;
    for (auto i = 0; i < 20; ++i) ASSERT_EQ(node_->append_in_sequence(1, 300), "");
    ASSERT_EQ(node_->truncate(1, {end}), "");
    ASSERT_EQ(node_->retry(1), "") << kept;
    restart(false);
    ASSERT_EQ(node_->append_in_sequence(1, 300), "");
    ASSERT_EQ(node_->retry(1, 1), "");
    restart(true);
  }
}

// Whoever appends or reads meanwhile waits, or is answered with what is there.
TEST_F(log_truncate, amid_appends_and_reads) {
  for (std::uint64_t seed = 1; seed <= 30; ++seed) {
    start(seed);
    fill();
    std::vector<log_node::append_request> requests;
    for (auto i = 0; i < 12; ++i) requests.push_back({.id = 1, .bytes = 2000});
    requests.insert(requests.begin() + static_cast<std::ptrdiff_t>(seed % 12),
                    {.id = 1, .cut = log_cut{static_cast<std::int64_t>(seed * 2)}});
    auto read = [](log::partition_log& log) -> task<> {
      for (auto i = 0; i < 20; ++i) (void)co_await read_batches(log);
    };
    node_->cores().start(0, read(*node_->find(1)));
    node_->append_all(requests);
    EXPECT_EQ(book().asked, std::nullopt);
    EXPECT_EQ(node_->check(ledger_.promises()), "") << seed;
    EXPECT_EQ(node_->manager_of(1).failure(), "");
    restart(seed % 2 == 0);
  }
}

// A log at its end or cut off, never a mixture, whenever the power goes; then again.
TEST_F(log_truncate, cut_by_power_at_every_operation_is_done_or_not) {
  for (std::uint64_t round = 0; round < 6; ++round) {
    start(round + 1);
    fill();
    if (round % 2 == 0) restart(true);
    std::vector<power_cut_image> images;
    host_->on_operation([&](operation_record const& done) {
      for (std::uint64_t i = 0; i < 4; ++i) {
        images.push_back({.operation = done.number,
                          .after = done.path,
                          .left = host_->power_cut(i),
                          .promises = ledger_.promises()});
      }
    });
    auto const to = static_cast<std::int64_t>(4 + round * 9);
    ASSERT_EQ(node_->truncate(1, {to, round == 4}), "");
    for (auto i = 0; i < 12; ++i) ASSERT_EQ(node_->append(1, 700 * (i % 5 + 1)), "");
    node_.reset();
    ASSERT_GT(images.size(), 60U);
    for (auto& image : images) {
      auto after = recover(std::move(image.left), image.promises, ledger_, 1, image.operation);
      ASSERT_EQ(after.complaints, "") << "round " << round << ", power cut after operation "
                                      << image.operation << " on " << image.after;
    }
  }
}

// A truncation may be the first word of its log in the live window: all before it is in journal
// files that were reused. Others may follow.
TEST_F(log_truncate, again_and_again_while_journal_files_are_reused) {
  start();
  ASSERT_EQ(node_->create(2, small_log()), "");
  for (auto i = 0; i < 150; ++i) ASSERT_EQ(node_->append(1, 300), "");
  for (auto round = 0; round < 40; ++round) {
    // One of them begins a journal file, at times just before the truncation.
    for (auto i = 0; i < 3; ++i) {
      std::vector<log_node::append_request> requests(4, {.id = 2, .bytes = 3000});
      if (i == round % 3) requests[2] = {.id = 1, .cut = log_cut{book().claimed - 1}};
      node_->append_all(requests);
    }
    auto after = recover(host_->power_cut(), ledger_.promises(), ledger_, 1,
                         static_cast<std::uint64_t>(5000 + round));
    ASSERT_EQ(after.complaints, "") << round;
  }
}

// A roll whose first append was lost leaves the next segment's file. If the log ends in the middle
// of what that file's name says, and grows past it, the file must not become a part of it.
TEST_F(log_truncate, files_of_a_roll_that_did_not_survive_are_removed) {
  auto found = 0;
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    start(seed);
    for (auto i = 0; i < 9; ++i) ASSERT_EQ(node_->append(1, 10'000), "");
    // The next batch does not fit in the segment: its file gets its name, and that is durable, but
    // no journal group is any more.
    std::vector<disk> cuts;
    std::int64_t stale = 0;  // the file's base offset
    host_->on_operation([&](operation_record const& done) {
      if (done.code != opcode::sync || segments().size() != 2) return;
      cuts.push_back(host_->power_cut());
      auto const path = segments().back();
      stale = std::stoll(path.substr(path.rfind('/') + 1));
    });
    host_->inject({.code = opcode::write, .skip = seed % 4, .sticky = true});
    std::vector<log_node::append_request> requests;
    for (auto i = 0; i < 6; ++i) requests.push_back({.id = 1, .bytes = 5000});
    node_->append_all(requests);
    node_->idle(10ms);
    node_->kill();
    node_.reset();
    if (cuts.empty()) continue;
    host_ = std::make_unique<world>(world_options{.seed = ++lives_}, std::move(cuts.front()));
    node_ = std::make_unique<log_node>(*host_, small_directory(1), ledger_);
    ASSERT_EQ(node_->start(), "");
    ASSERT_EQ(node_->check(ledger_.promises()), "");
    ASSERT_EQ(node_->settle(1), "");
    found += book().claimed < stale;
    for (auto i = 0; i < 30; ++i) ASSERT_EQ(node_->append(1, 1000 + 300 * i), "");
    restart(seed % 2 == 0);
  }
  EXPECT_GT(found, 0);
}

}  // namespace
}  // namespace karst::sim
