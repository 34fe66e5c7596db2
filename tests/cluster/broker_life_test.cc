#include "cluster/broker_life.h"

#include <gtest/gtest.h>

#include "cluster/config_loader.h"
#include "cluster/every_core.h"
#include "log/batch_builder.h"
#include "tests/sim/quiet_logs.h"
#include "tests/sim/sim_machine.h"

namespace karst::cluster {
namespace {

constexpr core_id cores = 2;

broker_options options_for(std::vector<std::string> more = {}) {
  std::vector<std::string> assignments{"listeners=PLAINTEXT://127.0.0.1:0", "log.dirs=/data",
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

using started = expected<std::unique_ptr<broker_life>, start_failure>;

// What a script of changes has been told.
struct told {
  bool created = false;
  bool removed = false;
  bool asked_to_remove = false;
  std::int64_t acknowledged = 0;
};

buffer_chain one_record() {
  log::batch_builder builder;
  builder.add(1, std::nullopt, "value");
  return buffer_chain{builder.finish()};
}

task<bool> append_here(broker& broker, log::log_id log, buffer_chain const& records) {
  auto* partition = broker.partitions().find(log);
  if (partition == nullptr) co_return false;
  auto appended = co_await partition->append(records, {});
  if (!appended) co_return false;
  co_return (co_await partition->committed(appended->end)).has_value();
}

task<> append_one(broker& broker, told& answers) {
  auto const* found = broker.metadata().current()->find("t", 0);
  if (found == nullptr) co_return;
  auto at = *found;
  auto records = one_record();
  auto acknowledged =
      co_await submit_to(at.core, [&] { return append_here(broker, at.log, records); });
  if (acknowledged) ++answers.acknowledged;
}

task<> change_things(broker_life& life, told& answers) {
  auto& broker = life.running();
  answers.created =
      (co_await broker.topics().create({.name = "t", .partitions = 3}, false)).has_value();
  for (int i = 0; i < 3; ++i) co_await append_one(broker, answers);
  (void)co_await broker.topics().create({.name = "gone", .partitions = 3}, false);
  answers.asked_to_remove = true;
  answers.removed = (co_await broker.topics().remove("gone")).has_value();
}

task<> live(told& answers) {
  auto life = co_await broker_life::start(options_for());
  if (!life) co_return;
  co_await change_things(**life, answers);
  (void)co_await (*life)->stop();
}

struct seen_state {
  std::string failure;
  std::map<std::string, std::size_t> topics;
  std::int64_t records = 0;
  bool all_logs_found = true;
};

std::int64_t committed_here(broker& broker, log::log_id log) {
  auto* partition = broker.partitions().find(log);
  return partition == nullptr ? -1 : partition->high_watermark().value;
}

task<seen_state> look() {
  seen_state seen;
  auto life = co_await broker_life::start(options_for());
  if (!life) {
    seen.failure = life.error().problem.message();
    co_return seen;
  }
  auto& broker = (*life)->running();
  auto snapshot = broker.metadata().current();
  for (auto const& [name, topic] : snapshot->topics) {
    seen.topics[name] = topic->partitions.size();
    for (auto const& partition : topic->partitions) {
      auto end =
          co_await submit_to(partition.core, [&] { return committed_here(broker, partition.log); });
      seen.all_logs_found &= end >= 0;
      if (name == "t" && partition.index == 0) seen.records = end;
    }
  }
  auto another = co_await broker.topics().create({.name = "another"}, false);
  if (!another && another.error().code != net::error_code::topic_already_exists) {
    seen.failure = another.error().message;
  }
  auto stopped = co_await (*life)->stop();
  if (!stopped) seen.failure = stopped.error().message();
  co_return seen;
}

TEST(broker_life, what_was_answered_is_there_after_a_clean_stop) {
  sim::quiet_logs quiet;
  sim::world world{{.seed = 11}, sim::disk::with_directory("/data")};
  sim::machine machine{world, cores};
  told answers;
  machine.run(0, live(answers));
  EXPECT_TRUE(answers.created && answers.removed);
  EXPECT_EQ(answers.acknowledged, 3);
  auto seen = machine.run(0, look());
  EXPECT_EQ(seen.failure, "");
  EXPECT_TRUE(seen.all_logs_found);
  EXPECT_EQ(seen.topics, (std::map<std::string, std::size_t>{{"t", 3}}));
  EXPECT_EQ(seen.records, 3);
}

// The power fails after every few operations of: a first start, topics created and deleted,
// records, a clean stop.
TEST(broker_life, survives_a_power_cut_anywhere_in_the_life_of_topics) {
  sim::quiet_logs quiet;
  std::uint64_t operations = 0;
  {
    sim::world world{{.seed = 12}, sim::disk::with_directory("/data")};
    sim::machine machine{world, cores};
    told answers;
    machine.run(0, live(answers));
    operations = world.operations();
  }
  ASSERT_GT(operations, 50U);
  auto step = std::max<std::uint64_t>(operations / 40, 1);
  for (std::uint64_t cut = 1; cut < operations; cut += step) {
    told answers;
    sim::disk left;
    {
      sim::world world{{.seed = 12}, sim::disk::with_directory("/data")};
      world.cut_after(cut);
      sim::machine machine{world, cores};
      machine.run(0, live(answers));
      if (!world.is_cut()) continue;
      left = world.taken_cut();
    }
    sim::world world{{.seed = cut}, std::move(left)};
    sim::machine machine{world, cores};
    auto seen = machine.run(0, look());
    auto where = fmt::format("power cut after operation {} of {}", cut, operations);
    EXPECT_EQ(seen.failure, "") << where;
    EXPECT_TRUE(seen.all_logs_found) << where;
    EXPECT_TRUE(!answers.created || seen.topics.contains("t")) << where;
    EXPECT_TRUE(!answers.removed || !seen.topics.contains("gone")) << where;
    EXPECT_GE(seen.records, answers.acknowledged) << where;
  }
}

task<std::vector<std::int32_t>> epochs(std::vector<std::string> more) {
  std::vector<std::int32_t> found;
  auto life = co_await broker_life::start(options_for(std::move(more)));
  KARST_ASSERT(life, "{}", life.error().problem.message());
  auto& broker = (*life)->running();
  (void)co_await broker.topics().create({.name = "t"}, false);
  found.push_back(broker.identity().id);
  found.push_back(broker.metadata().current()->find("t", 0)->leader_epoch.value);
  (void)co_await (*life)->stop();
  co_return found;
}

task<exit_status> refused(std::vector<std::string> more) {
  auto life = co_await broker_life::start(options_for(std::move(more)));
  if (life) {
    (void)co_await (*life)->stop();
    co_return exit_status::success;
  }
  co_return life.error().status;
}

TEST(broker_life, keeps_its_identity_and_raises_the_leader_epoch) {
  sim::quiet_logs quiet;
  sim::world world{{.seed = 13}, sim::disk::with_directory("/data")};
  sim::machine machine{world, cores};
  EXPECT_EQ(machine.run(0, epochs({})), (std::vector<std::int32_t>{1001, 0}));
  EXPECT_EQ(machine.run(0, epochs({})), (std::vector<std::int32_t>{1001, 1}));
  EXPECT_EQ(machine.run(0, epochs({"broker.id=1001"})), (std::vector<std::int32_t>{1001, 2}));
  EXPECT_EQ(machine.run(0, refused({"broker.id=7"})), exit_status::wrong_identity);
  EXPECT_EQ(machine.run(0, refused({"message.max.bytes=9000000"})), exit_status::bad_configuration);
  EXPECT_EQ(machine.run(0, epochs({})), (std::vector<std::int32_t>{1001, 4}));
}

}  // namespace
}  // namespace karst::cluster
