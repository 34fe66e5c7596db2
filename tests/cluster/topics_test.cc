#include "cluster/topics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cluster/broker.h"
#include "cluster/every_core.h"
#include "cluster/local_coordination.h"
#include "cluster/placement.h"
#include "cluster/stored_topics.h"
#include "tests/cluster/memory_log.h"
#include "tests/sim/quiet_logs.h"
#include "tests/sim/sim_machine.h"

namespace karst::cluster {
namespace {

using net::error_code;
using ::testing::HasSubstr;
using ::testing::UnorderedElementsAre;

sim::disk disk_with_data() {
  sim::disk made;
  made.prepare_directory("/data");
  return made;
}

// A broker of two cores over logs in memory and a tree on the simulated disk.
class topics_test : public ::testing::Test {
 protected:
  topics_test() { cores_.run(0, open()); }
  ~topics_test() override { cores_.run(0, close()); }

  task<> open() {
    auto opened = co_await local_coordination::open("/data");
    KARST_ASSERT(opened);
    tree_ = std::move(*opened);
    co_await on_every_core(2, [this](core_id) {
      auto logs = std::make_unique<testing::memory_log_manager>();
      managers_[core::current().id()] = logs.get();
      broker_.local().partitions = std::make_unique<partition_manager>(std::move(logs));
      broker_.open_groups();
    });
    auto snapshot = std::make_shared<metadata_snapshot>();
    snapshot->brokers.push_back({1, "127.0.0.1", 9092, std::nullopt});
    co_await broker_.publish(std::move(snapshot));
    auto term = co_await begin_term(*tree_, 1);
    KARST_ASSERT(term);
    topics_.emplace(broker_, *tree_, placement_, term->controller_epoch);
  }
  task<> close() {
    co_await on_every_core(2, [this](core_id) { return close_core(); });
    co_await tree_->close();
  }
  task<> close_core() {
    co_await broker_.groups().close();
    broker_.local().groups.reset();
    (void)co_await broker_.partitions().close({});
    broker_.local().partitions.reset();
    broker_.metadata().replace(std::make_shared<metadata_snapshot>());
  }

  expected<created_topic, refusal> create(topic_request request, bool validate_only = false) {
    return cores_.run(0, topics_->create(std::move(request), validate_only));
  }
  error_code remove(std::string name) {
    auto removed = cores_.run(0, topics_->remove(std::move(name)));
    return removed ? error_code::none : removed.error().code;
  }
  error_code add_partitions(partitions_request request, bool validate_only = false) {
    auto added = cores_.run(0, topics_->add_partitions(std::move(request), validate_only));
    return added ? error_code::none : added.error().code;
  }
  error_code set_configs(config_request request, bool validate_only = false) {
    auto done = cores_.run(0, topics_->set_configs(std::move(request), validate_only));
    return done ? error_code::none : done.error().code;
  }
  error_code code_of(topic_request request) {
    auto created = create(std::move(request));
    return created ? error_code::none : created.error().code;
  }
  std::vector<std::string> nodes(std::string path) {
    auto found = cores_.run(0, tree_->children(std::move(path)));
    return found.value_or(std::vector<std::string>{});
  }
  // What a core's clients see.
  topic_metadata const* seen_on(core_id core, std::string_view name) {
    core::scope inside{cores_.at(core)};
    return broker_.metadata().current()->find(name);
  }

  sim::quiet_logs quiet_;
  sim::world world_{{.seed = 7}, disk_with_data()};
  sim::machine cores_{world_, 2};
  broker broker_{{.id = 1, .cluster_id = "c", .host = "127.0.0.1", .port = 9092}, {}, 2};
  placement placement_{2};
  std::unique_ptr<local_coordination> tree_;
  std::optional<topics> topics_;
  testing::memory_log_manager* managers_[2] = {};
};

TEST_F(topics_test, a_created_topic_is_on_every_core_in_the_tree_and_has_its_logs) {
  auto created = create({.name = "orders", .partitions = 5, .configs = {{"retention.ms", "9"}}});
  ASSERT_TRUE(created) << created.error().message;
  EXPECT_EQ(created->partitions, 5);
  EXPECT_EQ(created->replication_factor, 1);
  EXPECT_EQ(created->overrides.at("retention.ms"), "9");
  for (core_id core = 0; core < 2; ++core) {
    auto const* topic = seen_on(core, "orders");
    ASSERT_NE(topic, nullptr);
    EXPECT_EQ(topic->id, created->id);
    EXPECT_EQ(topic->partitions.size(), 5U);
  }
  EXPECT_EQ(placement_.load(0) + placement_.load(1), 5U);
  EXPECT_LE(placement_.load(0), 3U);
  for (auto const& partition : seen_on(0, "orders")->partitions) {
    auto* log = managers_[partition.core]->find(partition.log);
    ASSERT_NE(log, nullptr);
    EXPECT_EQ(log->topic_id(), created->id);
    EXPECT_EQ(log->partition(), partition.index);
    EXPECT_EQ(log->config().retention_ms, 9);
  }
  EXPECT_EQ(nodes("/brokers/topics/orders/partitions").size(), 5U);
  auto config = cores_.run(0, tree_->get("/config/topics/orders"));
  ASSERT_TRUE(config);
  EXPECT_EQ(config->data, R"({"version":1,"config":{"retention.ms":"9"}})");
}

TEST_F(topics_test, counts_left_to_the_broker_are_its_defaults) {
  auto created = create({.name = "t"});
  ASSERT_TRUE(created);
  EXPECT_EQ(created->partitions, 1);
  EXPECT_EQ(created->replication_factor, 1);
}

TEST_F(topics_test, refuses_what_kafka_refuses_with_its_codes) {
  EXPECT_EQ(code_of({.name = "a.b"}), error_code::none);
  EXPECT_EQ(code_of({.name = "a.b"}), error_code::topic_already_exists);
  EXPECT_EQ(code_of({.name = "a_b"}), error_code::invalid_topic_exception);
  for (auto name : {"", ".", "..", "a b", "a/b"}) {
    EXPECT_EQ(code_of({.name = name}), error_code::invalid_topic_exception) << name;
  }
  EXPECT_EQ(code_of({.name = std::string(250, 'a')}), error_code::invalid_topic_exception);
  EXPECT_EQ(code_of({.name = "t", .partitions = 0}), error_code::invalid_partitions);
  EXPECT_EQ(code_of({.name = "t", .partitions = -2}), error_code::invalid_partitions);
  EXPECT_EQ(code_of({.name = "t", .partitions = 1'000'000}), error_code::invalid_partitions);
  EXPECT_EQ(code_of({.name = "t", .replication_factor = 0}),
            error_code::invalid_replication_factor);
  EXPECT_EQ(code_of({.name = "t", .replication_factor = 2}),
            error_code::invalid_replication_factor);
  EXPECT_EQ(code_of({.name = "t", .configs = {{"no.such.key", "1"}}}), error_code::invalid_config);
  EXPECT_EQ(code_of({.name = "t", .configs = {{"retention.ms", std::nullopt}}}),
            error_code::invalid_config);
  EXPECT_EQ(code_of({.name = "t", .configs = {{"cleanup.policy", "compress"}}}),
            error_code::invalid_config);
  EXPECT_EQ(seen_on(0, "t"), nullptr);
  EXPECT_THAT(nodes("/brokers/topics"), UnorderedElementsAre("a.b"));
}

TEST_F(topics_test, a_batch_limit_above_what_the_journal_holds_is_refused_with_that_limit) {
  auto most = managers_[0]->max_batch_bytes();
  auto created =
      create({.name = "t", .configs = {{"max.message.bytes", std::to_string(most + 1)}}});
  ASSERT_FALSE(created);
  EXPECT_EQ(created.error().code, error_code::invalid_config);
  EXPECT_THAT(created.error().message, HasSubstr(std::to_string(most)));
  EXPECT_THAT(created.error().message, HasSubstr("karst.journal.file.bytes"));
}

TEST_F(topics_test, takes_assignments_that_fit_and_refuses_others) {
  EXPECT_EQ(code_of({.name = "t", .partitions = 1, .assignments = {{0, {1}}}}),
            error_code::invalid_request);
  EXPECT_EQ(code_of({.name = "t", .assignments = {{1, {1}}}}),
            error_code::invalid_replica_assignment);
  EXPECT_EQ(code_of({.name = "t", .assignments = {{0, {2}}}}),
            error_code::invalid_replica_assignment);
  EXPECT_EQ(code_of({.name = "t", .assignments = {{0, {1, 1}}}}),
            error_code::invalid_replica_assignment);
  EXPECT_EQ(code_of({.name = "t", .assignments = {{0, {}}}}),
            error_code::invalid_replica_assignment);
  auto created = create({.name = "t", .assignments = {{0, {1}}, {1, {1}}}});
  ASSERT_TRUE(created);
  EXPECT_EQ(created->partitions, 2);
}

TEST_F(topics_test, validating_only_changes_nothing) {
  auto validated = create({.name = "t", .partitions = 3}, true);
  ASSERT_TRUE(validated);
  EXPECT_EQ(validated->partitions, 3);
  EXPECT_TRUE(validated->id.is_zero());
  EXPECT_EQ(seen_on(0, "t"), nullptr);
  EXPECT_TRUE(nodes("/brokers/topics").empty());
  EXPECT_EQ(code_of({.name = "t", .partitions = 3}), error_code::none);
  EXPECT_FALSE(create({.name = "t"}, true));
}

TEST_F(topics_test, a_deleted_topic_leaves_nothing_and_its_name_is_free_for_another) {
  auto first = create({.name = "t", .partitions = 4});
  ASSERT_TRUE(first);
  auto const old_log = seen_on(0, "t")->partitions.front().log;
  EXPECT_EQ(remove("t"), error_code::none);
  EXPECT_EQ(seen_on(0, "t"), nullptr);
  EXPECT_EQ(seen_on(1, "t"), nullptr);
  EXPECT_TRUE(nodes("/brokers/topics").empty());
  EXPECT_TRUE(nodes("/config/topics").empty());
  EXPECT_TRUE(nodes("/admin/delete_topics").empty());
  EXPECT_EQ(placement_.load(0) + placement_.load(1), 0U);
  EXPECT_EQ(remove("t"), error_code::unknown_topic_or_partition);
  auto second = create({.name = "t"});
  ASSERT_TRUE(second);
  EXPECT_NE(second->id, first->id);
  // I-20: what the old log left behind is never taken for the new one's.
  EXPECT_NE(seen_on(0, "t")->partitions.front().log, old_log);
}

TEST_F(topics_test, a_creation_that_fails_half_way_is_taken_back) {
  managers_[0]->most_logs = 100;
  managers_[1]->most_logs = 1;
  auto created = create({.name = "t", .partitions = 6});
  ASSERT_FALSE(created);
  EXPECT_EQ(created.error().code, error_code::kafka_storage_error);
  EXPECT_EQ(seen_on(0, "t"), nullptr);
  EXPECT_TRUE(nodes("/brokers/topics").empty());
  EXPECT_TRUE(nodes("/config/topics").empty());
  EXPECT_EQ(managers_[0]->size() + managers_[1]->size(), 0U);
  EXPECT_EQ(placement_.load(0) + placement_.load(1), 0U);
  managers_[1]->most_logs = 100;
  EXPECT_EQ(code_of({.name = "t", .partitions = 6}), error_code::none);
}

task<> create_one(topics& topics, std::string name, int& done) {
  if (co_await topics.create_automatically(std::move(name))) ++done;
}

TEST_F(topics_test, asking_for_one_topic_many_times_at_once_creates_it_once) {
  int done = 0;
  for (auto i = 0; i < 20; ++i) cores_.start(0, create_one(*topics_, "t", done));
  cores_.run_until([&] { return done == 20; });
  EXPECT_THAT(nodes("/brokers/topics"), UnorderedElementsAre("t"));
}

TEST_F(topics_test, a_new_term_raises_every_epoch_and_reads_back_what_was_created) {
  auto created = create({.name = "t", .partitions = 2, .configs = {{"segment.ms", "5"}}});
  ASSERT_TRUE(created);
  for (std::int32_t term = 2; term <= 4; ++term) {
    auto stored = cores_.run(0, begin_term(*tree_, 1));
    ASSERT_TRUE(stored);
    EXPECT_EQ(stored->controller_epoch, term);
    ASSERT_EQ(stored->topics.size(), 1U);
    auto const& topic = stored->topics.front();
    EXPECT_EQ(topic.id, created->id);
    EXPECT_EQ(topic.overrides, created->overrides);
    for (auto const& partition : topic.partitions) {
      EXPECT_EQ(partition.leader_epoch.value, term - 1);
      EXPECT_EQ(partition.leader, 1);
    }
  }
}

TEST_F(topics_test, a_deletion_that_was_cut_short_is_found_by_the_next_term) {
  ASSERT_TRUE(create({.name = "kept"}));
  ASSERT_TRUE(create({.name = "going"}));
  std::vector<node_operation> mark;
  mark.push_back(create_node{"/admin/delete_topics/going", {}});
  ASSERT_TRUE(cores_.run(0, tree_->multi(std::move(mark))));
  auto stored = cores_.run(0, begin_term(*tree_, 1));
  ASSERT_TRUE(stored);
  ASSERT_EQ(stored->topics.size(), 1U);
  EXPECT_EQ(stored->topics.front().name, "kept");
  ASSERT_EQ(stored->deletions.size(), 1U);
  ASSERT_TRUE(cores_.run(0, topics_->complete_removal(stored->deletions.front())));
  EXPECT_THAT(nodes("/brokers/topics"), UnorderedElementsAre("kept"));
}

TEST_F(topics_test, a_topic_with_garbage_in_its_node_is_left_out_and_the_rest_serves) {
  ASSERT_TRUE(create({.name = "good"}));
  ASSERT_TRUE(create({.name = "bad"}));
  std::vector<node_operation> spoil;
  spoil.push_back(set_node{"/brokers/topics/bad", "{\"partitions\":7}"});
  ASSERT_TRUE(cores_.run(0, tree_->multi(std::move(spoil))));
  auto stored = cores_.run(0, begin_term(*tree_, 1));
  ASSERT_TRUE(stored);
  ASSERT_EQ(stored->topics.size(), 1U);
  EXPECT_EQ(stored->topics.front().name, "good");
}

TEST_F(topics_test, more_partitions_are_on_every_core_in_the_tree_and_have_logs) {
  auto created = create({.name = "t", .partitions = 2, .configs = {{"retention.ms", "9"}}});
  ASSERT_TRUE(created);
  auto const before = seen_on(0, "t")->partitions;
  EXPECT_EQ(add_partitions({.name = "t", .count = 7}, true), error_code::none);
  EXPECT_EQ(seen_on(0, "t")->partitions.size(), 2U);
  EXPECT_EQ(add_partitions({.name = "t", .count = 7}), error_code::none);
  for (core_id core = 0; core < 2; ++core) {
    auto const* topic = seen_on(core, "t");
    ASSERT_EQ(topic->partitions.size(), 7U);
    EXPECT_EQ(topic->id, created->id);
    for (std::size_t i = 0; i < 2; ++i) EXPECT_EQ(topic->partitions[i].log, before[i].log);
  }
  for (auto const& partition : seen_on(0, "t")->partitions) {
    auto* log = managers_[partition.core]->find(partition.log);
    ASSERT_NE(log, nullptr);
    EXPECT_EQ(log->topic_id(), created->id);
    EXPECT_EQ(log->partition(), partition.index);
    EXPECT_EQ(log->config().retention_ms, 9);
    EXPECT_EQ(partition.leader, 1);
  }
  EXPECT_LE(placement_.load(0), 4U);
  EXPECT_EQ(placement_.load(0) + placement_.load(1), 7U);
  // A next term, as after a crash at any moment from the tree's change on, finds them all.
  auto stored = cores_.run(0, begin_term(*tree_, 1));
  ASSERT_TRUE(stored);
  EXPECT_EQ(stored->topics.front().partitions.size(), 7U);
  EXPECT_EQ(stored->topics.front().id, created->id);
}

TEST_F(topics_test, partitions_that_cannot_be_added) {
  ASSERT_TRUE(create({.name = "t", .partitions = 3}));
  EXPECT_EQ(add_partitions({.name = "u", .count = 4}), error_code::unknown_topic_or_partition);
  for (auto count : {3, 2, 0, -1}) {
    EXPECT_EQ(add_partitions({.name = "t", .count = count}), error_code::invalid_partitions);
  }
  EXPECT_EQ(add_partitions({.name = "t", .count = 2'000'000'000}), error_code::invalid_partitions);
  using assignments = std::vector<std::vector<std::int32_t>>;
  for (auto const& wrong : {assignments{}, {{1}}, {{1}, {2}}, {{1}, {}}, {{1}, {1, 1}}}) {
    EXPECT_EQ(add_partitions({.name = "t", .count = 5, .assignments = wrong}),
              error_code::invalid_replica_assignment);
  }
  EXPECT_EQ(add_partitions({.name = "t", .count = 5, .assignments = assignments{{1}, {1}}}),
            error_code::none);
  EXPECT_EQ(seen_on(1, "t")->partitions.size(), 5U);
}

TEST_F(topics_test, partitions_whose_logs_cannot_be_made_are_taken_back) {
  ASSERT_TRUE(create({.name = "t", .partitions = 2}));
  managers_[1]->most_logs = 2;
  EXPECT_EQ(add_partitions({.name = "t", .count = 9}), error_code::kafka_storage_error);
  EXPECT_EQ(seen_on(0, "t")->partitions.size(), 2U);
  EXPECT_EQ(nodes("/brokers/topics/t/partitions").size(), 2U);
  EXPECT_EQ(managers_[0]->size() + managers_[1]->size(), 2U);
  EXPECT_EQ(placement_.load(0) + placement_.load(1), 2U);
  auto stored = cores_.run(0, begin_term(*tree_, 1));
  ASSERT_TRUE(stored);
  EXPECT_EQ(stored->topics.front().partitions.size(), 2U);
  managers_[1]->most_logs = 100;
  EXPECT_EQ(add_partitions({.name = "t", .count = 9}), error_code::none);
}

TEST_F(topics_test, settings_change_in_the_tree_and_in_every_log) {
  ASSERT_TRUE(create({.name = "t", .partitions = 4, .configs = {{"retention.ms", "9"}}}));
  auto overrides = [&] { return seen_on(1, "t")->overrides; };
  EXPECT_EQ(set_configs({.name = "t",
                         .changes = {{"segment.bytes", config_operation::set, "65536"},
                                     {"retention.ms", config_operation::remove, {}},
                                     {"cleanup.policy", config_operation::append, "compact"}}}),
            error_code::none);
  EXPECT_EQ(overrides(),
            (config_overrides{{"segment.bytes", "65536"}, {"cleanup.policy", "delete,compact"}}));
  for (auto const& partition : seen_on(0, "t")->partitions) {
    auto const& config = managers_[partition.core]->find(partition.log)->config();
    EXPECT_EQ(config.segment_bytes, 65536);
    EXPECT_EQ(config.retention_ms, 604'800'000);
    EXPECT_TRUE(config.compact && config.delete_old);
  }
  auto stored = cores_.run(0, begin_term(*tree_, 1));
  ASSERT_TRUE(stored);
  EXPECT_EQ(stored->topics.front().overrides, overrides());
  EXPECT_EQ(set_configs({.name = "t",
                         .changes = {{"cleanup.policy", config_operation::subtract, "delete"}}}),
            error_code::none);
  EXPECT_EQ(overrides().at("cleanup.policy"), "compact");
  // AlterConfigs forgets what it does not name.
  EXPECT_EQ(set_configs({.name = "t",
                         .changes = {{"flush.ms", config_operation::set, "7"}},
                         .keep_others = false}),
            error_code::none);
  EXPECT_EQ(overrides(), (config_overrides{{"flush.ms", "7"}}));
}

TEST_F(topics_test, settings_that_are_not_legal_change_nothing) {
  ASSERT_TRUE(create({.name = "t", .configs = {{"retention.ms", "9"}}}));
  auto code = [&](std::vector<config_change> changes, bool validate_only = false) {
    return set_configs({.name = "t", .changes = std::move(changes)}, validate_only);
  };
  using enum config_operation;
  EXPECT_EQ(set_configs({.name = "u"}), error_code::unknown_topic_or_partition);
  EXPECT_EQ(code({{"no.such.key", set, "1"}}), error_code::invalid_config);
  EXPECT_EQ(code({{"retention.ms", set, "soon"}}), error_code::invalid_config);
  EXPECT_EQ(code({{"retention.ms", append, "1"}}), error_code::invalid_config);
  EXPECT_EQ(code({{"cleanup.policy", append, "compress"}}), error_code::invalid_config);
  EXPECT_EQ(code({{"retention.ms", set, std::nullopt}}), error_code::invalid_request);
  EXPECT_EQ(code({{"retention.ms", set, "1"}, {"retention.ms", remove, {}}}),
            error_code::invalid_request);
  EXPECT_EQ(code({{"retention.ms", config_operation{9}, "1"}}), error_code::invalid_request);
  EXPECT_EQ(code({{"max.message.bytes", set, "2000000000"}}), error_code::invalid_config);
  EXPECT_EQ(code({{"retention.ms", set, "1"}}, true), error_code::none);
  EXPECT_EQ(code({{"flush.ms", remove, {}}}), error_code::none);
  EXPECT_EQ(seen_on(0, "t")->overrides, (config_overrides{{"retention.ms", "9"}}));
}

}  // namespace
}  // namespace karst::cluster
