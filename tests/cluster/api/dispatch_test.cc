#include "net/messages/api_versions.h"
#include "tests/cluster/api/broker_fixture.h"

namespace karst::cluster::testing {
namespace {

using dispatch = broker_fixture;

std::string hex(std::string const& bytes) {
  std::string text;
  for (unsigned char byte : bytes) text += fmt::format("{:02x}", byte);
  return text;
}

TEST_F(dispatch, lists_what_the_issue_names) {
  std::map<int, std::pair<int, int>> const offered{
      {0, {0, 12}}, {1, {4, 17}}, {2, {1, 10}}, {3, {0, 13}}, {8, {2, 9}},  {9, {1, 9}},
      {10, {0, 6}}, {11, {0, 9}}, {12, {0, 4}}, {13, {0, 5}}, {14, {0, 5}}, {15, {0, 6}},
      {16, {0, 5}}, {18, {0, 4}}, {19, {2, 7}}, {20, {1, 6}}, {21, {0, 2}}, {22, {0, 4}},
      {23, {2, 4}}, {32, {1, 4}}, {33, {0, 2}}, {35, {1, 4}}, {37, {0, 3}}, {42, {0, 2}},
      {44, {0, 1}}, {47, {0, 0}}, {60, {0, 1}}};
  for (std::int16_t version = 0; version <= 4; ++version) {
    net::api_versions_request request{.client_software_name = "a-client",
                                      .client_software_version = "1.0"};
    auto response = ask<net::api_versions_response>(request, version);
    EXPECT_EQ(response.error, net::error_code::none);
    std::map<int, std::pair<int, int>> listed;
    for (auto const& api : response.api_keys)
      listed[static_cast<int>(api.key)] = {api.lowest, api.highest};
    EXPECT_EQ(listed, offered);
    // No feature: transaction.version above all, without which Produce 12 is plain.
    EXPECT_TRUE(response.supported_features.empty() && response.finalized_features.empty());
  }
  EXPECT_EQ(connection_.client_software, "a-client 1.0");
}

TEST_F(dispatch, refuses_a_software_name_that_kafka_refuses) {
  for (auto name : {"", "-a", "a b", "a\n"}) {
    net::api_versions_request request{.client_software_name = name, .client_software_version = "1"};
    EXPECT_EQ(ask<net::api_versions_response>(request, 3).error, net::error_code::invalid_request)
        << name;
  }
}

TEST_F(dispatch, answers_a_too_new_api_versions_in_the_oldest_form) {
  std::string reason;
  EXPECT_TRUE(dispatcher_->admits(18, 5, reason));
  auto response = machine_->run(0, answer(*this, net::api_key::api_versions, 5, {}));
  EXPECT_EQ(response.what, net::response::action::reply);
  EXPECT_FALSE(response.flexible_header);
  EXPECT_EQ(hex(bytes_of(response).to_string()),
            "0023"
            "00000001"
            "001200000004");
}

TEST_F(dispatch, admits_the_served_versions_and_no_other) {
  std::string reason;
  for (auto const& api : offered_apis()) {
    auto key = static_cast<std::int16_t>(api.key);
    if (api.key == net::api_key::api_versions) continue;
    for (std::int16_t version = -2; version < 20; ++version) {
      EXPECT_EQ(dispatcher_->admits(key, version, reason), api.served.contain(version))
          << key << ' ' << version;
    }
  }
  EXPECT_FALSE(dispatcher_->admits(0, 2, reason));
  EXPECT_EQ(reason, "Produce version 2 is not served, only 3 to 12");
  EXPECT_FALSE(dispatcher_->admits(4, 0, reason));
  EXPECT_FALSE(dispatcher_->admits(-1, 0, reason));
  EXPECT_FALSE(dispatcher_->admits(18, -1, reason));
}

TEST_F(dispatch, closes_on_a_body_that_is_malformed) {
  // 1,000,000 topics in four bytes.
  auto body = chain_of(std::string_view{"\x00\x0f\x42\x40", 4});
  auto response = machine_->run(0, answer(*this, net::api_key::metadata, 4, std::move(body)));
  EXPECT_EQ(response.what, net::response::action::close);
  EXPECT_EQ(response.reason,
            "MetadataRequest v4: Topics: 1000000 elements, but only 0 bytes follow");
}

}  // namespace
}  // namespace karst::cluster::testing
