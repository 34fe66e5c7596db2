#include <gtest/gtest.h>

#include "tests/sim/log_trace.h"
#include "tests/sim/quiet_logs.h"

namespace karst::sim {
namespace {

class log_removal : public testing::TestWithParam<std::uint64_t> {
  quiet_logs quiet_;
};

// A log is removed while its bytes are on their way to its segments: the others go on, and the
// directory is not taken for failed because files are gone.
TEST_P(log_removal, of_busy_logs_harms_no_other) {
  disk start;
  start.prepare_directory("/data");
  world host{{.seed = GetParam()}, std::move(start)};
  log_ledger ledger;
  log_node node{host, small_directory(2), ledger};
  ASSERT_EQ(node.start(), "");
  log::log_config config;
  config.segment_bytes = 64 * 1024;
  ASSERT_EQ(node.create(1, config), "");
  ASSERT_EQ(node.create(2, config), "");
  for (std::uint64_t id = 3; id < 23; ++id) {
    ASSERT_EQ(node.create(id, config), "");
    std::vector<log_node::append_request> requests;
    for (int i = 0; i < 40; ++i) requests.push_back({i % 4 == 0 ? 1 + id % 2 : id, 3000});
    node.append_all(requests);
    ASSERT_EQ(node.remove(id), "");
    EXPECT_EQ(node.find(id), nullptr);
    EXPECT_EQ(node.manager_of(1).failure(), "");
    EXPECT_EQ(node.manager_of(2).failure(), "");
    ledger.books.erase(id);
  }
  EXPECT_EQ(host.violations(), std::vector<std::string>{});
  ASSERT_EQ(node.close(), "");
  log_node again{host, small_directory(2), ledger};
  ASSERT_EQ(again.start(), "");
  EXPECT_TRUE(again.report().clean);
  EXPECT_EQ(again.report().logs.size(), 2u);
  EXPECT_EQ(again.report().unknown_directories, std::vector<std::string>{});
  EXPECT_EQ(again.check(ledger.promises()), "");
}

INSTANTIATE_TEST_SUITE_P(seeds, log_removal, testing::Values(1, 2, 3, 4));

}  // namespace
}  // namespace karst::sim
