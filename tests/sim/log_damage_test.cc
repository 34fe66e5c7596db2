#include <gtest/gtest.h>

#include "log/journal_format.h"
#include "tests/sim/log_trace.h"
#include "tests/sim/quiet_logs.h"

namespace karst::sim {
namespace {

// A directory after a trace that a power cut ended, and what had been promised.
struct stopped_trace {
  disk left;
  std::map<std::uint64_t, log_promise> promises;
  log_ledger ledger;
};

stopped_trace run_until_cut(std::uint64_t seed) {
  disk start;
  start.prepare_directory("/data");
  world host{{.seed = seed}, std::move(start)};
  stopped_trace result;
  log_node node{host, small_directory(1), result.ledger};
  EXPECT_EQ(node.start(), "");
  for (std::uint64_t id : {1, 2}) EXPECT_EQ(node.create(id, small_log()), "");
  random_source random{seed};
  for (auto round = 0; round < 60; ++round) {
    EXPECT_EQ(node.append(1 + random.below(2), random.between(100, 8000)), "");
  }
  result.promises = result.ledger.promises();
  result.left = host.power_cut();
  return result;
}

disk copy_of(disk const& from) { return from.after_power_cut(random_source{1}); }

// What an operator may see of a damaged directory: a refusal to start or logs that say that they
// are damaged; never fewer records.
std::string silent_losses(std::string const& complaints) {
  std::string silent;
  for (std::size_t at = 0; at < complaints.size();) {
    auto end = std::min(complaints.find('\n', at), complaints.size());
    auto line = complaints.substr(at, end - at);
    auto said = line.find("damage") != std::string::npos;
    if (!line.empty() && !said) silent += line + "\n";
    at = end + 1;
  }
  return silent;
}

struct journal_place {
  std::string path;
  std::uint64_t offset;
  std::uint64_t run;
  std::uint64_t sequence;
  std::uint32_t bytes;
};

// The groups that lie in the journal files, newest last.
std::vector<journal_place> groups_of(disk const& on) {
  std::vector<journal_place> found;
  for (auto const& path : on.files("/data")) {
    if (path.find("karst-journal-") == std::string::npos) continue;
    auto content = on.content(path);
    for (std::size_t at = block_size; at + block_size <= content.size(); at += block_size) {
      auto header =
          log::group_header::decode(std::as_bytes(std::span{content}.subspan(at, block_size)));
      if (header) found.push_back({path, at, header->run, header->sequence, header->bytes});
    }
  }
  std::ranges::sort(found, {}, &journal_place::sequence);
  return found;
}

class log_damage : public testing::Test {
  quiet_logs quiet_;
};

TEST_F(log_damage,
       a_broken_group_in_the_middle_of_the_journal_is_reported_and_nothing_is_destroyed) {
  auto stopped = run_until_cut(1);
  auto groups = groups_of(stopped.left);
  ASSERT_GT(groups.size(), 20u);
  auto const newest = groups.back().sequence;
  auto reported = 0;
  for (auto const& group : groups) {
    if (group.sequence + log::groups_in_flight >= newest) continue;
    auto damaged = copy_of(stopped.left);
    auto const where = group.offset + 100 + group.sequence % 300;
    damaged.find(group.path)->data.damage(where, 0x10);
    world host{{.seed = group.sequence}, std::move(damaged)};
    {
      log_node node{host, small_directory(1), stopped.ledger};
      auto complaints = node.start();
      if (complaints.empty()) complaints = node.check(stopped.promises);
      if (!complaints.empty()) ++reported;
      EXPECT_EQ(silent_losses(complaints), "") << "group " << group.sequence << " of " << newest;
      node.kill();
    }
    // Undone, as from a copy of the device, everything is there: the damaged start has destroyed
    // nothing.
    auto again = host.power_cut();
    auto file = again.find(group.path);
    if (!file) continue;
    // Nor is it undone in a file that another run has taken since, because nothing was live in it.
    auto content = again.content(group.path);
    auto header = log::journal_file_header::decode(std::as_bytes(std::span{content}));
    if (!header || header->run != group.run) continue;
    file->data.damage(where, 0x10);
    auto after = recover(std::move(again), stopped.promises, stopped.ledger, 1, 3);
    EXPECT_EQ(silent_losses(after.complaints), "")
        << "group " << group.sequence << " of " << newest;
  }
  EXPECT_GT(reported, 0);
}

TEST_F(log_damage, a_broken_batch_that_was_durable_takes_its_partition_offline_and_is_never_cut) {
  auto stopped = run_until_cut(2);
  auto reported = 0;
  for (auto const& path : stopped.left.files("/data")) {
    if (!path.ends_with(".log")) continue;
    auto const size = stopped.left.content(path).size();
    for (std::uint64_t at = 2000; at < size; at += 9 * KiB) {
      auto damaged = copy_of(stopped.left);
      auto const before = damaged.content(path)[at];
      if (before == 0) continue;
      damaged.find(path)->data.damage(at, 0x04);
      world host{{.seed = at}, std::move(damaged)};
      {
        log_node node{host, small_directory(1), stopped.ledger};
        auto complaints = node.start();
        if (complaints.empty()) complaints = node.check(stopped.promises);
        // The reader compares bytes, as a client compares the CRC of each batch: served damage
        // shows as other bytes.
        if (!complaints.empty()) ++reported;
        EXPECT_EQ(complaints.find("ends at"), std::string::npos)
            << path << " at " << at << ": " << complaints;
        EXPECT_EQ(complaints.find("lost"), std::string::npos)
            << path << " at " << at << ": " << complaints;
        node.kill();
      }
      auto again = host.power_cut();
      if (again.content(path)[at] != before) again.find(path)->data.damage(at, 0x04);
      auto after = recover(std::move(again), stopped.promises, stopped.ledger, 1, 3);
      EXPECT_EQ(after.complaints, "") << path << " at " << at;
    }
  }
  EXPECT_GT(reported, 0);
}

}  // namespace
}  // namespace karst::sim
