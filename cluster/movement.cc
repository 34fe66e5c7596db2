#include "cluster/movement.h"

#include "cluster/broker.h"
#include "reactor/event.h"
#include "reactor/submit_to.h"
#include "reactor/task_set.h"

namespace karst::cluster {
namespace {

// One core's part of a parked fetch. Its abort_source belongs to the core where the watching is
// done, though it lies in the caller's frame.
struct core_watch {
  core_id core = no_core;
  std::vector<watched_partition> partitions;
  abort_source stop;
};

struct subscription : movement_subscription {
  event* moved = nullptr;
};

// On the owning core: returns when something has moved or `watch.stop` is requested.
task<> watch_here(broker& broker, core_watch& watch) {
  event moved;
  std::vector<subscription> subscriptions(watch.partitions.size());
  for (std::size_t i = 0; i < subscriptions.size(); ++i) {
    auto* owned = broker.partitions().find(watch.partitions[i].log);
    if (owned == nullptr || owned->high_watermark() > watch.partitions[i].seen) co_return;
    subscriptions[i].moved = &moved;
    subscriptions[i].notify = [](movement_subscription& notified) {
      static_cast<subscription&>(notified).moved->set();
    };
    owned->subscribe(subscriptions[i]);
  }
  (void)co_await moved.wait(never, &watch.stop);
}

task<> watch_there(broker& broker, core_watch& watch, event& moved) {
  co_await submit_to(watch.core, [&broker, &watch] { return watch_here(broker, watch); });
  moved.set();
}

task<> stop_there(core_watch& watch) {
  co_await submit_to(watch.core, [&watch] { watch.stop.request(); });
}

}  // namespace

task<wake_reason> wait_for_movement(broker& broker, std::vector<watched_partition> watched,
                                    time_point deadline, abort_source* abort) {
  std::vector<std::unique_ptr<core_watch>> watches(broker.cores());
  for (auto const& partition : watched) {
    auto& watch = watches[partition.core];
    if (!watch) {
      watch = std::make_unique<core_watch>();
      watch->core = partition.core;
    }
    watch->partitions.push_back(partition);
  }
  event moved;
  task_set watching;
  for (auto& watch : watches) {
    if (watch) watching.spawn(watch_there(broker, *watch, moved));
  }
  auto reason = co_await moved.wait(deadline, abort);
  // Messages from here arrive in order, so a stop never overtakes its watch.
  for (auto& watch : watches) {
    if (watch) watching.spawn(stop_there(*watch));
  }
  co_await watching.join();
  co_return reason;
}

}  // namespace karst::cluster
