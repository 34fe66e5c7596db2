#include "cluster/config_loader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace karst::cluster {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

loaded_config load(config_sources const& sources) {
  auto loaded = load_config(sources);
  if (!loaded) {
    for (auto const& problem : loaded.error()) ADD_FAILURE() << problem.message();
    return {};
  }
  return std::move(*loaded);
}

loaded_config load_file(std::string content) {
  return load({.file_name = "server.properties", .file_content = std::move(content)});
}

std::vector<std::string> problems_of(config_sources const& sources) {
  auto loaded = load_config(sources);
  std::vector<std::string> texts;
  if (!loaded) {
    for (auto const& problem : loaded.error()) texts.push_back(problem.message());
  }
  return texts;
}

std::vector<std::string> problems_with(std::string assignment) {
  return problems_of({.assignments = {std::move(assignment)}});
}

TEST(config_loader, later_sources_win) {
  config_sources sources{.file_name = "f", .file_content = "num.partitions=2\nbroker.rack=a\n"};
  auto from_file = load(sources);
  EXPECT_EQ(from_file.config.number("num.partitions"), 2);
  EXPECT_EQ(from_file.config.set_value("num.partitions")->where, "f line 1");
  sources.environment = {{"KAFKA_NUM_PARTITIONS", "3"}, {"PATH", "/bin"}};
  auto from_environment = load(sources);
  EXPECT_EQ(from_environment.config.number("num.partitions"), 3);
  EXPECT_EQ(from_environment.config.set_value("num.partitions")->where, "KAFKA_NUM_PARTITIONS");
  sources.assignments = {"num.partitions = 4", "num.partitions=5"};
  auto from_command_line = load(sources);
  EXPECT_EQ(from_command_line.config.number("num.partitions"), 5);
  EXPECT_EQ(from_command_line.config.set_value("num.partitions")->source,
            config_source::command_line);
  EXPECT_EQ(from_command_line.config.text("broker.rack"), "a");
}

TEST(config_loader, dev_is_weaker_than_everything_said) {
  auto dev = load({.dev = true});
  EXPECT_EQ(dev.config.text("listeners"), "PLAINTEXT://127.0.0.1:9092");
  EXPECT_EQ(dev.config.list("log.dirs"), std::vector<std::string>{"./karst-data"});
  EXPECT_TRUE(dev.config.flag("auto.create.topics.enable"));
  EXPECT_EQ(dev.config.number("karst.journal.file.bytes"), 16'777'216);
  auto overridden = load({.dev = true, .assignments = {"log.dirs=/data"}});
  EXPECT_EQ(overridden.config.text("log.dirs"), "/data");
}

TEST(config_loader, what_nobody_set_has_its_default_and_no_source) {
  auto loaded = load({});
  EXPECT_EQ(loaded.config.number("message.max.bytes"), 1'048'588);
  EXPECT_EQ(loaded.config.set_value("message.max.bytes"), nullptr);
  EXPECT_FALSE(loaded.config.value("broker.rack"));
  EXPECT_TRUE(loaded.config.set_values().empty());
}

TEST(config_loader, variables_map_as_in_kafkas_image) {
  EXPECT_EQ(key_of_variable("KAFKA_LOG_DIRS"), "log.dirs");
  EXPECT_EQ(key_of_variable("KAFKA_A__B_C___D"), "a_b.c-d");
  EXPECT_EQ(key_of_variable("KAFKA_advertised_listeners"), "advertised.listeners");
  for (auto skipped : {"KAFKA_HEAP_OPTS", "KAFKA_OPTS", "KAFKA_JMX_PORT", "KAFKA_JMX_OPTS",
                       "KAFKA_LOG4J_OPTS", "KAFKA_LOG4J_LOGGERS", "KAFKA_VERSION", "KAFKA_HOME",
                       "KAFKA_JVM_PERFORMANCE_OPTS", "KAFKA_GC_LOG_OPTS", "KAFKA_PORT",
                       "KAFKA_PORT_9092_TCP_ADDR", "KAFKA_SERVICE_HOST", "KAFKAESQUE", "HOME"}) {
    EXPECT_EQ(key_of_variable(skipped), "") << skipped;
  }
}

TEST(config_loader, an_unknown_key_is_refused_with_the_nearest) {
  EXPECT_THAT(problems_with("log.retention.hour=1"),
              ElementsAre(AllOf(HasSubstr("log.retention.hour"), HasSubstr("--set"),
                                HasSubstr("did you mean log.retention.hours?"))));
  EXPECT_THAT(problems_with("num.netwrok.threads=1"),
              ElementsAre(HasSubstr("num.network.threads?")));
  EXPECT_THAT(problems_with("x=1"), ElementsAre(HasSubstr("unknown key x")));
  EXPECT_THAT(problems_of({.environment = {{"KAFKA_LOG_DIRR", "/x"}}}),
              ElementsAre(AllOf(HasSubstr("KAFKA_LOG_DIRR"), HasSubstr("log.dir"))));
}

TEST(config_loader, reports_every_problem_at_once) {
  EXPECT_THAT(problems_of({.assignments = {"num.partitions=0", "nonsense.key=1", "noequals",
                                           "ssl.keystore.location=/k"}}),
              ::testing::SizeIs(4));
}

TEST(config_loader, illegal_values_name_key_value_and_range) {
  EXPECT_THAT(problems_with("num.partitions=many"),
              ElementsAre(AllOf(HasSubstr("'many'"), HasSubstr("num.partitions"),
                                HasSubstr("from 1 to 2147483647"))));
  EXPECT_THAT(problems_with("num.partitions=0"), ElementsAre(HasSubstr("num.partitions")));
  EXPECT_THAT(problems_with("num.partitions=2147483648"), ElementsAre(HasSubstr("2147483647")));
  EXPECT_THAT(problems_with("num.partitions="), ElementsAre(HasSubstr("num.partitions")));
  EXPECT_THAT(problems_with("auto.create.topics.enable=yes"),
              ElementsAre(HasSubstr("true or false")));
  EXPECT_THAT(problems_with("compression.type=brotli"), ElementsAre(HasSubstr("zstd")));
  EXPECT_THAT(problems_with("log.message.timestamp.type=createtime"),
              ElementsAre(HasSubstr("CreateTime")));
  EXPECT_THAT(problems_with("karst.io=aio"), ElementsAre(HasSubstr("io_uring")));
  EXPECT_THAT(problems_with("log.cleaner.min.cleanable.ratio=1.5"),
              ElementsAre(HasSubstr("from 0 to 1")));
}

TEST(config_loader, takes_the_ends_of_each_range) {
  auto loaded =
      load({.assignments = {"log.retention.ms=9223372036854775807", "message.max.bytes=2147483647",
                            "broker.id=0", "log.retention.bytes=-1"}});
  EXPECT_EQ(loaded.config.number("log.retention.ms"), INT64_MAX);
  EXPECT_EQ(loaded.config.number("broker.id"), 0);
}

TEST(config_loader, what_promises_security_or_a_cluster_is_refused) {
  for (auto assignment :
       {"ssl.keystore.location=/k", "sasl.enabled.mechanisms=PLAIN", "super.users=User:a",
        "authorizer.class.name=kafka.security.authorizer.AclAuthorizer",
        "listener.name.internal.ssl.keystore.location=/k", "zookeeper.connect=zk:2181",
        "zookeeper.set.acl=true", "security.inter.broker.protocol=SSL",
        "allow.everyone.if.no.acl.found=true", "password.encoder.secret=x",
        "remote.log.storage.system.enable=true", "create.topic.policy.class.name=a.B",
        "replica.selector.class=a.B", "max.connection.creation.rate=10"}) {
    auto name = std::string{assignment}.substr(0, std::string_view{assignment}.find('='));
    EXPECT_THAT(
        problems_with(assignment),
        ElementsAre(AllOf(HasSubstr(name), HasSubstr("cannot be served"), HasSubstr("; "))));
  }
}

TEST(config_loader, what_asks_for_nothing_is_accepted) {
  auto loaded =
      load({.assignments = {"security.inter.broker.protocol=PLAINTEXT", "ssl.client.auth=none",
                            "zookeeper.set.acl=false", "authorizer.class.name="}});
  EXPECT_TRUE(loaded.config.set_values().empty());
}

TEST(config_loader, the_command_line_can_take_back_what_a_file_asks_for) {
  auto loaded = load({.file_name = "f",
                      .file_content = "zookeeper.connect=localhost:2181\nnum.partitions=x\n",
                      .assignments = {"zookeeper.connect=", "num.partitions=2"}});
  EXPECT_EQ(loaded.config.number("num.partitions"), 2);
}

TEST(config_loader, keys_without_meaning_get_one_notice) {
  auto loaded = load_file("num.network.threads=3\nnum.io.threads=8\noffsets.load.buffer.size=9\n");
  EXPECT_THAT(loaded.notices,
              ElementsAre(AllOf(HasSubstr("num.network.threads"), HasSubstr("num.io.threads"),
                                HasSubstr("offsets.load.buffer.size"))));
  EXPECT_THAT(load_file("num.partitions=3\n").notices, IsEmpty());
}

// Kafka 3.9's config/server.properties without its comments, and without zookeeper.connect.
TEST(config_loader, takes_a_file_of_the_3x_era) {
  auto loaded = load_file(
      "broker.id=0\nnum.network.threads=3\nnum.io.threads=8\nsocket.send.buffer.bytes=102400\n"
      "socket.receive.buffer.bytes=102400\nsocket.request.max.bytes=104857600\n"
      "log.dirs=/tmp/kafka-logs\nnum.partitions=1\nnum.recovery.threads.per.data.dir=1\n"
      "offsets.topic.replication.factor=1\ntransaction.state.log.replication.factor=1\n"
      "transaction.state.log.min.isr=1\nlog.retention.hours=168\n"
      "log.retention.check.interval.ms=300000\nzookeeper.connection.timeout.ms=18000\n"
      "group.initial.rebalance.delay.ms=0\n");
  EXPECT_EQ(loaded.config.number("broker.id"), 0);
  EXPECT_THAT(loaded.warnings, IsEmpty());
}

// config/server.properties of Kafka 4.2.
TEST(config_loader, takes_a_file_of_the_kraft_era) {
  auto loaded = load_file(
      "process.roles=broker,controller\nnode.id=1\ncontroller.quorum.voters=1@localhost:9093\n"
      "listeners=PLAINTEXT://:9092,CONTROLLER://:9093\ninter.broker.listener.name=PLAINTEXT\n"
      "advertised.listeners=PLAINTEXT://localhost:9092,CONTROLLER://localhost:9093\n"
      "controller.listener.names=CONTROLLER\n"
      "listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SSL:SSL,"
      "SASL_PLAINTEXT:SASL_PLAINTEXT,SASL_SSL:SASL_SSL\nlog.dirs=/tmp/kraft-combined-logs\n"
      "share.coordinator.state.topic.replication.factor=1\n"
      "share.coordinator.state.topic.min.isr=1\n");
  EXPECT_EQ(loaded.config.number("broker.id"), 1);
  EXPECT_EQ(loaded.config.set_value("node.id"), nullptr);
}

TEST(config_loader, node_id_and_broker_id_must_agree) {
  EXPECT_THAT(problems_of({.assignments = {"node.id=1", "broker.id=2"}}),
              ElementsAre(AllOf(HasSubstr("node.id=1"), HasSubstr("broker.id=2"))));
  EXPECT_EQ(load({.assignments = {"node.id=1", "broker.id=1"}}).config.number("broker.id"), 1);
}

TEST(config_loader, a_controller_without_broker_is_refused) {
  EXPECT_THAT(problems_with("process.roles=controller"), ElementsAre(HasSubstr("controller")));
}

TEST(config_loader, compaction_may_be_the_default) {
  for (auto const* policy : {"compact", "delete,compact", "compact,delete"}) {
    auto loaded = load({.assignments = {fmt::format("log.cleanup.policy={}", policy)}});
    EXPECT_EQ(loaded.config.text("log.cleanup.policy"), policy);
  }
  EXPECT_THAT(problems_with("log.cleanup.policy=compress"), ElementsAre(HasSubstr("compact")));
  EXPECT_THAT(problems_with("log.cleaner.io.max.bytes.per.second=fast"),
              ElementsAre(HasSubstr("log.cleaner.io.max.bytes.per.second")));
}

TEST(config_loader, warns_of_replication_on_a_lone_node) {
  auto loaded = load({.assignments = {"default.replication.factor=3", "min.insync.replicas=2"}});
  EXPECT_THAT(loaded.warnings,
              ElementsAre(AllOf(HasSubstr("default.replication.factor=3"), HasSubstr("get 1")),
                          AllOf(HasSubstr("min.insync.replicas=2"), HasSubstr("acks=all"))));
}

TEST(config_loader, definitions_are_sorted_unique_and_legal) {
  std::string_view last;
  for (auto const& definition : broker_config_definitions()) {
    EXPECT_LT(last, definition.name);
    last = definition.name;
    EXPECT_FALSE(definition.documentation.empty()) << definition.name;
    if (definition.default_value) {
      auto legal = check_value(definition, *definition.default_value);
      EXPECT_TRUE(legal) << legal.error().message();
    }
  }
}

}  // namespace
}  // namespace karst::cluster
