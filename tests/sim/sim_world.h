#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "reactor/io/io.h"
#include "tests/sim/sim_disk.h"
#include "tests/sim/sim_random.h"

namespace karst::sim {

struct stream;
struct listening_socket;

struct world_options {
  std::uint64_t seed = 1;
  duration latency_min = 20us;  // of one file operation
  duration latency_max = 400us;
  bool refuse_direct = false;  // a file system without O_DIRECT
  std::size_t descriptors_max = 20'000;
  std::size_t receive_buffers = 64;  // per core
  std::size_t receive_buffer_bytes = 16 * KiB;
  std::size_t socket_buffer_bytes = 64 * KiB;  // what a sender may be ahead of its receiver
  std::uint64_t turns_max = 50'000'000;        // beyond that the run is taken for a livelock
};

// What an open descriptor refers to: a file or directory, a connected socket, or a listening one.
struct description {
  node_ptr node;
  std::uint32_t open_flags = 0;
  std::string path;
  std::shared_ptr<stream> connected;
  std::shared_ptr<listening_socket> listening;
};

// Makes file operations fail: after `skip` matching ones, once or from then on.
struct fault {
  std::optional<opcode> code;  // nullopt: any file operation
  std::uint64_t skip = 0;
  errc error = errc::io_error;
  bool sticky = false;
  std::string below = {};  // only on paths that begin so
  bool new_files = false;  // of opens, only those that make a file
};

// One file operation whose effect has taken place; its owner has not seen the result yet.
struct operation_record {
  std::uint64_t number = 0;  // from 1
  opcode code{};
  std::string path;
  std::uint64_t offset = 0;
  std::uint64_t length = 0;
  bool durable = false;
  errc error = errc::ok;
};

// One simulated host: virtual time, the events to come, one disk, the sockets and the process's
// descriptors. Everything in it is drawn from one seed; the trace hash covers every operation, its
// time and its bytes. One thread, no core: the simulated ios of all cores share it. Lives longer
// than the cores.
class world {
 public:
  explicit world(world_options options, disk start = disk{});
  ~world();
  world(world const&) = delete;
  world& operator=(world const&) = delete;

  world_options const& options() const { return options_; }
  disk& storage() { return disk_; }
  random_source& random() { return random_; }

  // Time. It stands still while any core has something to do.
  time_point now() const { return now_; }
  wall_ms wall_now() const;
  void at(time_point due, std::function<void()> happening);
  void after_latency(std::function<void()> happening);
  std::optional<time_point> next_event() const;
  // Runs what is due, in an order drawn from the seed.
  void run_due();
  void advance_to(time_point when);
  // Each io counts its turns here; the bound turns a livelock into a failure.
  void count_turn();

  // Descriptors, lowest free number first, as the kernel does: use after close then meets another
  // file, and shows.
  expected<int> add_descriptor(std::shared_ptr<description> what);
  std::shared_ptr<description> descriptor(int fd) const;
  void remove_descriptor(int fd);
  std::size_t open_descriptors() const { return descriptors_.size(); }

  // File locks by path; nullopt: held.
  std::optional<int> lock(std::string const& path);
  void unlock(int lock) { locks_.erase(lock); }

  // Faults and power cuts. The listener is called after each file operation's effect, before its
  // owner learns of it.
  void inject(fault what) { faults_.push_back(what); }
  void clear_faults() { faults_.clear(); }
  errc next_fault(opcode code, std::string_view path, bool new_file);
  void on_operation(std::function<void(operation_record const&)> listener);
  void record(operation_record done);
  std::uint64_t operations() const { return operations_; }
  // The disk as after a power cut at this moment; differs with `number`.
  disk power_cut(std::uint64_t number = 0,
                 std::optional<unsigned> keep_percent = std::nullopt) const;
  // Cuts the power after `operations` file operations: the disk's state is kept for taken_cut(),
  // and everything afterwards fails.
  void cut_after(std::uint64_t operations) { cut_after_ = operations; }
  bool is_cut() const { return cut_.has_value(); }
  disk taken_cut() { return std::move(*cut_); }

  // What no test should see: memory changed under I/O (I-15), writes over written and unwritten
  // extents (I-14).
  void report_violation(std::string text);
  std::vector<std::string> const& violations() const { return violations_; }
  void trace(void const* bytes, std::size_t size);
  std::uint64_t trace_hash() const { return trace_hash_; }
  // The last operations, for a failed test's message.
  std::string recent_operations() const;

  std::map<std::uint16_t, std::shared_ptr<listening_socket>>& ports() { return ports_; }
  // A world with one core advances time in that core's turn; with more, the machine does when all
  // are idle.
  bool advances_in_turn = true;

 private:
  world_options options_;
  random_source random_;
  disk disk_;
  time_point now_;
  std::map<std::tuple<time_point, std::uint64_t, std::uint64_t>, std::function<void()>> events_;
  std::uint64_t next_event_number_ = 0;
  std::uint64_t turns_ = 0;
  std::map<int, std::shared_ptr<description>> descriptors_;
  std::map<int, std::string> locks_;
  int next_lock_ = 1;
  std::map<std::uint16_t, std::shared_ptr<listening_socket>> ports_;
  std::vector<fault> faults_;
  std::vector<std::function<void(operation_record const&)>> listeners_;
  std::uint64_t operations_ = 0;
  std::optional<std::uint64_t> cut_after_;
  std::optional<disk> cut_;
  std::vector<std::string> violations_;
  std::deque<operation_record> recent_;
  std::uint64_t trace_hash_ = 0;
};

}  // namespace karst::sim
