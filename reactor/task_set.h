#pragma once

#include "reactor/gate.h"
#include "reactor/task.h"

namespace karst {

// Tasks that run on their own until they are done. Their owner joins them before it goes. One core
// only.
class task_set {
 public:
  // Starts the task at once, up to its first suspension.
  void spawn(task<> work);
  std::size_t running() const { return gate_.inside(); }
  // Done when all have finished. No task may be spawned afterwards.
  task<> join() { return gate_.close(); }

 private:
  gate gate_;
};

}  // namespace karst
