#pragma once

#include <condition_variable>
#include <mutex>
#include <thread>
#include <vector>

#include "reactor/io/io.h"

namespace karst {

// A few threads of one io for file calls that block: all of them in the poll io, the odd ones in
// the io_uring io. Started when first needed. run, remove and collect belong to the io's thread;
// `notify` is called from the file threads when results wait after none did.
class file_threads {
 public:
  file_threads(std::uint32_t most, void (*notify)(void*), void* context);
  ~file_threads();  // what has begun is finished first, what waits is forgotten

  void run(operation& op);
  // Takes an operation back that no thread has begun; false: its result is coming.
  bool remove(operation& op);
  // Moves the finished operations to `into`; error and value are in io_state[1] and io_state[0].
  void collect(intrusive_list<operation>& into);
  std::uint32_t started() const { return static_cast<std::uint32_t>(threads_.size()); }

 private:
  void work();

  std::uint32_t most_;
  void (*notify_)(void*);
  void* context_;
  std::mutex mutex_;
  std::condition_variable arrived_;
  intrusive_list<operation> waiting_;
  intrusive_list<operation> finished_;
  std::uint32_t waiting_count_ = 0;
  std::uint32_t idle_ = 0;
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace karst
