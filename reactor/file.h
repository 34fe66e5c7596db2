#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "reactor/io/io.h"
#include "reactor/task.h"

namespace karst {

// An open file or directory of this core's io. Owns the descriptor: close() it, or its destructor
// hands the descriptor to the core to be closed in the background. Reads and writes at explicit
// offsets, any number at once. Paths are absolute or relative to the process's directory. All calls
// on the core that opened it.
class file {
 public:
  file() = default;
  file(file&& other) noexcept : fd_(std::exchange(other.fd_, -1)), directory_(other.directory_) {}
  file& operator=(file&& other) noexcept {
    if (this != &other) {
      abandon();
      fd_ = std::exchange(other.fd_, -1);
      directory_ = other.directory_;
    }
    return *this;
  }
  ~file() { abandon(); }

  static task<expected<file>> open(std::string path, std::uint32_t open_flags);

  explicit operator bool() const { return fd_ >= 0; }
  int descriptor() const { return fd_; }

  // Bytes read; fewer than asked for only at the end of the file.
  task<expected<std::size_t>> read(std::uint64_t offset, std::span<std::byte> to,
                                   io_class priority = io_class::normal);
  // The same into several pieces of memory, which must not change until it is done; the vectors may
  // be changed.
  task<expected<std::size_t>> read(std::uint64_t offset, std::span<iovec> to,
                                   io_class priority = io_class::normal);
  // Whether all of the range is in the page cache: see io.h.
  bool is_resident(std::uint64_t offset, std::uint64_t length) const;
  // All or an error. The vectors' memory must not change until it is done. Durable: on the device,
  // not only in its queue (RWF_DSYNC).
  task<expected<>> write(std::uint64_t offset, std::vector<iovec> vectors, bool durable);
  task<expected<>> write(std::uint64_t offset, std::span<std::byte const> bytes, bool durable,
                         io_class priority = io_class::normal);
  task<expected<>> sync();
  task<expected<>> allocate(std::uint64_t offset, std::uint64_t length);
  task<expected<>> zero_range(std::uint64_t offset, std::uint64_t length);
  task<expected<>> truncate(std::uint64_t length);
  task<expected<>> close();

 private:
  file(int fd, bool directory) : fd_(fd), directory_(directory) {}
  void abandon();
  int fd_ = -1;
  bool directory_ = false;
};

// Operations on names. None of them is durable before sync_directory on the directory that holds
// the name.
task<expected<>> rename_file(std::string from, std::string to);
task<expected<>> unlink_file(std::string path);
task<expected<>> make_directory(std::string path);
task<expected<>> remove_directory(std::string path);
task<expected<file_status>> status_of(std::string path);
task<expected<std::vector<std::string>>> list_directory(std::string path);
task<expected<>> sync_directory(std::string path);

// Many small files at once, in one go of a side thread, in place and not synced: for derived data
// that may be torn or missing after a power cut. Goes on behind a file that fails; the first error.
task<expected<>> replace_files(std::vector<file_text> files);

// Whole small files. read_file: a file of more than `most` bytes is errc::corrupt.
// write_file_atomically: temporary file, write, sync, rename, sync of the directory: after a crash
// the old or the new content.
task<expected<std::string>> read_file(std::string path, std::size_t most);
task<expected<>> write_file_atomically(std::string path, std::string content);

}  // namespace karst
