#pragma once

#include <cstdint>
#include <string>

#include "reactor/io/io.h"
#include "reactor/task.h"

namespace karst {

// What a start must know of its host, by immediate system calls: directories through the core's io
// (so that a simulated disk answers for itself), limits of the process directly.

// Keeps every other process, Kafka included, out of a directory: an open-file-description lock on
// its file `.lock`. A lock left by a process that is gone is no obstacle; the text inside is only
// for messages. Released when destroyed, on the core that took it.
class directory_lock {
 public:
  // error: who holds it. Waits up to two seconds for a holder that is dead but whose last
  // operations the kernel still finishes.
  static task<expected<directory_lock, error>> take(std::string directory);

  directory_lock() = default;
  directory_lock(directory_lock&& other) noexcept
      : held_(std::exchange(other.held_, false)), fd_(other.fd_) {}
  directory_lock& operator=(directory_lock&& other) noexcept {
    release();
    held_ = std::exchange(other.held_, false);
    fd_ = other.fd_;
    return *this;
  }
  ~directory_lock() { release(); }
  void release();

 private:
  explicit directory_lock(int fd) : held_(true), fd_(fd) {}
  bool held_ = false;
  int fd_ = -1;
};

// Empty when O_DIRECT works in the directory, else why not and what to do, in one line. Writes and
// removes a small file.
std::string direct_io_refusal(std::string const& directory);
expected<disk_space> free_space(std::string const& path);
// From the root, as people and other processes find it.
std::string absolute_path(std::string const& path);

// Raises the soft limit of open files to the hard one; returns what holds now.
std::uint64_t raise_descriptor_limit();
// Memory of this process in RAM, in bytes.
std::uint64_t resident_memory();
// RAM that this process may use: the host's, or less by its cgroups' memory.max.
std::uint64_t usable_memory();

}  // namespace karst
