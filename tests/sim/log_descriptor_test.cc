#include <gtest/gtest.h>

#include "tests/sim/log_trace.h"
#include "tests/sim/quiet_logs.h"

namespace karst::sim {
namespace {

constexpr std::uint64_t many_logs = 80;

class log_descriptor : public testing::Test {
 protected:
  // Room for the state entries of all logs.
  static log::directory_options roomy_directory() {
    auto options = small_directory(1);
    options.journal_file_bytes = MiB;
    options.descriptors = 128;
    return options;
  }
  static void append_to_all(log_node& node, std::size_t bytes) {
    std::vector<log_node::append_request> requests;
    for (std::uint64_t id = 1; id <= many_logs; ++id) requests.push_back({id, bytes});
    node.append_all(requests);
  }
  quiet_logs quiet_;
};

// Each log wants two segment files, and indexes now and then; the process may have fewer, and half
// of those are for segments.
TEST_F(log_descriptor, more_logs_than_descriptors_are_written_read_stopped_and_recovered) {
  world host{{.seed = 11, .descriptors_max = 128}, disk::with_directory("/data")};
  log_ledger ledger;
  {
    log_node node{host, roomy_directory(), ledger};
    ASSERT_EQ(node.start(), "");
    for (std::uint64_t id = 1; id <= many_logs; ++id) {
      ASSERT_EQ(node.create(id, small_log()), "");
    }
    for (auto round = 0; round < 6; ++round) append_to_all(node, 5000);
    EXPECT_EQ(node.manager_of(1).failure(), "");
    EXPECT_EQ(node.check(ledger.promises()), "");
    ASSERT_EQ(node.close(), "");
  }
  {
    log_node node{host, roomy_directory(), ledger};
    ASSERT_EQ(node.start(), "");
    EXPECT_TRUE(node.report().clean);
    for (auto round = 0; round < 6; ++round) append_to_all(node, 5000);
    EXPECT_EQ(node.manager_of(1).failure(), "");
    node.kill();
  }
  log_node node{host, roomy_directory(), ledger};
  ASSERT_EQ(node.start(), "");
  EXPECT_EQ(node.check(ledger.promises()), "");
}

// A cache that has room keeps files open; one that has not closes the one unused longest.
TEST_F(log_descriptor, open_segment_files_are_bounded) {
  world host{{.seed = 12}, disk::with_directory("/data")};
  log_ledger ledger;
  auto options = roomy_directory();
  options.descriptors = 130;  // half of it is for segments, 65
  log_node node{host, options, ledger};
  ASSERT_EQ(node.start(), "");
  for (std::uint64_t id = 1; id <= many_logs; ++id) ASSERT_EQ(node.create(id, small_log()), "");
  for (auto round = 0; round < 6; ++round) append_to_all(node, 5000);
  EXPECT_EQ(node.check(ledger.promises()), "");
  // Journal files besides.
  EXPECT_LE(host.open_descriptors(), 65U + options.journal_files + 1);
  EXPECT_GT(host.open_descriptors(), 50U);
}

// When nothing is left, not even by closing what is idle, destaging waits: a refusal, not a
// failure (STORAGE.md 6).
TEST_F(log_descriptor, without_a_descriptor_destaging_waits_and_nothing_fails) {
  world host{{.seed = 13}, disk::with_directory("/data")};
  log_ledger ledger;
  {
    log_node node{host, roomy_directory(), ledger};
    ASSERT_EQ(node.start(), "");
    for (std::uint64_t id = 1; id <= many_logs; ++id) {
      ASSERT_EQ(node.create(id, small_log()), "");
    }
    // The cache has room for 64: the first logs' files are closed again.
    append_to_all(node, 3000);
    host.inject({.code = opcode::open, .error = errc::too_many_files, .sticky = true});
    // More than one journal file: the first is to be destaged, and cannot be.
    for (std::uint64_t i = 0; i < 120; ++i) (void)node.append(1 + i % 16, 9000);
    node.idle(2s);
    EXPECT_EQ(node.manager_of(1).failure(), "");
    host.clear_faults();
    for (std::uint64_t i = 0; i < 400; ++i) ASSERT_EQ(node.append(1 + i % 16, 9000), "");
    EXPECT_EQ(node.check(ledger.promises()), "");
    ASSERT_EQ(node.close(), "");
  }
  log_node node{host, roomy_directory(), ledger};
  ASSERT_EQ(node.start(), "");
  EXPECT_TRUE(node.report().clean);
  EXPECT_EQ(node.check(ledger.promises()), "");
}

}  // namespace
}  // namespace karst::sim
