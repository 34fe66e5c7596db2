#pragma once

#include <deque>
#include <string>

#include "log/limits.h"
#include "reactor/abort.h"
#include "reactor/file.h"
#include "reactor/waiters.h"

namespace karst::log {

// Removes large files so that appends hardly notice. Where the file system is mounted with discard,
// the device is told of every block that is freed, and journal writes wait behind that: fifty
// segments of 32 MiB that went at once made acknowledgements wait for 100 to 330 ms. So the name
// goes at once, and the blocks little by little, with rests between; a crash frees what is left.
//
// Lives with its log_manager, on its core.
class file_remover {
 public:
  // The file has no name any more when done (not durably: sync_directory). Its blocks follow while
  // run() runs; without it, for small files, and where another name is linked to it (a snapshot by
  // cp -l), the kernel frees them when it may. Readers who have it open find it cut.
  task<expected<>> remove(std::string path);
  // Frees until `stop`, then what is left at once.
  task<> run(abort_source& stop);
  // Space is short: no rests, and what is removed from now on is freed at once.
  void hurry(bool hurried);
  // Something waits to be freed.
  bool busy() const { return freeing_ || !doomed_.empty(); }
  // Done when the next of those is, or when run() ends.
  task<> one_freed();
  // Files that may wait at one time, each with a descriptor; further ones are freed at once.
  void set_most(std::size_t most) { most_ = most; }
  // Bytes that are freed in one step; files that are no larger go whole.
  void set_step(std::uint64_t bytes) { step_ = bytes; }

 private:
  struct doomed_file {
    file open;
    std::uint64_t size = 0;
    std::string directory;
  };
  task<> free_blocks(doomed_file doomed, abort_source& stop);

  std::deque<doomed_file> doomed_;
  std::size_t most_ = limit::files_freed_slowly;
  std::uint64_t step_ = limit::freed_at_once;
  bool running_ = false;
  bool freeing_ = false;
  bool hurried_ = false;
  waiters added_;
  waiters freed_;    // after each file
  waiters no_rest_;  // cuts a rest short
};

}  // namespace karst::log
