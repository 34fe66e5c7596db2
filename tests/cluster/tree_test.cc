#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cluster/local_coordination.h"
#include "cluster/meta_properties.h"
#include "cluster/placement.h"
#include "cluster/producer_ids.h"
#include "cluster/tree_nodes.h"
#include "tests/sim/quiet_logs.h"
#include "tests/sim/sim_machine.h"

namespace karst::cluster {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class tree_test : public ::testing::Test {
 protected:
  tree_test() { open(); }
  ~tree_test() override { close(); }
  void open() {
    auto opened = cores_.run(0, local_coordination::open("/data"));
    KARST_ASSERT(opened);
    tree_ = std::move(*opened);
  }
  void close() {
    cores_.run(0, tree_->close());
    tree_.reset();
  }
  template <typename... Parts>
  expected<void, coordination_errc> multi(Parts... parts) {
    std::vector<node_operation> operations;
    (operations.push_back(std::move(parts)), ...);
    return cores_.run(0, tree_->multi(std::move(operations)));
  }
  coordination_errc refusal(expected<void, coordination_errc> outcome) {
    EXPECT_FALSE(outcome);
    return outcome ? coordination_errc::unavailable : outcome.error();
  }
  expected<node, coordination_errc> get(std::string path) {
    return cores_.run(0, tree_->get(std::move(path)));
  }
  std::vector<std::string> children(std::string path) {
    return cores_.run(0, tree_->children(std::move(path))).value_or(std::vector<std::string>{});
  }

  sim::quiet_logs quiet_;
  sim::world world_{{.seed = 5}, sim::disk::with_directory("/data")};
  sim::machine cores_{world_, 1};
  std::unique_ptr<local_coordination> tree_;
};

TEST_F(tree_test, begins_with_the_nodes_that_kafka_makes) {
  EXPECT_THAT(children("/"), ElementsAre("admin", "brokers", "cluster", "config", "consumers",
                                         "isr_change_notification", "latest_producer_id_block",
                                         "log_dir_event_notification"));
  EXPECT_THAT(children("/brokers"), ElementsAre("ids", "seqid", "topics"));
}

TEST_F(tree_test, creates_sets_and_removes_as_zookeeper_does) {
  ASSERT_TRUE(multi(create_node{"/brokers/topics/a", "1"}));
  EXPECT_EQ(get("/brokers/topics/a")->version, 0);
  EXPECT_EQ(refusal(multi(create_node{"/brokers/topics/a", "2"})), coordination_errc::node_exists);
  EXPECT_EQ(refusal(multi(create_node{"/nowhere/a", ""})), coordination_errc::no_node);
  ASSERT_TRUE(multi(set_node{"/brokers/topics/a", "2", 0}));
  EXPECT_EQ(get("/brokers/topics/a")->data, "2");
  EXPECT_EQ(get("/brokers/topics/a")->version, 1);
  EXPECT_EQ(refusal(multi(set_node{"/brokers/topics/a", "3", 0})), coordination_errc::bad_version);
  EXPECT_EQ(refusal(multi(remove_node{"/brokers"})), coordination_errc::not_empty);
  EXPECT_EQ(refusal(multi(check_node{"/brokers/topics/a", 7})), coordination_errc::bad_version);
  ASSERT_TRUE(multi(remove_node{"/brokers/topics/a", 1}));
  EXPECT_EQ(get("/brokers/topics/a").error(), coordination_errc::no_node);
  for (auto path : {"", "a", "/a/", "//a", "/"}) {
    EXPECT_EQ(refusal(multi(create_node{path, ""})), coordination_errc::invalid_path) << path;
  }
}

// What is deleted on a full disk makes room: it must not need any.
TEST_F(tree_test, takes_changes_on_a_disk_that_others_have_filled) {
  auto& disk = world_.storage();
  ASSERT_TRUE(disk.take_space(disk.free_bytes() / block_size));
  std::string const data(100, 'x');
  for (int i = 0; i < 200; ++i) {
    ASSERT_TRUE(multi(create_node{fmt::format("/brokers/topics/{}", i), data})) << i;
    ASSERT_TRUE(multi(remove_node{fmt::format("/brokers/topics/{}", i)})) << i;
  }
  ASSERT_TRUE(multi(create_node{"/brokers/topics/kept", data}));
  close();
  disk.give_space(1000);
  open();
  EXPECT_THAT(children("/brokers/topics"), ElementsAre("kept"));
}

TEST_F(tree_test, a_multi_is_all_or_nothing) {
  ASSERT_TRUE(multi(create_node{"/brokers/topics/a", "1"}));
  EXPECT_EQ(refusal(multi(set_node{"/brokers/topics/a", "2"}, create_node{"/brokers/topics/b", ""},
                          remove_node{"/brokers/topics/b"}, check_node{"/brokers/topics/a", 9})),
            coordination_errc::bad_version);
  EXPECT_EQ(get("/brokers/topics/a")->data, "1");
  EXPECT_EQ(get("/brokers/topics/a")->version, 0);
  EXPECT_THAT(children("/brokers/topics"), ElementsAre("a"));
}

TEST_F(tree_test, lists_children_and_not_their_children) {
  ASSERT_TRUE(multi(create_node{"/consumers/a", ""}, create_node{"/consumers/a/x", ""},
                    create_node{"/consumers/a-b", ""}, create_node{"/consumers/b", ""}));
  EXPECT_THAT(children("/consumers"), ElementsAre("a", "a-b", "b"));
}

TEST_F(tree_test, what_was_answered_is_there_after_a_restart) {
  ASSERT_TRUE(multi(create_node{"/consumers/a", std::string(100, 'x')}));
  ASSERT_TRUE(multi(create_node{"/consumers/b", ""}, remove_node{"/consumers/a"}));
  close();
  open();
  EXPECT_THAT(children("/consumers"), ElementsAre("b"));
}

TEST_F(tree_test, a_long_history_stays_short_on_the_disk) {
  ASSERT_TRUE(multi(create_node{"/consumers/a", ""}));
  for (int i = 0; i < 400; ++i) {
    ASSERT_TRUE(
        multi(set_node{"/consumers/a", std::string(10'000, static_cast<char>('a' + i % 26))}));
  }
  auto status = cores_.run(0, status_of("/data/karst-tree-journal"));
  ASSERT_TRUE(status);
  EXPECT_LT(status->size, 2 * MiB);
  close();
  open();
  EXPECT_EQ(get("/consumers/a")->data, std::string(10'000, static_cast<char>('a' + 399 % 26)));
  EXPECT_EQ(get("/consumers/a")->version, 0);  // versions are not kept
}

TEST_F(tree_test, producer_ids_are_never_given_twice) {
  std::vector<std::int64_t> given;
  for (int start = 0; start < 3; ++start) {
    producer_ids ids{*tree_, 1};
    for (int i = 0; i < 1500; ++i) {
      auto id = cores_.run(0, ids.next());
      ASSERT_TRUE(id);
      given.push_back(id->value);
    }
    close();
    open();
  }
  EXPECT_EQ(given.front(), 0);
  EXPECT_TRUE(std::ranges::is_sorted(given));
  EXPECT_EQ(std::ranges::adjacent_find(given), given.end());
  EXPECT_EQ(given[1500], 2000);  // the rest of a block is lost at a restart
}

TEST(placement, fills_the_least_loaded_core_first) {
  placement cores{4};
  for (int i = 0; i < 10; ++i) cores.place();
  for (core_id core = 0; core < 4; ++core) EXPECT_GE(cores.load(core), 2U);
  cores.release(3);
  EXPECT_EQ(cores.place(), 3);
}

TEST(placement, keeps_a_partition_where_it_was_unless_that_is_unfair) {
  placement cores{2};
  EXPECT_EQ(cores.place_near(1, 2), 1);
  EXPECT_EQ(cores.place_near(1, 2), 1);
  EXPECT_EQ(cores.place_near(1, 2), 0);
  EXPECT_EQ(cores.place_near(7, 2), 0);  // that core is gone
}

TEST(tree_nodes, read_what_kafka_3_9_writes) {
  auto topic =
      parse_topic_node(R"({"removing_replicas":{},"partitions":{"1":[2,1],"0":[1,2]},)"
                       R"("topic_id":"PkFTVTYZQ9uQxr1P5ZDUvQ","adding_replicas":{},"version":3})");
  ASSERT_TRUE(topic);
  EXPECT_EQ(to_string(topic->id), "PkFTVTYZQ9uQxr1P5ZDUvQ");
  EXPECT_THAT(topic->replicas, ElementsAre(ElementsAre(1, 2), ElementsAre(2, 1)));
  auto state = parse_partition_state(
      R"({"controller_epoch":5,"leader":1,"version":1,"leader_epoch":7,"isr":[1,2]})");
  ASSERT_TRUE(state);
  EXPECT_EQ(state->leader_epoch.value, 7);
  EXPECT_EQ(parse_cluster_id(R"({"version":"1","id":"abc"})"), "abc");
  auto block = parse_producer_id_block(
      R"({"version":1,"broker":1,"block_start":"1000","block_end":"1999"})");
  ASSERT_TRUE(block);
  EXPECT_EQ(block->first, 1000);
  auto config = parse_config_node(R"({"version":1,"config":{"retention.ms":"1"}})");
  ASSERT_TRUE(config);
  EXPECT_EQ(config->at("retention.ms"), "1");
}

TEST(tree_nodes, write_what_kafka_3_9_writes) {
  topic_node topic{.id = *parse_uuid("PkFTVTYZQ9uQxr1P5ZDUvQ"), .replicas = {{1}, {1}}};
  EXPECT_EQ(to_json(topic),
            R"({"removing_replicas":{},"partitions":{"0":[1],"1":[1]},)"
            R"("topic_id":"PkFTVTYZQ9uQxr1P5ZDUvQ","adding_replicas":{},"version":3})");
  EXPECT_EQ(to_json(partition_state_node{1, {7}, 5, {1}}),
            R"({"controller_epoch":5,"leader":1,"version":1,"leader_epoch":7,"isr":[1]})");
  EXPECT_EQ(cluster_id_to_json("abc"), R"({"version":"1","id":"abc"})");
  EXPECT_EQ(to_json(producer_id_block{1, 0, 999}),
            R"({"version":1,"broker":1,"block_start":"0","block_end":"999"})");
  EXPECT_EQ(config_to_json({}), R"({"version":1,"config":{}})");
}

TEST(tree_nodes, refuse_what_is_not_such_a_node) {
  for (auto text : {"", "7", "[]", "{", "{}", R"({"topic_id":"x","partitions":{}})",
                    R"({"topic_id":"PkFTVTYZQ9uQxr1P5ZDUvQ","partitions":{"1":[1]}})",
                    R"({"topic_id":"PkFTVTYZQ9uQxr1P5ZDUvQ","partitions":{"0":"x"}})"}) {
    EXPECT_FALSE(parse_topic_node(text)) << text;
    EXPECT_FALSE(parse_partition_state(text)) << text;
    EXPECT_FALSE(parse_config_node(text)) << text;
    EXPECT_FALSE(parse_producer_id_block(text)) << text;
  }
}

TEST(meta_properties, are_written_as_kafka_3_9_does) {
  auto text = format_meta_properties({.broker_id = 1001, .cluster_id = "Abc"}, 1'785'000'000'123);
  EXPECT_EQ(text, "#\n#Sat Jul 25 17:20:00 UTC 2026\ncluster.id=Abc\nversion=0\nbroker.id=1001\n");
  auto parsed = parse_meta_properties(text, "meta.properties");
  ASSERT_TRUE(parsed);
  EXPECT_EQ(parsed->broker_id, 1001);
  EXPECT_EQ(parsed->cluster_id, "Abc");
  EXPECT_EQ(parsed->version, 0);
  text = format_meta_properties({.broker_id = 1, .cluster_id = "Abc", .directory_id = "Def"}, 0);
  EXPECT_EQ(parse_meta_properties(text, "meta.properties")->directory_id, "Def");
}

TEST(meta_properties, a_number_that_is_none_names_the_line) {
  auto parsed = parse_meta_properties("version=0\nbroker.id=one\n", "/d/meta.properties");
  ASSERT_FALSE(parsed);
  EXPECT_THAT(parsed.error().message(), HasSubstr("/d/meta.properties line 2"));
}

}  // namespace
}  // namespace karst::cluster
