#include "cluster/listener_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cluster/config_loader.h"

namespace karst::cluster {
namespace {

using ::testing::HasSubstr;

expected<listener_config, error> make(std::vector<std::string> assignments,
                                      std::string host_address = "192.0.2.7") {
  auto loaded = load_config({.assignments = std::move(assignments)});
  EXPECT_TRUE(loaded);
  return make_listener_config(loaded->config, host_address);
}

std::string refusal_of(std::vector<std::string> assignments, std::string host_address = "") {
  auto made = make(std::move(assignments), std::move(host_address));
  return made ? "accepted" : made.error().message();
}

TEST(listener_config, tells_clients_the_listener_itself) {
  auto made = make({"listeners=PLAINTEXT://10.1.2.3:1234"});
  ASSERT_TRUE(made);
  EXPECT_EQ(made->host, "10.1.2.3");
  EXPECT_EQ(made->port, 1234);
  EXPECT_EQ(made->advertised_host, "10.1.2.3");
  EXPECT_EQ(made->advertised_port, 0);  // the one listened on, also when the kernel chose it
}

TEST(listener_config, never_tells_a_wildcard) {
  for (auto wildcard : {"PLAINTEXT://:9092", "PLAINTEXT://0.0.0.0:9092", "PLAINTEXT://[::]:9092",
                        "PLAINTEXT://0:9092", "PLAINTEXT://[0:0:0:0:0:0:0:0]:9092",
                        "PLAINTEXT://[::ffff:0.0.0.0]:9092"}) {
    auto made = make({fmt::format("listeners={}", wildcard)});
    ASSERT_TRUE(made) << wildcard;
    EXPECT_EQ(made->advertised_host, "192.0.2.7");
    EXPECT_THAT(refusal_of({fmt::format("listeners={}", wildcard)}),
                HasSubstr("set advertised.listeners"));
  }
  EXPECT_THAT(
      refusal_of({"listeners=PLAINTEXT://:1", "advertised.listeners=PLAINTEXT://0.0.0.0:1"}),
      HasSubstr("0.0.0.0"));
  EXPECT_THAT(refusal_of({"listeners=PLAINTEXT://:1", "advertised.listeners=PLAINTEXT://[::0]:1"}),
              HasSubstr("::0"));
}

TEST(listener_config, tells_what_is_advertised) {
  auto made =
      make({"listeners=PLAINTEXT://:9092", "advertised.listeners=PLAINTEXT://kafka.example:19092"});
  ASSERT_TRUE(made);
  EXPECT_EQ(made->advertised_host, "kafka.example");
  EXPECT_EQ(made->advertised_port, 19092);
}

TEST(listener_config, leaves_a_controllers_listener_out) {
  auto made = make({"listeners=PLAINTEXT://127.0.0.1:9092,CONTROLLER://:9093",
                    "controller.listener.names=CONTROLLER"});
  ASSERT_TRUE(made);
  EXPECT_EQ(made->port, 9092);
}

TEST(listener_config, takes_any_name_that_maps_to_plaintext) {
  auto made = make(
      {"listeners=internal://127.0.0.1:9092", "listener.security.protocol.map=INTERNAL:PLAINTEXT"});
  ASSERT_TRUE(made);
  EXPECT_EQ(made->name, "INTERNAL");
}

TEST(listener_config, refuses_what_it_cannot_serve) {
  EXPECT_THAT(refusal_of({"listeners=SSL://127.0.0.1:9093"}), HasSubstr("SSL"));
  EXPECT_THAT(refusal_of({"listeners=SASL_PLAINTEXT://127.0.0.1:9093"}),
              HasSubstr("SASL_PLAINTEXT"));
  EXPECT_THAT(refusal_of({"listeners=INTERNAL://127.0.0.1:9093"}), HasSubstr("INTERNAL:PLAINTEXT"));
  EXPECT_THAT(refusal_of({"listeners=A://127.0.0.1:1,B://127.0.0.1:2",
                          "listener.security.protocol.map=A:PLAINTEXT,B:PLAINTEXT"}),
              HasSubstr("2 listeners"));
  EXPECT_THAT(
      refusal_of({"listeners=PLAINTEXT://127.0.0.1:1", "advertised.listeners=OTHER://127.0.0.1:1"}),
      HasSubstr("advertised.listeners"));
}

TEST(listener_config, refuses_what_is_not_a_listener) {
  for (auto text :
       {"127.0.0.1:9092", "PLAINTEXT://127.0.0.1", "PLAINTEXT://127.0.0.1:port",
        "PLAINTEXT://127.0.0.1:65536", "PLAINTEXT://::1:9092", "://h:1", "PLAINTEXT://h:"}) {
    EXPECT_THAT(refusal_of({fmt::format("listeners={}", text)}), HasSubstr("NAME://HOST:PORT"))
        << text;
  }
  auto bracketed = parse_endpoint("PLAINTEXT://[::1]:9092", "listeners");
  ASSERT_TRUE(bracketed);
  EXPECT_EQ(bracketed->host, "::1");
}

}  // namespace
}  // namespace karst::cluster
