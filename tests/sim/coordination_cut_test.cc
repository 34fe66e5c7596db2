#include <gtest/gtest.h>

#include "cluster/local_coordination.h"
#include "cluster/producer_ids.h"
#include "reactor/task_set.h"
#include "tests/sim/quiet_logs.h"
#include "tests/sim/sim_machine.h"

namespace karst::sim {
namespace {

using cluster::local_coordination;
using tree_state = std::map<std::string, std::string>;

// The states that the tree went through, in the order of the claims, and how many were
// acknowledged.
struct tree_history {
  std::vector<tree_state> states;
  std::size_t acked = 0;
  std::vector<bool> done;

  void acknowledge(std::size_t index) {
    done[index] = true;
    while (acked < done.size() && done[acked]) ++acked;
  }

  // Where the states begin that may be found after a cut. The tree as it was opened is durable
  // before any change is acknowledged.
  auto newest_durable(std::size_t acknowledged) const {
    return states.begin() + static_cast<std::ptrdiff_t>(std::max<std::size_t>(acknowledged, 1)) - 1;
  }
};

task<> collect(local_coordination& tree, std::string path, tree_state& into) {
  auto got = co_await tree.get(path);
  if (got) into[path] = got->data;
  auto names = co_await tree.children(path);
  if (!names) co_return;
  for (auto const& name : *names) {
    co_await collect(tree, (path == "/" ? path : path + "/") + name, into);
  }
}

task<expected<tree_state, std::string>> open_and_collect() {
  auto opened = co_await local_coordination::open("/data");
  if (!opened) co_return unexpected<std::string>{opened.error().message()};
  tree_state state;
  co_await collect(**opened, "/", state);
  co_await (*opened)->close();
  co_return state;
}

std::vector<cluster::node_operation> random_change(random_source& random, tree_state& state) {
  std::vector<cluster::node_operation> parts;
  auto const count = random.between(1, 3);
  for (std::uint64_t i = 0; i < count; ++i) {
    auto path = fmt::format("/brokers/topics/t{}", random.below(12));
    std::string data(random.below(3000), static_cast<char>('a' + random.below(26)));
    if (!state.contains(path)) {
      parts.emplace_back(cluster::create_node{path, data});
      state[path] = data;
    } else if (random.percent(70)) {
      parts.emplace_back(cluster::set_node{.path = path, .data = data});
      state[path] = data;
    } else {
      parts.emplace_back(cluster::remove_node{.path = path});
      state.erase(path);
    }
  }
  return parts;
}

task<> change(local_coordination& tree, std::vector<cluster::node_operation> parts,
              tree_history& history, std::size_t index) {
  if (co_await tree.multi(std::move(parts))) history.acknowledge(index);
}

// Changes alone and several at once, then a stop.
task<> change_the_tree(std::uint64_t seed, tree_history& history) {
  random_source random{seed};
  auto opened = co_await local_coordination::open("/data");
  if (!opened) co_return;
  auto& tree = **opened;
  tree_state state;
  co_await collect(tree, "/", state);
  history.states.push_back(state);
  history.done.push_back(true);
  for (auto round = 0; round < 12; ++round) {
    task_set together;
    auto const count = random.between(1, 4);
    for (std::uint64_t i = 0; i < count; ++i) {
      auto parts = random_change(random, state);
      history.states.push_back(state);
      history.done.push_back(false);
      together.spawn(change(tree, std::move(parts), history, history.states.size() - 1));
    }
    co_await together.join();
  }
  co_await tree.close();
}

class coordination_cut : public testing::TestWithParam<std::uint64_t> {
  quiet_logs quiet_;
};

TEST_P(coordination_cut, acknowledged_changes_survive_and_none_is_half_there) {
  disk start;
  start.prepare_directory("/data");
  world host{{.seed = GetParam()}, std::move(start)};
  struct image {
    std::uint64_t operation;
    disk left;
    std::size_t acked;
    std::size_t claimed;
  };
  std::vector<image> images;
  tree_history history;
  host.on_operation([&](operation_record const& done) {
    for (std::uint64_t variant = 0; variant < 4; ++variant) {
      images.push_back(
          {done.number, host.power_cut(variant), history.acked, history.states.size()});
    }
  });
  {
    machine cores{host, 1};
    cores.run(0, change_the_tree(GetParam(), history));
  }
  EXPECT_EQ(history.acked, history.states.size());
  ASSERT_GT(images.size(), 100u);
  for (auto& one : images) {
    world again{{.seed = one.operation}, std::move(one.left)};
    machine cores{again, 1};
    auto state = cores.run(0, open_and_collect());
    auto where = fmt::format("seed {}, power cut after operation {}", GetParam(), one.operation);
    ASSERT_TRUE(state) << where << ": " << state.error();
    if (one.claimed == 0) continue;
    auto first = history.newest_durable(one.acked);
    auto last = std::next(history.newest_durable(0), static_cast<std::ptrdiff_t>(one.claimed));
    ASSERT_NE(std::find(first, last, *state), last)
        << where << ": a state that never was, or an old one";
  }
}

TEST_P(coordination_cut, nothing_is_acknowledged_after_a_failed_operation) {
  tree_history reference;
  std::uint64_t operations = 0;
  {
    disk start;
    start.prepare_directory("/data");
    world host{{.seed = GetParam()}, std::move(start)};
    machine cores{host, 1};
    cores.run(0, change_the_tree(GetParam(), reference));
    operations = host.operations();
  }
  for (std::uint64_t skip = 0; skip < operations; ++skip) {
    disk start;
    start.prepare_directory("/data");
    world host{{.seed = GetParam()}, std::move(start)};
    host.inject({.code = std::nullopt, .skip = skip, .error = errc::io_error});
    tree_history history;
    {
      machine cores{host, 1};
      cores.run(0, change_the_tree(GetParam(), history));
    }
    world again{{.seed = skip}, host.power_cut(skip)};
    machine cores{again, 1};
    auto state = cores.run(0, open_and_collect());
    auto where = fmt::format("seed {}, operation {} failed", GetParam(), skip + 1);
    ASSERT_TRUE(state) << where << ": " << state.error();
    if (history.states.empty()) continue;
    auto first = history.newest_durable(history.acked);
    ASSERT_NE(std::find(first, history.states.cend(), *state), history.states.cend()) << where;
  }
}

INSTANTIATE_TEST_SUITE_P(seeds, coordination_cut, testing::Values(1, 2, 3));

// An id is never given twice, wherever the power goes.
TEST(producer_ids_cut, no_id_is_given_twice) {
  disk start;
  start.prepare_directory("/data");
  random_source random{9};
  std::int64_t largest = -1;
  auto take = [](int count, std::int64_t& most) -> task<> {
    auto tree = co_await local_coordination::open("/data");
    if (!tree) co_return;
    cluster::producer_ids ids{**tree, 1};
    for (auto i = 0; i < count; ++i) {
      auto id = co_await ids.next();
      if (!id) break;
      EXPECT_GT(id->value, most);
      most = id->value;
    }
    co_await (*tree)->close();
  };
  for (std::uint64_t life = 0; life < 40; ++life) {
    world host{{.seed = life}, std::move(start)};
    host.cut_after(random.between(5, 40));
    {
      machine cores{host, 1};
      cores.run(0, take(static_cast<int>(random.between(500, 2500)), largest));
    }
    start = host.is_cut() ? host.taken_cut() : host.power_cut();
  }
  EXPECT_GT(largest, 1000);
}

}  // namespace
}  // namespace karst::sim
