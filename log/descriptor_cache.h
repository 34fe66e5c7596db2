#pragma once

#include <memory>
#include <string>

#include "reactor/base/expected.h"
#include "reactor/base/intrusive_list.h"
#include "reactor/file.h"
#include "reactor/task.h"

namespace karst::log {

class descriptor_cache;

// A file that may or may not be open at the moment: its owner asks the cache for it when it needs
// it. Whoever uses the file holds a handle, and only what nobody holds is closed to make room.
class cached_file : public list_link {
 public:
  ~cached_file() { forget(); }
  bool is_open() const { return handle_ != nullptr; }
  // Lets go of the file: it is closed in the background when its last user is done.
  void forget();
  // The same, done when it is closed, if nobody else holds it.
  task<> close();

 private:
  friend class descriptor_cache;
  std::shared_ptr<file> handle_;
  descriptor_cache* cache_ = nullptr;  // while it is open
};

// The open segment files of one core in one directory, at most so many (STORAGE.md 6): to open one
// more, the one that was unused longest is closed. Those in use are never closed, so for a moment
// there may be more, by as many as operations are under way. Lives with its log_manager, on its
// core, longer than all cached_files.
class descriptor_cache {
 public:
  explicit descriptor_cache(std::size_t most) : most_(most) {}
  void set_most(std::size_t most) { most_ = most; }

  // The open file; too_many_files when the process has no descriptor left though all idle ones here
  // were closed.
  task<expected<std::shared_ptr<file>>> open(cached_file& wanted, std::string path,
                                             std::uint32_t open_flags);
  std::size_t open_files() const { return count_; }

 private:
  friend class cached_file;
  std::shared_ptr<file> take_idle();

  intrusive_list<cached_file> files_;  // open, the one unused longest first
  std::size_t count_ = 0;
  std::size_t most_;
};

}  // namespace karst::log
