#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "reactor/base/expected.h"
#include "reactor/core.h"
#include "reactor/io/make_io.h"

namespace karst {

struct machine_options {
  core_id cores = 0;  // 0: all cores this process may run on (affinity and cgroup quota)
  io_choice io = io_choice::automatic;
};

// The process's cores: makes one thread, io, clock and loop per core and connects them. run() is
// the whole life of a server or a tool.
class machine {
 public:
  // Runs `main` as a task on core 0 (the calling thread) with all cores turning; when it is done,
  // stops and joins the others and returns its result. SIGTERM and SIGINT are blocked in all
  // threads and delivered by wait_for_signal(). error: no io backend could be made (what, why,
  // remedy).
  static expected<int, error> run(machine_options const& options,
                                  std::function<task<int>(machine&)> main);

  ~machine();
  core_id core_count() const;
  io_report const& io() const;
  // Waits for the first SIGTERM or SIGINT (returns its number); on core 0. A second signal while
  // stopping is returned by a second call.
  task<int> wait_for_signal(abort_source* abort = nullptr);

 private:
  struct state;
  explicit machine(std::unique_ptr<state> state);
  std::unique_ptr<state> state_;
};

}  // namespace karst
