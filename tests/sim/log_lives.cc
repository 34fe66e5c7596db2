#include "tests/sim/log_lives.h"

#include "tests/sim/log_trace.h"
#include "tests/sim/log_work.h"

namespace karst::sim {
namespace {

class many_lives {
 public:
  explicit many_lives(std::uint64_t seed) : seed_(seed), random_(seed) {
    disk_.prepare_directory("/data");
    refuse_direct_ = random_.percent(10);
  }

  std::string run() {
    auto const lives = random_.between(2, 5);
    for (std::uint64_t life = 1; life <= lives; ++life) {
      auto complaint = live(seed_ * 1000 + life);
      if (!complaint.empty()) return fmt::format("life {} of {}: {}", life, lives, complaint);
    }
    return "";
  }

 private:
  log::directory_options any_directory() {
    auto options = small_directory(static_cast<core_id>(random_.between(1, 3)));
    if (random_.percent(30)) options.journal_file_bytes *= 2;
    if (random_.percent(30)) options.journal_files = 3;
    if (random_.percent(20)) options.memory_bytes = 512 * KiB * options.cores;
    return options;
  }

  std::string live(std::uint64_t world_seed) {
    auto const options = any_directory();
    if (random_.percent(10)) {
      auto complaint = recover_twice(world_seed * 10, options.cores);
      if (!complaint.empty()) return complaint;
    }
    world host{{.seed = world_seed, .refuse_direct = refuse_direct_}, std::move(disk_)};
    auto const killed = random_.percent(40);
    auto const last = random_.between(1, 400);
    auto const killed_early = killed && random_.percent(50);
    if (killed_early) {
      host.inject({.code = std::nullopt, .skip = last, .error = errc::cancelled, .sticky = true});
    } else if (random_.percent(75)) {
      host.cut_after(last);
    }
    std::string complaint;
    {
      log_node node{host, options, ledger_};
      complaint = node.start();
      if (complaint.empty()) complaint = node.report().damage;
      if (complaint.empty()) complaint = node.check(ledger_.promises());
      if (complaint.empty()) complaint = settle(node);
      if (complaint.empty()) complaint = work(host, node);
      if (killed) {
        node.kill();
      } else {
        complaint += node.close();
      }
    }
    if (host.is_cut() || (killed_early && host.operations() > last)) complaint.clear();
    for (auto const& violation : host.violations()) complaint += violation + "\n";
    if (!complaint.empty()) complaint += "\n" + host.recent_operations();
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

  // What was recovered stays: from now on it counts as acknowledged.
  std::string settle(log_node& node) {
    std::string complaints;
    for (auto const& [id, book] : ledger_.books) complaints += node.settle(id);
    for (auto const& [id, book] : ledger_.books) {
      if (book.remove_began && node.find(id) != nullptr) complaints += node.remove(id);
    }
    return complaints;
  }

  std::string work(world& host, log_node& node) {
    log_work some{node, ledger_, random_};
    for (auto step = 0; step < 30 && !host.is_cut(); ++step) {
      if (auto complaint = some.step(); !complaint.empty()) return complaint;
    }
    return "";
  }

  // A recovery as a whole, and another that is cut short at some operation and run again.
  std::string recover_twice(std::uint64_t world_seed, core_id cores) {
    auto const left = disk_.after_power_cut(random_source{world_seed});
    auto copy = [&left] { return left.after_power_cut(random_source{1}); };
    disk_ = copy();
    auto const promises = ledger_.promises();
    auto const whole = recover(copy(), promises, ledger_, cores, world_seed + 1);
    if (!whole.complaints.empty()) return whole.complaints;
    world host{{.seed = world_seed + 2}, copy()};
    host.cut_after(random_.between(1, whole.operations));
    {
      log_node node{host, small_directory(cores), ledger_};
      (void)node.start();
    }
    if (!host.is_cut()) return "";
    auto const later = static_cast<core_id>(random_.between(1, 3));
    auto const again = recover(host.taken_cut(), promises, ledger_, later, world_seed + 3);
    if (!again.complaints.empty()) return "recovered again: " + again.complaints;
    if (again.content == whole.content) return "";
    return fmt::format("recovered:\n{}and again, after a cut:\n{}", whole.content, again.content);
  }

  std::uint64_t seed_;
  random_source random_;
  disk disk_;
  log_ledger ledger_;
  bool refuse_direct_ = false;
};

}  // namespace

std::string run_lives(std::uint64_t seed) { return many_lives{seed}.run(); }

}  // namespace karst::sim
