#pragma once

#include <algorithm>
#include <vector>

#include "reactor/task_set.h"

namespace karst {

namespace internal {
template <typename Item, typename Work>
task<> work_in_turn(std::vector<Item> const& items, std::size_t& next, Work& work) {
  while (next < items.size()) co_await work(items[next++]);
}
}  // namespace internal

// Awaits work(item) for every item, `at_once` of them at a time, begun in order; done when all are.
// `items`, and what `work` refers to, live in the caller's frame. One core.
template <typename Item, typename Work>
task<> for_each_concurrently(std::vector<Item> const& items, std::size_t at_once, Work work) {
  std::size_t next = 0;
  task_set running;
  for (std::size_t i = 0; i < std::min(at_once, items.size()); ++i) {
    running.spawn(internal::work_in_turn(items, next, work));
  }
  co_await running.join();
}

}  // namespace karst
