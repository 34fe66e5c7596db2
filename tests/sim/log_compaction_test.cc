#include <gtest/gtest.h>

#include "tests/sim/captured_logs.h"
#include "tests/sim/keyed_log.h"
#include "tests/sim/log_trace.h"
#include "tests/sim/quiet_logs.h"

namespace karst::sim {
namespace {

log::directory_options compacting_directory(core_id cores = 1) {
  auto options = small_directory(cores);
  options.cleaner.backoff = 100ms;
  return options;
}

log::log_config compacted_log() {
  auto config = small_log();
  config.segment_bytes = 16 * KiB;
  config.index_interval_bytes = 256;
  config.compact = true;
  config.delete_old = false;
  config.min_cleanable_dirty_ratio = 0.3;
  config.delete_retention_ms = 1500;
  return config;
}

std::vector<std::string> files_of(disk const& on) {
  std::vector<std::string> names;
  for (auto const& path : on.files("/data")) {
    if (path.starts_with("/data/topic1-0/")) names.push_back(path.substr(15));
  }
  return names;
}

class log_compaction : public testing::Test {
 protected:
  log_node& start(log::log_config const& config = compacted_log(), std::uint64_t seed = 1,
                  log::directory_options const& options = compacting_directory()) {
    random_ = random_source{seed};
    host_ = std::make_unique<world>(world_options{.seed = seed}, disk::with_directory("/data"));
    node_ = std::make_unique<log_node>(*host_, options, ledger_);
    EXPECT_EQ(node_->start(), "");
    EXPECT_EQ(node_->create(1, config), "");
    return *node_;
  }
  void append(unsigned batches) {
    for (unsigned i = 0; i < batches; ++i) {
      ASSERT_EQ(node_->cores().run(0, book_.append(log(), random_)), "");
    }
  }
  void restart(disk left, std::uint64_t seed) {
    node_.reset();
    host_ = std::make_unique<world>(world_options{.seed = seed}, std::move(left));
    node_ = std::make_unique<log_node>(*host_, compacting_directory(), ledger_);
    ASSERT_EQ(node_->start(), "");
  }
  log::partition_log& log() { return *node_->find(1); }
  std::vector<keyed_record> records() {
    auto read = node_->cores().run(0, read_keyed(log()));
    EXPECT_TRUE(read) << read.error();
    return read ? *read : std::vector<keyed_record>{};
  }

  log_ledger ledger_;
  keyed_book book_;
  random_source random_{1};
  std::unique_ptr<world> host_;
  std::unique_ptr<log_node> node_;
};

TEST_F(log_compaction, keeps_the_newest_record_of_each_key) {
  quiet_logs quiet;
  auto& node = start();
  append(200);
  auto const before = log().size_bytes();
  auto const written = records().size();
  node.idle(1s);
  auto const left = records();
  EXPECT_EQ(book_.check(left, book_.acked()), "");
  EXPECT_LT(left.size(), written / 2);
  EXPECT_LT(log().size_bytes(), before / 2);
  EXPECT_EQ(log().log_start().value, 0);
  EXPECT_EQ(log().log_end().value, book_.acked());
  EXPECT_EQ(node.cores().run(0, book_.retry(log())), "");
  // Every other trace of it is gone.
  for (auto const& name : files_of(host_->storage())) {
    EXPECT_FALSE(name.contains("cleaned") || name.contains("swap")) << name;
  }
  EXPECT_EQ(host_->violations(), std::vector<std::string>{});
}

TEST_F(log_compaction, goes_on_after_a_clean_stop_and_after_a_kill) {
  quiet_logs quiet;
  start();
  for (std::uint64_t life = 1; life <= 6; ++life) {
    append(60);
    node_->idle(life % 3 == 0 ? 5ms : 800ms);
    if (life % 2 == 0) {
      EXPECT_EQ(node_->close(), "");
    } else {
      node_->kill();
    }
    ASSERT_NO_FATAL_FAILURE(restart(host_->power_cut(life), 100 + life));
    EXPECT_EQ(book_.check(records(), book_.acked()), "") << life;
    EXPECT_EQ(node_->cores().run(0, book_.retry(log())), "") << life;
  }
}

TEST_F(log_compaction, where_it_stands_outlives_the_process) {
  quiet_logs quiet;
  start();
  append(150);
  node_->idle(1s);
  EXPECT_EQ(node_->close(), "");
  std::string checkpoint = host_->storage().content("/data/cleaner-offset-checkpoint");
  EXPECT_TRUE(checkpoint.starts_with("0\n1\ntopic1 0 ")) << checkpoint;
  // Nothing new: nothing is compacted.
  ASSERT_NO_FATAL_FAILURE(restart(host_->power_cut(), 100));
  auto const bytes = log().size_bytes();
  node_->idle(5s);
  EXPECT_EQ(log().size_bytes(), bytes);
  EXPECT_EQ(host_->storage().content("/data/cleaner-offset-checkpoint"), checkpoint);
}

TEST_F(log_compaction, tombstones_go_when_their_horizon_has_passed) {
  quiet_logs quiet;
  auto config = compacted_log();
  config.delete_retention_ms = 60'000;
  auto& node = start(config);
  append(150);
  node.idle(1s);
  auto tombstones = [this] {
    auto const all = records();
    return std::ranges::count_if(all, [](auto const& one) { return !one.value; });
  };
  auto const first = tombstones();
  EXPECT_GT(first, 0);
  node.idle(70s);
  append(150);
  node.idle(1s);
  // Those of the first part are gone, with what they deleted.
  auto const all = records();
  auto const old =
      std::ranges::count_if(all, [](auto const& one) { return !one.value && one.at < 200; });
  EXPECT_EQ(old, 0);
  EXPECT_EQ(book_.check(all, book_.acked()), "");
}

TEST_F(log_compaction, min_compaction_lag_holds_it_back) {
  quiet_logs quiet;
  auto config = compacted_log();
  config.min_compaction_lag_ms = 30'000;
  auto& node = start(config);
  append(150);
  auto const before = records().size();
  node.idle(20s);
  EXPECT_EQ(records().size(), before);
  node.idle(15s);
  EXPECT_LT(records().size(), before / 2);
}

TEST_F(log_compaction, max_compaction_lag_asks_for_it_and_ends_the_segment) {
  quiet_logs quiet;
  auto config = compacted_log();
  config.segment_bytes = 64 * MiB;
  config.min_cleanable_dirty_ratio = 1;
  config.max_compaction_lag_ms = 60'000;
  auto options = compacting_directory();
  options.retention_interval = 10s;
  auto& node = start(config, 1, options);
  append(150);
  auto const before = records().size();
  node.idle(50s);
  EXPECT_EQ(records().size(), before);
  node.idle(80s);
  auto const left = records();
  EXPECT_LE(left.size(), 12U);
  EXPECT_EQ(book_.check(left, book_.acked()), "");
}

TEST_F(log_compaction, compact_alone_is_not_deleted_and_both_are) {
  quiet_logs quiet;
  auto config = compacted_log();
  config.retention_ms = 10'000;
  auto options = compacting_directory();
  options.retention_interval = 1s;
  auto& node = start(config, 1, options);
  append(100);
  node.idle(60s);
  EXPECT_EQ(log().log_start().value, 0);
  config.delete_old = true;
  log().set_config(config);
  node.idle(60s);
  EXPECT_EQ(log().log_start(), log().log_end());
  EXPECT_TRUE(records().empty());
}

// A map for a few keys only: several passes, each a step further.
TEST_F(log_compaction, a_small_map_takes_several_passes) {
  quiet_logs quiet;
  auto options = compacting_directory();
  options.cleaner.map_bytes = 0;  // the least: 14 keys
  auto& node = start(compacted_log(), 3, options);
  append(150);
  node.idle(3s);
  EXPECT_EQ(book_.check(records(), book_.acked()), "");
}

TEST_F(log_compaction, damage_stops_one_partition_and_says_so) {
  captured_logs logs;
  auto config = compacted_log();
  config.min_compaction_lag_ms = 10'000;
  start(config);
  append(100);
  ASSERT_EQ(node_->create(2, config), "");
  keyed_book other;
  for (auto i = 0; i < 100; ++i) {
    ASSERT_EQ(node_->cores().run(0, other.append(*node_->find(2), random_)), "");
  }
  ASSERT_EQ(node_->close(), "");
  host_->storage().find("/data/topic1-0/00000000000000000000.log")->data.damage(300, 0x40);
  auto segments = [this] {
    return std::ranges::count_if(files_of(host_->storage()),
                                 [](auto const& name) { return name.ends_with(".log"); });
  };
  auto const segments_before = segments();
  ASSERT_NO_FATAL_FAILURE(restart(host_->power_cut(), 100));
  auto const before = node_->find(2)->size_bytes();
  node_->idle(30s);
  EXPECT_EQ(captured_logs::count("topic1-0 is not compacted any more"), 1U);
  EXPECT_EQ(captured_logs::count("00000000000000000000.log at position"), 1U);
  EXPECT_EQ(segments(), segments_before);
  EXPECT_LT(node_->find(2)->size_bytes(), before);
  EXPECT_EQ(other.check(*node_->cores().run(0, read_keyed(*node_->find(2))), other.acked()), "");
}

TEST_F(log_compaction, full_disk_puts_it_off) {
  captured_logs logs;
  auto& node = start();
  append(100);
  host_->inject({.code = opcode::allocate, .error = errc::no_space, .sticky = true});
  node.idle(1s);
  EXPECT_GE(captured_logs::count("topic1-0 is not compacted for now"), 1U);
  EXPECT_EQ(book_.check(records(), book_.acked()), "");
  auto const before = log().size_bytes();
  host_->clear_faults();
  node.idle(2s);
  EXPECT_LT(log().size_bytes(), before);
  EXPECT_EQ(book_.check(records(), book_.acked()), "");
}

TEST_F(log_compaction, a_log_is_removed_amid_its_compaction) {
  quiet_logs quiet;
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    book_ = {};
    auto& node = start(compacted_log(), seed);
    append(80);
    node.idle(std::chrono::microseconds{50'000 + 4000 * seed});
    ASSERT_EQ(node.remove(1), "") << seed;
    EXPECT_TRUE(files_of(host_->storage()).empty()) << seed;
    EXPECT_EQ(node.close(), "") << seed;
    node_.reset();
  }
}

// Six MiB of records with two keys.
task<std::string> append_large(log::partition_log& log) {
  for (auto i = 0; i < 150; ++i) {
    log::batch_builder builder;
    builder.add(core::current().clock().wall_now(), i % 2 == 0 ? "even" : "odd",
                std::string(40'000, 'v'));
    auto batch = log::validated_batch::trusted(buffer_chain{builder.finish()});
    if (auto room = co_await log.room_for(batch.size()); !room) {
      co_return std::string{log::describe(room.error())};
    }
    auto info = log.append(batch, {.epoch = log.latest_epoch(), .now = 0});
    if (!info) co_return std::string{log::describe(info.error())};
  }
  auto durable = co_await log.durable(log.log_end());
  co_return durable ? "" : std::string{log::describe(durable.error())};
}

task<bool> delete_all_records(log::partition_log& log) {
  co_return (co_await log.advance_log_start(log.log_end())).has_value();
}

// Segments go under a slow compaction that reads them, and their files are cut step by step.
TEST_F(log_compaction, what_is_removed_under_it_is_no_damage) {
  auto config = compacted_log();
  config.segment_bytes = 2 * MiB;
  config.index_interval_bytes = 4096;
  auto options = compacting_directory();
  options.cleaner.bytes_per_second = 4 * MiB;
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    captured_logs logs;
    auto& node = start(config, seed, options);
    ASSERT_EQ(node.cores().run(0, append_large(log())), "");
    node.idle(100ms * seed);
    ASSERT_TRUE(node.cores().run(0, delete_all_records(log())));
    node.idle(5s);
    EXPECT_EQ(captured_logs::count("is not compacted any more"), 0U) << "seed " << seed;
    EXPECT_EQ(log().log_start(), log().log_end());
    ASSERT_EQ(node.close(), "") << "seed " << seed;
    node_.reset();
  }
}

// Each operation of a compaction fails once, in each way: whatever becomes of the directory, the
// next start has every record that it must have.
TEST_F(log_compaction, no_failed_operation_loses_a_record) {
  quiet_logs quiet;
  for (auto error : {errc::io_error, errc::no_space, errc::too_many_files}) {
    for (std::uint64_t skip = 0; skip < 90; ++skip) {
      book_ = {};
      ledger_ = {};
      start(compacted_log(), 1 + skip);
      append(60);
      host_->inject({.code = std::nullopt, .skip = skip, .error = error});
      node_->idle(500ms);
      host_->clear_faults();
      auto const where = fmt::format("{}, operation {}", describe(error), skip);
      if (error != errc::io_error && node_->manager_of(1).failure().empty()) {
        ASSERT_EQ(book_.check(records(), book_.acked()), "") << where;
      }
      node_->kill();
      ASSERT_NO_FATAL_FAILURE(restart(host_->power_cut(), 1000 + skip)) << where;
      ASSERT_EQ(book_.check(records(), book_.acked()), "") << where;
      node_->idle(500ms);
      ASSERT_EQ(book_.check(records(), book_.acked()), "") << where;
      node_.reset();
    }
  }
}

// Readers go on while segments are exchanged under them.
task<> read_on(log::partition_log& log, keyed_book const& book, bool const& enough,
               std::string& complaint, std::size_t& rounds) {
  while (!enough && complaint.empty()) {
    auto const acked = book.acked();
    auto read = co_await read_keyed(log);
    complaint = read ? book.check(*read, acked) : read.error();
    ++rounds;
    // What is in memory takes no time.
    (void)co_await sleep_until(core::current().now() + 1ms);
  }
}

class log_compaction_seeds : public log_compaction,
                             public testing::WithParamInterface<std::uint64_t> {};

TEST_P(log_compaction_seeds, readers_see_no_exchange) {
  quiet_logs quiet;
  start(compacted_log(), GetParam());
  bool enough = false;
  std::string complaint;
  std::size_t rounds = 0;
  append(80);
  // From files: what the process has in memory would hide them.
  ASSERT_EQ(node_->close(), "");
  ASSERT_NO_FATAL_FAILURE(restart(host_->power_cut(), 100 + GetParam()));
  for (auto i = 0; i < 3; ++i) {
    node_->cores().start(0, read_on(log(), book_, enough, complaint, rounds));
  }
  for (auto i = 0; i < 6; ++i) {
    ASSERT_NO_FATAL_FAILURE(append(40));
    node_->idle(300ms);
  }
  enough = true;
  node_->idle(1s);
  EXPECT_EQ(complaint, "") << "seed " << GetParam();
  EXPECT_GT(rounds, 10U);
}

INSTANTIATE_TEST_SUITE_P(seeds, log_compaction_seeds, testing::Range<std::uint64_t>(1, 5));

// A power cut after every I/O of writing, exchanging and merging segments, and then again within
// the recovery: the newest record of every key is there, nothing older comes back, and compaction
// goes on from there.
class log_compaction_cut : public log_compaction,
                           public testing::WithParamInterface<std::uint64_t> {};

struct cut_image {
  std::uint64_t operation = 0;
  std::string after;
  disk left;
  std::int64_t acked = 0;
};

TEST_P(log_compaction_cut, no_power_cut_loses_or_revives_a_record) {
  quiet_logs quiet;
  auto const seed = GetParam();
  std::vector<cut_image> images;
  start(compacted_log(), seed);
  append(40);
  host_->on_operation([&](operation_record const& done) {
    // What is unsure about names survives in many ways: all that matter are to be met.
    auto const names = done.code == opcode::rename || done.code == opcode::unlink;
    for (std::uint64_t i = 0; i < (names ? 12U : 1U); ++i) {
      images.push_back({done.number, fmt::format("{} {}", static_cast<int>(done.code), done.path),
                        host_->power_cut(i), book_.acked()});
    }
  });
  for (auto i = 0; i < 6; ++i) {
    append(25);
    node_->idle(400ms);
  }
  ASSERT_EQ(node_->close(), "");
  ASSERT_GT(images.size(), 200U);
  for (auto& image : images) {
    auto const where =
        fmt::format("seed {}, cut after {} ({})", seed, image.operation, image.after);
    world host{{.seed = 1000 + image.operation}, image.left.after_power_cut(random_source{1})};
    auto const cut_within = 1 + image.operation % 40;
    host.cut_after(cut_within);
    {
      log_node node{host, compacting_directory(), ledger_};
      (void)node.start();
      if (!host.is_cut()) node.idle(200ms);
    }
    auto left = host.is_cut() ? host.taken_cut() : image.left.after_power_cut(random_source{1});
    world second{{.seed = 100'000 + image.operation}, std::move(left)};
    log_node node{second, compacting_directory(1 + image.operation % 2), ledger_};
    ASSERT_EQ(node.start(), "") << where;
    auto* found = node.find(1);
    ASSERT_NE(found, nullptr) << where;
    auto const home = static_cast<core_id>(image.operation % 2);
    auto read = node.cores().run(home, read_keyed(*found));
    ASSERT_TRUE(read) << where << ": " << read.error();
    ASSERT_EQ(book_.check(*read, image.acked), "") << where;
    ASSERT_GE(found->log_end().value, image.acked) << where;
    if (image.operation % 5 != 0) continue;
    node.idle(500ms);
    read = node.cores().run(home, read_keyed(*found));
    ASSERT_TRUE(read) << where << ": " << read.error();
    ASSERT_EQ(book_.check(*read, image.acked), "") << where;
    ASSERT_EQ(second.violations(), std::vector<std::string>{}) << where;
  }
}

INSTANTIATE_TEST_SUITE_P(seeds, log_compaction_cut, testing::Range<std::uint64_t>(1, 5));

}  // namespace
}  // namespace karst::sim
