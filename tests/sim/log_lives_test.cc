#include <gtest/gtest.h>

#include <cstdlib>

#include "tests/sim/log_trace.h"
#include "tests/sim/quiet_logs.h"

namespace karst::sim {
namespace {

// One directory through many lives of the process, each ended by a power cut after a random
// operation (of the start, of work, or of the stop), by a kill, or cleanly; with another number of
// cores each time, topics deleted and made again, and idempotent producers.
class many_lives {
 public:
  explicit many_lives(std::uint64_t seed) : random_(seed) {
    disk_.prepare_directory("/data");
    refuse_direct_ = random_.percent(20);
  }

  // Empty, or the first complaint.
  std::string live(int life) {
    world host{{.seed = random_.next(), .refuse_direct = refuse_direct_}, std::move(disk_)};
    auto const killed = random_.percent(40);
    auto const last = random_.between(1, 500);
    auto const killed_early = killed && random_.percent(50);
    if (killed_early) {
      host.inject({.code = std::nullopt, .skip = last, .error = errc::cancelled, .sticky = true});
    } else if (random_.percent(75)) {
      host.cut_after(last);
    }
    std::string complaint;
    {
      log_node node{host, small_directory(static_cast<core_id>(random_.between(1, 3))), ledger_};
      complaint = node.start();
      if (complaint.empty()) complaint = node.report().damage;
      if (complaint.empty()) complaint = node.check(ledger_.promises());
      if (complaint.empty()) complaint = settle(node);
      if (complaint.empty()) work(host, node);
      if (killed)
        node.kill();
      else
        complaint += node.close();
    }
    if (host.is_cut() || (killed_early && host.operations() > last)) complaint.clear();
    for (auto const& violation : host.violations()) complaint += violation + "\n";
    if (!complaint.empty())
      complaint = fmt::format("life {}: {}\n{}", life, complaint, host.recent_operations());
    if (host.is_cut()) {
      disk_ = host.taken_cut();
    } else if (killed && random_.percent(50)) {
      // The system lives on: the next life sees what this one wrote, durable or not.
      disk_ = std::move(host.storage());
    } else {
      disk_ = host.power_cut();
    }
    return complaint;
  }

 private:
  // What was recovered stays: from now on it counts as acknowledged.
  std::string settle(log_node& node) {
    std::string complaints;
    for (auto const& [id, book] : ledger_.books) {
      complaints += node.settle(id);
    }
    for (auto& [id, book] : ledger_.books) {
      if (book.remove_began && node.find(id) != nullptr) complaints += node.remove(id);
    }
    return complaints;
  }

  void work(world& host, log_node& node) {
    for (auto round = 0; round < 25 && !host.is_cut(); ++round) {
      auto const id = random_.between(1, 4);
      auto const current = newest(id);
      auto const kind = random_.below(20);
      if (node.find(current) == nullptr) {
        (void)node.create(ledger_.books.contains(current) ? current + 100 : current, small_log());
      } else if (kind == 0) {
        (void)node.remove(current);
      } else if (kind == 1) {
        node.idle(40s);
      } else if (kind < 8) {
        (void)node.append_in_sequence(current, random_.between(1, 3000));
      } else {
        std::vector<log_node::append_request> requests;
        for (auto i = random_.between(1, 12); i != 0; --i) {
          requests.push_back({newest(random_.between(1, 4)),
                              random_.between(1, random_.percent(20) ? 40'000 : 2000)});
        }
        node.append_all(requests);
      }
    }
  }

  // The id that topic `id` has now; deleted and made again, it is a hundred higher.
  std::uint64_t newest(std::uint64_t id) const {
    while (ledger_.books.contains(id + 100)) id += 100;
    return id;
  }

  random_source random_;
  disk disk_;
  log_ledger ledger_;
  bool refuse_direct_ = false;
};

// KARST_SIM_SEEDS=COUNT and KARST_SIM_FIRST_SEED=N explore more.
std::uint64_t setting(char const* name, std::uint64_t otherwise) {
  auto const* text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

TEST(log_lives, nothing_acknowledged_is_lost_over_many_lives) {
  quiet_logs quiet;
  auto const first = setting("KARST_SIM_FIRST_SEED", 1);
  auto const count = setting("KARST_SIM_SEEDS", 20);
  for (auto seed = first; seed < first + count; ++seed) {
    many_lives lives{seed};
    for (auto life = 1; life <= 10; ++life) {
      auto complaint = lives.live(life);
      ASSERT_EQ(complaint, "") << "seed " << seed;
    }
  }
}

}  // namespace
}  // namespace karst::sim
