#include "reactor/metrics.h"

#include <gmock/gmock.h>

#include "tests/reactor/backends.h"

namespace karst {
namespace {

TEST(metrics, a_snapshot_has_the_values_of_now_and_forgets_who_is_gone) {
  metrics registry;
  std::uint64_t requests = 3;
  metric first;
  registry.add(first, "requests_total", "Requests", requests);
  {
    std::uint64_t depth = 7;
    metric second;
    registry.add(second, "depth", "Depth", depth, metric_kind::gauge, "queue=\"a\"");
    ++requests;
    auto samples = registry.snapshot();
    ASSERT_EQ(samples.size(), 2U);
    EXPECT_EQ(samples[0].name, "requests_total");
    EXPECT_EQ(samples[0].value, 4U);
    EXPECT_EQ(samples[1].labels, "queue=\"a\"");
    EXPECT_EQ(samples[1].value, 7U);
  }
  EXPECT_EQ(registry.snapshot().size(), 1U);
}

class core_metrics_test : public backend_test {};

TEST_P(core_metrics_test, turns_are_counted) {
  run([]() -> task<> { co_await sleep_until(core::current().now() + 5ms); }());
  auto samples = core_->metrics().snapshot();
  auto turns = std::ranges::find(samples, "karst_core_turns_total", &metric_sample::name);
  ASSERT_NE(turns, samples.end());
  EXPECT_GT(turns->value, 0U);
}

KARST_ON_EACH_BACKEND(core_metrics_test);

}  // namespace
}  // namespace karst
