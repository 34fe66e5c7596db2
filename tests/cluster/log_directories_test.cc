#include "cluster/log_directories.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cluster/api/owners.h"
#include "cluster/broker_life.h"
#include "cluster/config_loader.h"
#include "cluster/every_core.h"
#include "log/batch_builder.h"
#include "tests/sim/captured_logs.h"
#include "tests/sim/sim_machine.h"

namespace karst::cluster {
namespace {

using net::error_code;
using ::testing::HasSubstr;

constexpr core_id cores = 2;
constexpr std::int32_t partitions = 6;

broker_options options_for(std::string directories, std::vector<std::string> more = {}) {
  std::vector<std::string> assignments{"listeners=PLAINTEXT://127.0.0.1:0",
                                       "log.dirs=" + std::move(directories),
                                       "karst.journal.file.bytes=1048576", "karst.journal.files=3"};
  std::ranges::move(more, std::back_inserter(assignments));
  auto loaded = load_config({.assignments = std::move(assignments)});
  KARST_ASSERT(loaded);
  auto listener = make_listener_config(loaded->config, "");
  KARST_ASSERT(listener);
  return {.config = std::move(loaded->config),
          .listener = std::move(*listener),
          .memory_bytes = 256 * MiB,
          .cores = cores};
}

// What a client meets at one partition.
struct seen_partition {
  error_code error = error_code::none;
  std::int32_t leader = -1;
  directory_index directory = 0;
  std::int64_t end = -1;
};

task<error_code> append_here(broker& broker, log::log_id log) {
  auto* partition = broker.partitions().find(log);
  if (partition == nullptr) co_return error_code::not_leader_or_follower;
  log::batch_builder builder;
  builder.add(1, std::nullopt, "value");
  buffer_chain records{builder.finish()};
  auto appended = co_await partition->append(records, {});
  if (!appended) co_return error_code::kafka_storage_error;
  auto committed = co_await partition->committed(appended->end);
  co_return committed ? error_code::none : error_code::kafka_storage_error;
}

std::int64_t end_here(broker& broker, log::log_id log) {
  auto* partition = broker.partitions().find(log);
  return partition == nullptr ? -1 : partition->high_watermark().value;
}

// A broker over simulated directories, from start to stop; one life at a time.
class node {
 public:
  explicit node(sim::machine& machine) : machine_(machine) {}
  ~node() {
    if (life_) (void)stop();
  }

  std::string start(std::string directories, std::vector<std::string> more = {}) {
    auto begun =
        machine_.run(0, broker_life::start(options_for(std::move(directories), std::move(more))));
    if (!begun) return begun.error().problem.message();
    life_ = std::move(*begun);
    return "";
  }
  std::string stop() {
    auto stopped = machine_.run(0, life_->stop());
    life_.reset();
    return stopped ? "" : stopped.error().message();
  }
  std::string create(std::string name) {
    auto created =
        machine_.run(0, broker().topics().create({.name = name, .partitions = partitions}, false));
    return created ? "" : created.error().message;
  }
  std::string remove(std::string name) {
    auto removed = machine_.run(0, broker().topics().remove(name));
    return removed ? "" : removed.error().message;
  }
  // A record to each partition, and what became of it.
  std::vector<seen_partition> append(std::string name) {
    return machine_.run(0, append_all(std::move(name)));
  }
  std::vector<seen_partition> look(std::string name) {
    return machine_.run(0, look_at_all(std::move(name)));
  }
  bool knows(std::string_view name) {
    core::scope inside{machine_.at(0)};
    return broker().metadata().current()->find(name) != nullptr;
  }
  void idle(duration span) {
    auto sleep = [](duration much) -> task<> {
      (void)co_await sleep_until(core::current().now() + much);
    };
    machine_.run(0, sleep(span));
  }
  broker_life& life() { return *life_; }

 private:
  karst::cluster::broker& broker() { return life_->running(); }

  task<std::vector<seen_partition>> append_all(std::string name) {
    auto snapshot = broker().metadata().current();
    std::vector<seen_partition> all;
    for (auto const& partition : snapshot->find(name)->partitions) {
      auto& seen = all.emplace_back();
      seen.directory = partition.directory;
      seen.leader = partition.leader;
      auto owner = find_owner(broker(), *snapshot, name, partition.index);
      if (!owner) {
        seen.error = owner.error();
        continue;
      }
      auto& running = broker();
      seen.error = co_await submit_to(
          owner->core, [&running, log = owner->log] { return append_here(running, log); });
    }
    co_return all;
  }
  task<std::vector<seen_partition>> look_at_all(std::string name) {
    auto snapshot = broker().metadata().current();
    std::vector<seen_partition> all;
    for (auto const& partition : snapshot->find(name)->partitions) {
      auto& seen = all.emplace_back();
      seen.directory = partition.directory;
      seen.leader = partition.leader;
      auto owner = find_owner(broker(), *snapshot, name, partition.index);
      if (!owner) {
        seen.error = owner.error();
        continue;
      }
      auto& running = broker();
      seen.end = co_await submit_to(
          owner->core, [&running, log = owner->log] { return end_here(running, log); });
    }
    co_return all;
  }

  sim::machine& machine_;
  std::unique_ptr<broker_life> life_;
};

class log_directories_test : public ::testing::Test {
 protected:
  static sim::disk disk_with_directories() {
    auto made = sim::disk::with_directory("/a");
    made.prepare_directory("/b");
    made.prepare_directory("/c");
    return made;
  }
  std::size_t in_directory(std::vector<seen_partition> const& all, directory_index directory) {
    return static_cast<std::size_t>(std::ranges::count(all, directory, &seen_partition::directory));
  }
  std::size_t with_error(std::vector<seen_partition> const& all, error_code error) {
    return static_cast<std::size_t>(std::ranges::count(all, error, &seen_partition::error));
  }

  sim::captured_logs logs_;
  sim::world world_{{.seed = 21}, disk_with_directories()};
  sim::machine machine_{world_, cores};
};

TEST(choose_directories, takes_the_one_with_the_most_room_minus_what_was_given_before) {
  auto chosen = choose_directories({{.free_bytes = 10 * GiB}, {.free_bytes = 90 * GiB}}, 3);
  EXPECT_EQ(chosen, (std::vector<directory_index>{1, 1, 1}));
  chosen = choose_directories({{.free_bytes = 50 * MiB}, {.free_bytes = 80 * MiB}}, 5);
  EXPECT_EQ(chosen, (std::vector<directory_index>{1, 1, 0, 1, 0}));
}

TEST(choose_directories, takes_the_one_with_the_fewest_partitions_where_room_is_about_the_same) {
  auto chosen = choose_directories({{.free_bytes = 10 * GiB, .partitions = 2},
                                    {.free_bytes = 10 * GiB + MiB, .partitions = 3},
                                    {.free_bytes = 10 * GiB - MiB}},
                                   4);
  EXPECT_EQ(chosen, (std::vector<directory_index>{2, 2, 0, 2}));
}

TEST(choose_directories, leaves_out_what_is_offline) {
  auto chosen =
      choose_directories({{.in_service = false, .free_bytes = GiB}, {.free_bytes = 0}}, 1);
  EXPECT_EQ(chosen, (std::vector<directory_index>{1}));
  EXPECT_EQ(choose_directories({{.in_service = false, .free_bytes = GiB}}, 1), std::nullopt);
}

TEST_F(log_directories_test, partitions_are_spread_and_stay_where_they_are) {
  node one{machine_};
  ASSERT_EQ(one.start("/a,/b"), "");
  ASSERT_EQ(one.create("t"), "");
  auto sent = one.append("t");
  EXPECT_EQ(in_directory(sent, 0), 3U);
  EXPECT_EQ(in_directory(sent, 1), 3U);
  EXPECT_EQ(with_error(sent, error_code::none), 6U);
  ASSERT_EQ(one.stop(), "");
  // In another order, and with one more.
  ASSERT_EQ(one.start("/c,/b,/a"), "");
  auto seen = one.look("t");
  for (auto const& each : seen) EXPECT_EQ(each.end, 1);
  EXPECT_EQ(in_directory(seen, 0), 0U);
  EXPECT_EQ(in_directory(seen, 1), 3U);
  // The new directory is used.
  ASSERT_EQ(one.create("new"), "");
  EXPECT_EQ(in_directory(one.look("new"), 0), 4U);
  EXPECT_EQ(one.remove("t"), "");
  EXPECT_EQ(one.stop(), "");
  EXPECT_EQ(world_.violations(), std::vector<std::string>{});
}

// A device fails under load, at each of many moments: its partitions are offline, and nothing else.
TEST_F(log_directories_test, one_that_fails_takes_no_other_with_it) {
  for (std::uint64_t skip = 0; skip < 40; skip += 3) {
    for (auto code : {opcode::write, opcode::sync}) {
      sim::captured_logs::lines().clear();
      sim::world world{{.seed = skip + 1}, disk_with_directories()};
      sim::machine machine{world, cores};
      node one{machine};
      ASSERT_EQ(one.start("/a,/b"), "");
      ASSERT_EQ(one.create("t"), "");
      one.idle(1s);
      world.inject({.code = code, .skip = skip, .sticky = true, .below = "/b"});
      std::vector<seen_partition> sent;
      std::map<std::size_t, std::int64_t> acknowledged;
      std::string created;
      for (int round = 0; round < 12; ++round) {
        created = one.create(fmt::format("t{}", round));
        sent = one.append("t");
        for (std::size_t i = 0; i < sent.size(); ++i) {
          acknowledged[i] += sent[i].error == error_code::none;
        }
      }
      one.idle(1s);
      sent = one.append("t");
      auto const where = fmt::format("{} after {}", static_cast<int>(code), skip);
      for (auto const& each : sent) {
        EXPECT_EQ(each.error,
                  each.directory == 0 ? error_code::none : error_code::kafka_storage_error)
            << where;
        EXPECT_EQ(each.leader, each.directory == 0 ? 1001 : -1) << where;
      }
      for (std::size_t i = 0; i < sent.size(); ++i) {
        acknowledged[i] += sent[i].error == error_code::none;
      }
      // New topics go where there is service.
      EXPECT_EQ(created, "") << where;
      EXPECT_EQ(in_directory(one.look("t11"), 0), 6U) << where;
      EXPECT_EQ(sim::captured_logs::count("takes no more writes"), 1U) << where;
      EXPECT_EQ(sim::captured_logs::count("/b failed: "), 1U) << where;
      EXPECT_NE(one.stop(), "");
      world.clear_faults();
      ASSERT_EQ(one.start("/a,/b"), "") << where;
      auto seen = one.look("t");
      for (std::size_t i = 0; i < seen.size(); ++i) {
        EXPECT_EQ(seen[i].error, error_code::none) << where;
        EXPECT_GE(seen[i].end, acknowledged[i]) << where;
      }
      EXPECT_EQ(one.stop(), "") << where;
    }
  }
}

TEST_F(log_directories_test, a_start_goes_on_without_one_and_begins_nothing_anew) {
  node one{machine_};
  ASSERT_EQ(one.start("/a,/b"), "");
  ASSERT_EQ(one.create("t"), "");
  (void)one.append("t");
  ASSERT_EQ(one.stop(), "");
  for (auto code : {opcode::list_directory, opcode::open, opcode::read, opcode::write}) {
    sim::captured_logs::lines().clear();
    world_.inject({.code = code, .sticky = true, .below = "/b"});
    ASSERT_EQ(one.start("/a,/b"), "") << static_cast<int>(code);
    auto sent = one.append("t");
    EXPECT_EQ(with_error(sent, error_code::none), 3U) << static_cast<int>(code);
    EXPECT_EQ(with_error(sent, error_code::kafka_storage_error), 3U) << static_cast<int>(code);
    EXPECT_EQ(std::ranges::count(sent, -1, &seen_partition::leader), 3) << static_cast<int>(code);
    EXPECT_EQ(sim::captured_logs::count("KAFKA_STORAGE_ERROR"), 1U) << static_cast<int>(code);
    ASSERT_EQ(one.create("meanwhile"), "");
    EXPECT_EQ(with_error(one.append("meanwhile"), error_code::none), 6U);
    EXPECT_EQ(one.remove("meanwhile"), "");
    (void)one.stop();
    world_.clear_faults();
  }
  ASSERT_EQ(one.start("/a,/b"), "");
  for (auto const& each : one.look("t")) {
    EXPECT_EQ(each.end, each.directory == 0 ? 5 : 1);
    EXPECT_EQ(each.error, error_code::none);
  }
}

TEST_F(log_directories_test, one_removed_from_the_configuration_is_named) {
  node one{machine_};
  ASSERT_EQ(one.start("/a,/b"), "");
  ASSERT_EQ(one.create("t"), "");
  (void)one.append("t");
  ASSERT_EQ(one.stop(), "");
  ASSERT_EQ(one.start("/a"), "");
  EXPECT_EQ(with_error(one.append("t"), error_code::kafka_storage_error), 3U);
  EXPECT_EQ(sim::captured_logs::count("log directory /b (directory.id "), 1U);
  EXPECT_EQ(sim::captured_logs::count("3 partitions are offline"), 1U);
  ASSERT_EQ(one.stop(), "");
  ASSERT_EQ(one.start("/a,/b"), "");
  EXPECT_EQ(with_error(one.append("t"), error_code::none), 6U);
  ASSERT_EQ(one.stop(), "");
  // Who removes it for good deletes what was there; then it is forgotten.
  ASSERT_EQ(one.start("/a"), "");
  EXPECT_EQ(one.remove("t"), "");
  ASSERT_EQ(one.stop(), "");
  ASSERT_EQ(one.start("/a"), "");
  EXPECT_EQ(sim::captured_logs::count("/b is no longer of this node"), 1U);
  ASSERT_EQ(one.stop(), "");
  // It comes back: what it has belongs to no topic, and is kept.
  ASSERT_EQ(one.start("/a,/b"), "");
  EXPECT_FALSE(one.knows("t"));
  ASSERT_EQ(one.create("t"), "");
  for (auto const& each : one.look("t")) EXPECT_EQ(each.end, 0);
}

TEST_F(log_directories_test, a_deletion_waits_for_what_is_offline) {
  node one{machine_};
  ASSERT_EQ(one.start("/a,/b"), "");
  ASSERT_EQ(one.create("t"), "");
  ASSERT_EQ(one.stop(), "");
  world_.inject({.code = opcode::list_directory, .sticky = true, .below = "/b"});
  ASSERT_EQ(one.start("/a,/b"), "");
  EXPECT_THAT(one.remove("t"), HasSubstr("offline"));
  EXPECT_FALSE(one.knows("t"));
  (void)one.stop();
  ASSERT_EQ(one.start("/a,/b"), "");
  EXPECT_THAT(one.create("t"), HasSubstr("being deleted"));
  (void)one.stop();
  world_.clear_faults();
  ASSERT_EQ(one.start("/a,/b"), "");
  EXPECT_EQ(sim::captured_logs::count("completed the deletion of topic t"), 1U);
  EXPECT_EQ(one.create("t"), "");
}

TEST_F(log_directories_test, the_tree_is_found_wherever_it_is) {
  node one{machine_};
  ASSERT_EQ(one.start("/a,/b"), "");
  ASSERT_EQ(one.create("t"), "");
  ASSERT_EQ(one.stop(), "");
  EXPECT_THAT(one.start("/b"), HasSubstr("karst-tree-snapshot"));
  world_.inject({.code = opcode::list_directory, .sticky = true, .below = "/a"});
  EXPECT_THAT(one.start("/c,/a"), HasSubstr("/a"));
  world_.clear_faults();
  ASSERT_EQ(one.start("/c,/b,/a"), "");
  EXPECT_EQ(with_error(one.append("t"), error_code::none), 6U);
}

TEST_F(log_directories_test, what_belongs_to_different_nodes_is_refused) {
  node one{machine_};
  ASSERT_EQ(one.start("/a", {"broker.id=1"}), "");
  ASSERT_EQ(one.stop(), "");
  ASSERT_EQ(one.start("/b", {"broker.id=1"}), "");
  ASSERT_EQ(one.stop(), "");
  auto why = one.start("/a,/b", {"broker.id=1"});
  EXPECT_THAT(why, HasSubstr("cluster"));
  EXPECT_THAT(why, HasSubstr("/a"));
  EXPECT_THAT(why, HasSubstr("/b"));
  EXPECT_THAT(one.start("/a,/b", {"broker.id=7"}), HasSubstr("broker 1"));
}

TEST(directory_paths, one_directory_is_named_once) {
  auto refused = [](std::string directories) {
    auto paths = directory_paths(options_for(std::move(directories)).config);
    return paths ? std::string{} : paths.error().problem.message();
  };
  EXPECT_THAT(refused("/a,/b,/a/"), HasSubstr("/a twice"));
  EXPECT_THAT(refused("/a,/b/../a"), HasSubstr("/a twice"));
  EXPECT_THAT(refused("/a,/a/b"), HasSubstr("/a/b inside /a"));
  EXPECT_THAT(refused(","), HasSubstr("no directory"));
  EXPECT_EQ(refused("/a,/ab"), "");
}

}  // namespace
}  // namespace karst::cluster
