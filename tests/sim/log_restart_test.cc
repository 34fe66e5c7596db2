#include <gtest/gtest.h>

#include "tests/sim/log_trace.h"
#include "tests/sim/quiet_logs.h"

namespace karst::sim {
namespace {

constexpr std::uint64_t some_logs = 6;

// What a start costs, and what a directory keeps from one start to the next.
class log_restart : public testing::Test {
 protected:
  log_restart() : host_{{.seed = 21}, disk::with_directory("/data")} {
    host_.on_operation([this](operation_record const& done) {
      if (done.code == opcode::read) bytes_read_ += done.length;
      auto journal = done.path.find("karst-journal-") != std::string::npos;
      if (done.code == opcode::write && journal && !done.durable) zeroed_ += done.length;
    });
  }
  std::size_t journal_files() {
    std::size_t found = 0;
    for (auto const& path : host_.storage().files("/data")) {
      found += path.find("karst-journal-") != std::string::npos;
    }
    return found;
  }
  void work(log_node& node, int rounds) {
    for (auto round = 0; round < rounds; ++round) {
      for (std::uint64_t id = 1; id <= some_logs; ++id) ASSERT_EQ(node.append(id, 4000), "");
    }
  }

  quiet_logs quiet_;
  world host_;
  log_ledger ledger_;
  std::uint64_t bytes_read_ = 0;
  std::uint64_t zeroed_ = 0;  // of journal files
};

TEST_F(log_restart, after_a_clean_stop_little_is_read_and_no_journal_is_zeroed) {
  auto const options = small_directory(2);
  {
    log_node node{host_, options, ledger_};
    ASSERT_EQ(node.start(), "");
    for (std::uint64_t id = 1; id <= some_logs; ++id) ASSERT_EQ(node.create(id, small_log()), "");
    work(node, 40);
    node.idle(1s);
    ASSERT_EQ(node.close(), "");
  }
  auto const made = journal_files();
  EXPECT_EQ(made, options.journal_files * options.cores);
  for (auto start = 0; start < 4; ++start) {
    bytes_read_ = zeroed_ = 0;
    log_node node{host_, options, ledger_};
    ASSERT_EQ(node.start(), "");
    // The first blocks of each file, and of one file for each core all, twice: it is smaller than
    // what is read at once.
    EXPECT_LT(bytes_read_, options.journal_file_bytes * options.cores * 5 / 2) << start;
    EXPECT_TRUE(node.report().clean);
    node.idle(1s);
    EXPECT_EQ(zeroed_, 0U) << start;
    EXPECT_EQ(node.check(ledger_.promises()), "");
    // Every other time nothing is written in between.
    if (start % 2 == 0) work(node, 3);
    ASSERT_EQ(node.close(), "");
    EXPECT_EQ(journal_files(), made);
  }
}

TEST_F(log_restart, after_a_kill_journal_files_that_were_never_used_are_not_read) {
  auto const options = small_directory(2);
  {
    log_node node{host_, options, ledger_};
    ASSERT_EQ(node.start(), "");
    for (std::uint64_t id = 1; id <= some_logs; ++id) ASSERT_EQ(node.create(id, small_log()), "");
    work(node, 1);
    node.kill();
  }
  auto const one_of_each_core = options.journal_file_bytes * options.cores;
  {
    bytes_read_ = 0;
    log_node node{host_, options, ledger_};
    ASSERT_EQ(node.start(), "");
    // What they hold, three times: it is looked through, then read for the map and for the logs.
    EXPECT_LT(bytes_read_, one_of_each_core * 7 / 2);
    EXPECT_EQ(node.check(ledger_.promises()), "");
    work(node, 20);
    node.kill();
  }
  // Now the others are used, and count.
  bytes_read_ = 0;
  log_node node{host_, options, ledger_};
  ASSERT_EQ(node.start(), "");
  EXPECT_GT(bytes_read_, one_of_each_core * 7 / 2);
  EXPECT_EQ(node.check(ledger_.promises()), "");
}

TEST_F(log_restart, journals_do_not_multiply_when_the_process_is_killed_again_and_again) {
  auto const options = small_directory(2);
  {
    log_node node{host_, options, ledger_};
    ASSERT_EQ(node.start(), "");
    for (std::uint64_t id = 1; id <= some_logs; ++id) ASSERT_EQ(node.create(id, small_log()), "");
    work(node, 20);
    node.kill();
  }
  for (auto start = 0; start < 5; ++start) {
    log_node node{host_, options, ledger_};
    ASSERT_EQ(node.start(), "");
    EXPECT_EQ(node.report().journal_bytes,
              options.journal_file_bytes * options.journal_files * options.cores);
    EXPECT_EQ(journal_files(), options.journal_files * options.cores) << start;
    EXPECT_EQ(node.check(ledger_.promises()), "") << start;
    work(node, 20);
    node.kill();
  }
}

TEST_F(log_restart, journals_of_another_size_or_of_cores_that_are_gone_are_replaced) {
  auto options = small_directory(3);
  {
    log_node node{host_, options, ledger_};
    ASSERT_EQ(node.start(), "");
    for (std::uint64_t id = 1; id <= some_logs; ++id) ASSERT_EQ(node.create(id, small_log()), "");
    work(node, 20);
    node.kill();
  }
  options = small_directory(1);
  options.journal_file_bytes *= 2;
  options.journal_files = 3;
  log_node node{host_, options, ledger_};
  ASSERT_EQ(node.start(), "");
  EXPECT_EQ(node.check(ledger_.promises()), "");
  EXPECT_EQ(journal_files(), 3U);
  for (auto const& path : host_.storage().files("/data")) {
    if (path.find("karst-journal-") == std::string::npos) continue;
    EXPECT_EQ(host_.storage().content(path).size(), options.journal_file_bytes) << path;
  }
}

// A start that dies before its recovery is finished, again and again, loses nothing, and what it
// took over was not needed.
TEST_F(log_restart, starts_that_die_early_take_nothing_that_is_needed) {
  auto const options = small_directory(1);
  {
    log_node node{host_, options, ledger_};
    ASSERT_EQ(node.start(), "");
    for (std::uint64_t id = 1; id <= some_logs; ++id) ASSERT_EQ(node.create(id, small_log()), "");
    work(node, 30);
    node.kill();
  }
  auto left = host_.power_cut();
  for (std::uint64_t round = 0; round < 40; ++round) {
    world host{{.seed = round}, std::move(left)};
    host.cut_after(10 + round * 3);
    {
      log_node node{host, options, ledger_};
      (void)node.start();
      node.kill();
    }
    left = host.is_cut() ? host.taken_cut() : host.power_cut();
  }
  auto after = recover(std::move(left), ledger_.promises(), ledger_, 1, 1);
  EXPECT_EQ(after.complaints, "");
}

// Logs that need nothing are there before the others are recovered.
TEST_F(log_restart, logs_at_rest_are_served_first) {
  auto const options = small_directory(1);
  {
    log_node node{host_, options, ledger_};
    ASSERT_EQ(node.start(), "");
    for (std::uint64_t id = 1; id <= some_logs; ++id) ASSERT_EQ(node.create(id, small_log()), "");
    work(node, 10);
    ASSERT_EQ(node.close(), "");
  }
  {
    log_node node{host_, options, ledger_};
    ASSERT_EQ(node.start(), "");
    for (auto round = 0; round < 10; ++round) {
      for (std::uint64_t id : {2, 4, 6}) ASSERT_EQ(node.append(id, 4000), "");
    }
    node.kill();
  }
  std::vector<std::uint64_t> order;
  std::vector<bool> found;
  std::vector<std::uint64_t> written;  // bytes of segments, at that moment
  std::uint64_t segment_bytes = 0;
  log_node node{host_, options, ledger_};
  host_.on_operation([&](operation_record const& done) {
    if (done.code == opcode::write && done.path.ends_with(".log")) segment_bytes += done.length;
  });
  node.on_ready = [&](log::partition_log& log) {
    order.push_back(log.id().value);
    found.push_back(node.manager_of(log.id().value).find(log.id()) == &log);
    written.push_back(segment_bytes);
  };
  ASSERT_EQ(node.start(), "");
  ASSERT_EQ(order.size(), some_logs);
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(order[i] % 2, 1U);
    EXPECT_EQ(written[i], 0U);
  }
  EXPECT_GT(written[3], 0U);
  EXPECT_EQ(found, std::vector<bool>(some_logs, true));
  EXPECT_EQ(node.check(ledger_.promises()), "");
}

}  // namespace
}  // namespace karst::sim
