#include "bench/report.h"

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "bench/html_report.h"

namespace karst::bench {
namespace {

using nlohmann::json;
using testing::ContainsRegex;
using testing::HasSubstr;
using testing::Not;

constexpr time_point start{1000s};

// One second of warm-up and two that count.
load_result empty_result(load_kind kind) {
  load_result result{.kind = kind, .lanes = 8};
  load_options options;
  options.length = 2s;
  result.run = std::make_unique<load_run>(options, start);
  return result;
}

tally& add_side(load_result& result, std::string name) {
  result.sides.push_back(std::make_unique<load_side>(std::move(name), tally{result.run->times()}));
  return result.sides.back()->counts;
}

// 100 requests of 10 records and 1,000 bytes, answered after 1 to 100 ms.
void answer_some(tally& counts) {
  for (int i = 1; i <= 100; ++i) {
    auto due = start + 1s + i * 10ms;
    counts.answered(due, due + i * 1ms, 10, 1000);
  }
  counts.advance(start + 3s);
}

json data_of(std::string const& page) {
  auto begin = page.find("const data = ") + 13;
  return json::parse(page.substr(begin, page.find(";\nconst colors") - begin));
}

TEST(report, json_of_one_side_has_the_names_that_scripts_read) {
  auto result = empty_result(load_kind::produce);
  answer_some(add_side(result, "produce"));
  auto said = json::parse(report_json(result));
  EXPECT_EQ(said["requests_per_second"], 50);
  EXPECT_EQ(said["records_per_second"], 500);
  EXPECT_EQ(said["megabytes_per_second"], 0.05);
  EXPECT_NEAR(said["p50_ms"], 50, 1);
  EXPECT_NEAR(said["p99_ms"], 99, 2);
  EXPECT_NEAR(said["p999_ms"], 100, 2);
  EXPECT_EQ(said["max_ms"], 100);
  EXPECT_EQ(said["refused"], 0);
  EXPECT_EQ(said["all_requests"], 100);
  EXPECT_EQ(said["seconds"], 2);
  EXPECT_TRUE(said["broker_cpu_us_per_request"].is_null());
  EXPECT_TRUE(said["broker_cpu_seconds_per_gb"].is_null());
  EXPECT_TRUE(said["own_cpu_seconds"].is_number());
  EXPECT_TRUE(said["own_cpu_share"].is_number());
  EXPECT_TRUE(said["verdict"].is_string());
}

TEST(report, json_of_two_sides_names_them) {
  auto result = empty_result(load_kind::mixed);
  answer_some(add_side(result, "produce"));
  answer_some(add_side(result, "consume"));
  auto said = json::parse(report_json(result));
  EXPECT_EQ(said["produce_requests_per_second"], 50);
  EXPECT_EQ(said["consume_records_per_second"], 500);
  EXPECT_FALSE(said.contains("requests_per_second"));
  EXPECT_EQ(said["seconds"], 2);
}

TEST(report, errors_have_the_names_that_kafka_gives_them) {
  auto result = empty_result(load_kind::produce);
  auto& counts = add_side(result, "produce");
  answer_some(counts);
  for (int i = 0; i < 3; ++i) counts.refused(start + 2s, 6);
  counts.refused(start + 2s, 3);
  auto said = json::parse(report_json(result));
  EXPECT_EQ(said["refused"], 4);
  EXPECT_EQ(said["errors"]["NOT_LEADER_OR_FOLLOWER"], 3);
  EXPECT_EQ(said["errors"]["UNKNOWN_TOPIC_OR_PARTITION"], 1);
  EXPECT_THAT(report_text(result),
              HasSubstr("3 x NOT_LEADER_OR_FOLLOWER, 1 x UNKNOWN_TOPIC_OR_PARTITION"));
}

TEST(report, a_load_that_counted_nothing_has_no_infinities) {
  auto result = empty_result(load_kind::produce);
  add_side(result, "produce");
  EXPECT_THAT(report_text(result), Not(ContainsRegex("nan|inf")));
  EXPECT_EQ(json::parse(report_json(result))["requests_per_second"], 0);
  EXPECT_THAT(data_of(report_html(result)).dump(), Not(HasSubstr("null")));
}

TEST(report, the_page_needs_nothing_else) {
  auto result = empty_result(load_kind::produce);
  answer_some(add_side(result, "produce"));
  auto page = report_html(result);
  EXPECT_THAT(page, Not(ContainsRegex("https?:|src=|href=|@import|url\\(")));
  auto data = data_of(page);
  EXPECT_EQ(data["sides"][0]["name"], "produce");
  ASSERT_EQ(data["sides"][0]["seconds"].size(), 3U);
  EXPECT_EQ(data["sides"][0]["seconds"][0][0], 0);
  // Nothing was answered in the first second: no latency, rather than the best of all.
  EXPECT_TRUE(data["sides"][0]["seconds"][0][3].is_null());
  EXPECT_GT(data["sides"][0]["seconds"][1][0], 50);
  EXPECT_EQ(data["sides"][0]["curve"].back()[1], 100);
}

TEST(report, a_name_cannot_end_the_script_of_the_page) {
  auto result = empty_result(load_kind::produce);
  answer_some(add_side(result, "</script><b>"));
  EXPECT_THAT(report_html(result), Not(HasSubstr("</script><b>")));
}

TEST(report, the_live_line_is_of_the_last_whole_second) {
  auto result = empty_result(load_kind::produce);
  auto& counts = add_side(result, "produce");
  counts.answered(start, start + 10ms, 10, 1'000'000);
  counts.advance(start + 1s);
  EXPECT_THAT(live_line(result), HasSubstr("1 s (warm-up)  produce: 1 requests/s, 1.0 MB/s"));
  counts.answered(start + 1500ms, start + 1507ms, 10, 2'000'000);
  counts.advance(start + 2s);
  EXPECT_THAT(live_line(result), HasSubstr("2 s  produce: 1 requests/s, 2.0 MB/s, p50 7.0"));
}

}  // namespace
}  // namespace karst::bench
