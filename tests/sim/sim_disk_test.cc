#include "tests/sim/sim_disk.h"

#include <gtest/gtest.h>

#include "reactor/file.h"
#include "reactor/ready_operation.h"
#include "tests/sim/sim_machine.h"

namespace karst::sim {
namespace {

std::vector<std::byte> bytes_of(std::string_view text) {
  auto const* from = reinterpret_cast<std::byte const*>(text.data());
  return {from, from + text.size()};
}

// A file that exists surely, for tests about its content.
node_ptr durable_file(disk& on, std::string_view path) {
  auto node = on.open(path, open_write | open_create, 0);
  EXPECT_TRUE(node);
  on.sync_names(on.find("/"), on.names_mark());
  return *node;
}

void write(sim_file& to, std::uint64_t offset, std::string_view text, bool durable) {
  to.finish_write(to.begin_write(offset, bytes_of(text)), durable);
}

TEST(sim_disk, durable_bytes_survive_every_power_cut) {
  disk one;
  auto node = durable_file(one, "/a");
  write(node->data, 0, "kept", true);
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    auto after = one.after_power_cut(random_source{seed});
    EXPECT_EQ(after.content("/a"), "kept");
  }
}

TEST(sim_disk, an_unsynced_write_is_kept_dropped_or_torn) {
  disk one;
  auto node = durable_file(one, "/a");
  auto const old = std::string(4096, 'o');
  auto const fresh = std::string(4096, 'n');
  write(node->data, 0, old, true);
  write(node->data, 0, fresh, false);
  EXPECT_EQ(one.content("/a"), fresh);
  auto kept = 0;
  auto dropped = 0;
  auto torn = 0;
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    auto after = one.after_power_cut(random_source{seed}).content("/a");
    for (std::size_t at = 0; at < after.size(); at += sector_bytes) {
      auto sector = after.substr(at, sector_bytes);
      EXPECT_TRUE(sector == old.substr(0, sector_bytes) || sector == fresh.substr(0, sector_bytes));
    }
    ++(after == fresh ? kept : after == old ? dropped : torn);
  }
  EXPECT_GT(kept, 10);
  EXPECT_GT(dropped, 10);
  EXPECT_GT(torn, 10);
}

TEST(sim_disk, a_durable_write_says_nothing_of_other_ranges) {
  disk one;
  auto node = durable_file(one, "/a");
  write(node->data, 0, std::string(8192, 'o'), true);
  write(node->data, 0, std::string(4096, 'n'), false);
  write(node->data, 4096, std::string(4096, 'd'), true);
  auto old = 0;
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    auto after = one.after_power_cut(random_source{seed}).content("/a");
    EXPECT_EQ(after.substr(4096), std::string(4096, 'd'));
    if (after[0] == 'o') ++old;
  }
  EXPECT_GT(old, 5);
}

TEST(sim_disk, a_write_in_flight_may_be_torn) {
  disk one;
  auto node = durable_file(one, "/a");
  write(node->data, 0, std::string(4096, 'o'), true);
  auto token = node->data.begin_write(0, bytes_of(std::string(4096, 'n')));
  auto changed = 0;
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    auto after = one.after_power_cut(random_source{seed}).content("/a");
    if (after.find('n') != std::string::npos) ++changed;
  }
  EXPECT_GT(changed, 5);
  node->data.finish_write(token, true);
}

TEST(sim_disk, a_sync_covers_only_what_was_complete_when_it_began) {
  disk one;
  auto node = durable_file(one, "/a");
  write(node->data, 0, "first", false);
  auto mark = node->data.sync_mark();
  write(node->data, 0, "later", false);
  node->data.finish_sync(mark);
  auto first = 0;
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    auto after = one.after_power_cut(random_source{seed}).content("/a");
    EXPECT_TRUE(after == "first" || after == "later") << after;
    if (after == "first") ++first;
  }
  EXPECT_GT(first, 5);
}

TEST(sim_disk, after_a_failed_sync_the_next_one_makes_nothing_sure) {
  disk one;
  auto node = durable_file(one, "/a");
  write(node->data, 0, "bytes", false);
  node->data.fail_sync(node->data.sync_mark());
  node->data.finish_sync(node->data.sync_mark());
  auto lost = 0;
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    if (one.after_power_cut(random_source{seed}).content("/a").empty()) ++lost;
  }
  EXPECT_GT(lost, 5);
}

TEST(sim_disk, names_are_sure_only_after_a_sync_of_their_directory) {
  disk one;
  ASSERT_TRUE(one.make_directory("/d"));
  one.sync_names(one.find("/"), one.names_mark());
  auto node = one.open("/d/new", open_write | open_create, 0);
  ASSERT_TRUE(node);
  write((*node)->data, 0, "x", true);
  ASSERT_TRUE(one.rename("/d/new", "/d/final"));
  auto states = std::map<std::string, int>{};
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    auto after = one.after_power_cut(random_source{seed});
    std::string names;
    for (auto const& file : after.files("/d")) names += file + " ";
    ++states[names];
  }
  EXPECT_EQ(states.size(), 3u);
  EXPECT_GT(states[""], 10);
  EXPECT_GT(states["/d/new "], 10);
  EXPECT_GT(states["/d/final "], 10);
  one.sync_names(one.find("/d"), one.names_mark());
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    auto after = one.after_power_cut(random_source{seed});
    EXPECT_EQ(after.files("/d"), std::vector<std::string>{"/d/final"});
    EXPECT_EQ(after.content("/d/final"), "x");
  }
}

TEST(sim_disk, refuses_what_a_file_system_refuses) {
  disk one;
  ASSERT_TRUE(one.make_directory("/d"));
  durable_file(one, "/d/f");
  EXPECT_EQ(one.make_directory("/d").error(), errc::exists);
  EXPECT_EQ(one.unlink("/d").error(), errc::is_a_directory);
  EXPECT_EQ(one.remove_directory("/d").error(), errc::not_empty);
  EXPECT_EQ(one.rename("/none", "/d/g").error(), errc::not_found);
  EXPECT_EQ(one.open("/d/f", open_write | open_create | open_exclusive, 0).error(), errc::exists);
  EXPECT_EQ(one.open("/d/none", open_read, 0).error(), errc::not_found);
  EXPECT_TRUE(one.unlink("/d/f"));
  EXPECT_TRUE(one.remove_directory("/d"));
}

TEST(sim_disk, knows_extents_and_space) {
  disk one{16 * block_size};
  EXPECT_TRUE(one.take_space(10));
  EXPECT_FALSE(one.take_space(7));
  one.give_space(10);
  sim_file data;
  data.allocate(0, 4 * block_size);
  EXPECT_EQ(data.current().size(), 4 * block_size);
  EXPECT_EQ(data.current().allocated_blocks(), 4u);
  write(data, 0, std::string(block_size, 'x'), true);
  EXPECT_TRUE(data.current().straddles(0, 2 * block_size));
  EXPECT_FALSE(data.current().straddles(block_size, 2 * block_size));
  data.zero(0, block_size);
  EXPECT_FALSE(data.current().straddles(0, 2 * block_size));
  data.truncate(block_size);
  EXPECT_EQ(data.current().allocated_blocks(), 1u);
}

}  // namespace
}  // namespace karst::sim
