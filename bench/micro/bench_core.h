#pragma once

#include <benchmark/benchmark.h>

#include <memory>
#include <string>
#include <vector>

#include "log/log_manager.h"
#include "reactor/core.h"
#include "reactor/io/make_io.h"

namespace karst::micro {

// Ends the process with the reason: a micro-bench that cannot do its work has no figure.
[[noreturn]] void give_up(std::string_view what);
template <typename T, typename E>
T need(expected<T, E>&& got, std::string_view what) {
  if (!got) give_up(what);
  if constexpr (!std::is_void_v<T>) return std::move(*got);
}

// One core over the kernel's real files and sockets, turned by the benchmark's own thread. The loop
// over benchmark::State runs inside a coroutine on it, so that an iteration pays for nothing but
// what is asked about.
class bench_core {
 public:
  explicit bench_core(io_choice choice = io_choice::automatic);
  void run(task<> work) { core_->run_until_done(std::move(work)); }

 private:
  mailboxes mail_{1};
  std::unique_ptr<core> core_;
};

// A directory of its own under $TMPDIR, gone at the end: on the disk that is to be measured.
class scratch_directory {
 public:
  scratch_directory();
  ~scratch_directory();
  scratch_directory(scratch_directory const&) = delete;
  scratch_directory& operator=(scratch_directory const&) = delete;
  std::string operator/(std::string_view name) const;

 private:
  std::string path_;
};

// A log directory with some logs, as one core of a broker has it: default journal, real files.
class bench_logs {
 public:
  static task<std::unique_ptr<bench_logs>> start(std::string path, std::size_t logs);
  // Starts on what is there: recovery.
  static task<std::unique_ptr<bench_logs>> recover(std::string path);
  task<> close();

  log::partition_log& operator[](std::size_t i) { return *logs_[i]; }
  std::size_t size() const { return logs_.size(); }
  // Appends without waiting for durability; waits only for room.
  task<log::append_info> append(std::size_t which, log::validated_batch const& batch);

 private:
  task<> open(std::string path);
  std::unique_ptr<log::log_directory> directory_;
  std::unique_ptr<log::log_manager> manager_;
  std::vector<log::partition_log*> logs_;
};

// A value of log lines, which compress as real ones do.
std::string text_of(std::size_t bytes);
// An uncompressed batch of `records` records of `bytes` bytes each.
log::validated_batch batch_of(std::size_t records, std::size_t bytes);

}  // namespace karst::micro
