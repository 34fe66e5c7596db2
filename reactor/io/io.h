#pragma once

#include <netinet/in.h>
#include <sys/uio.h>

#include <string>
#include <string_view>
#include <vector>

#include "reactor/base/errc.h"
#include "reactor/base/expected.h"
#include "reactor/base/intrusive_list.h"
#include "reactor/base/units.h"
#include "reactor/buffer.h"

namespace karst {

enum class opcode : std::uint8_t {
  // Sockets. accept and receive are multishot: one operation delivers many results, each with
  // `more` set while it stays armed.
  accept,   // fd = listening socket -> value = the new socket, non-blocking, close-on-exec
  receive,  // fd -> received = the next bytes, in a buffer of the io's receive pool; empty with
            // errc::ok = the peer closed.
  // While the pool is empty the operation waits inside the io and goes on when buffers have come
  // home
  receive_exactly,  // fd, vectors -> value = bytes; fewer than asked for only at the end of the
                    // stream or on an error
  send,     // fd, vectors, more_follows -> value = bytes, all of them or an error (the io retries
            // short sends)
  connect,  // fd, address
  // Files. Offsets and lengths in bytes; with direct files all of offset, memory and length are
  // multiples of block_size.
  read,        // fd, vectors, offset -> value = bytes; 0 = end of file
  write,       // fd, vectors, offset, durable (RWF_DSYNC) -> value = bytes; may be short only on an
               // error
  sync,        // fd: fdatasync; of a directory: fsync
  allocate,    // fd, offset, length: fallocate, extending the size (unwritten extents)
  zero_range,  // fd, offset, length: reads as zeros afterwards; size unchanged
  truncate,    // fd, length
  open,        // path, open_flags -> value = fd
  close,       // fd
  rename,      // path -> path2, replacing
  unlink,      // path
  make_directory,    // path
  remove_directory,  // path (empty)
  status,            // path -> *status
  list_directory,    // path -> *names (without . and ..), sorted
  replace_files,     // *texts, one after the other, as far as they go; the first error
};

enum open_flag : std::uint32_t {
  open_read = 1,
  open_write = 2,
  open_create = 4,
  open_exclusive = 8,
  open_direct = 16,  // O_DIRECT; errc::invalid where the file system refuses
  open_directory = 32,
  open_exact = 64,  // reads bring what they ask for into the page cache, and nothing ahead of it
};

// What a disk does first when it has more to do than it can (ioprio_set(2)); honoured where the
// device has a scheduler that knows it (mq-deadline, bfq), and by io_uring only.
enum class io_class : std::uint8_t {
  normal,    // appends and what leads to acknowledgements
  catch_up,  // readers of what is not in memory: best effort, the lowest level
  idle,      // background work: only when the device has nothing else to do
};

// What a small file shall hold from `at` on; it ends behind that. Made if missing.
struct file_text {
  std::string path;
  std::string text;
  std::uint64_t at = 0;
  std::string was;         // renamed from this first, if there is such a file; empty: not renamed
  bool only_make = false;  // leaves a file that is there as it is
};

struct file_status {
  std::uint64_t size = 0;
  std::uint64_t allocated_bytes = 0;
  std::uint64_t links = 1;  // names of it
  bool directory = false;
  wall_ms modified = 0;
};

struct io_result {
  errc error = errc::ok;
  bool more = false;       // a multishot operation stays armed
  std::int64_t value = 0;  // fd or bytes, by opcode
  buffer received;         // opcode receive
};

// One request to the kernel, owned by the caller (usually a coroutine frame, see file.h and
// socket.h). Everything it points to lives until its last result. `complete` runs inside turn(): it
// makes coroutines ready, and resumes and submits nothing; it may cancel its own operation (a
// receiver that has been given enough).
struct operation : list_link {
  opcode code{};
  bool multishot = false;
  bool durable = false;
  io_class priority = io_class::normal;  // read, write
  bool more_follows = false;
  bool in_flight = false;  // set by submit, cleared before the last complete
  int fd = -1;
  std::uint32_t open_flags = 0;  // open; opcode sync: open_directory when fd is a directory
  std::uint64_t offset = 0;
  std::uint64_t length = 0;
  iovec* vectors = nullptr;  // the io may advance them while it retries
  std::uint32_t vector_count = 0;
  char const* path = nullptr;
  char const* path2 = nullptr;
  sockaddr_storage const* address = nullptr;
  file_status* status = nullptr;
  std::vector<std::string>* names = nullptr;
  std::vector<file_text> const* texts = nullptr;
  void (*complete)(operation&, io_result&&) = nullptr;
  std::uint64_t io_state[3] =
      {};  // the implementation's own, as is the list_link while the operation is in flight
};

struct listen_result {
  int fd;
  std::uint16_t port;  // the one chosen when asked for 0
};

struct disk_space {
  std::uint64_t total_bytes = 0;
  std::uint64_t available_bytes = 0;  // to this process, without what is reserved for root
};

// Why a lock was refused: who holds it, or why its file cannot be opened.
struct lock_holder {
  errc error = errc::busy;
  std::int64_t pid = 0;  // 0: unknown
  bool alive =
      true;  // false: the process is gone, and the kernel still finishes its last operations
  std::string text;  // "karst, pid 4711, since 10:15:02"
};

struct io_counters {
  std::uint64_t turns = 0;  // kernel entries
  std::uint64_t operations = 0;
  std::uint64_t worker_threads = 0;  // io_uring: iou-wrk threads seen; io_poll: file threads
  std::uint64_t overflows = 0;       // completion queue overflows; stays 0
};

// Every file, socket and time-out of one core goes through its io. Used only on that core, except
// wake(). Implementations: io_uring, io_poll, tests/sim. errno becomes an errc here and travels no
// further. A frame with an operation in flight is never destroyed: cancel it, then await its
// result.
class io {
 public:
  virtual ~io() = default;
  virtual std::string_view name() const = 0;  // "io_uring", "epoll", "sim"
  virtual void submit(operation& op) = 0;     // queued; the kernel sees it at the end of the turn
  virtual void cancel(
      operation& op) = 0;  // its result still arrives: what it had done, or errc::cancelled
  // Hands over what is queued, collects what is done, sleeps at most until `until` when nothing is
  // done yet (time_point::min(): not at all).
  virtual void turn(time_point until) = 0;
  // Makes the current or next turn() return soon. The only call allowed from other threads.
  virtual void wake() = 0;
  // True when completions wait to be collected, so that the loop must not sleep. Queued operations
  // do not count: turn() hands them over and sleeps in one go.
  virtual bool busy() const = 0;
  // True when the receive pool runs low: whoever keeps received bytes copies them, so that the
  // buffers come home (socket.cc does).
  virtual bool receive_memory_low() const { return false; }
  // Brings counters().worker_threads up to date (it costs a look into /proc): for metrics, not for
  // every turn.
  virtual void count_workers() {}

  // Rare and immediate, hence not operations. Sockets are non-blocking, close-on-exec, TCP_NODELAY.
  virtual expected<listen_result> listen(sockaddr_storage const& address, int backlog) = 0;
  virtual expected<int> make_socket(int family) = 0;
  virtual void shutdown_socket(
      int fd) = 0;  // pending receives and sends finish; the fd stays until opcode close
  // No operation is in flight on the socket, and from now on it is another core's.
  virtual void forget_socket(int) {}
  virtual expected<sockaddr_storage> peer_address(int fd) = 0;

  // Facts about directories, asked at the start (file_facts.h gives them their errors and
  // remedies). What is not overridden stands for a disk without trouble. An exclusive lock on a
  // file, made if missing, held as long as the descriptor is open.
  virtual std::expected<int, lock_holder> lock_file(std::string const&) { return -1; }
  virtual void unlock_file(int) {}
  // Why direct I/O does not work in the directory; empty when it does.
  virtual std::string direct_refusal(std::string const&) { return {}; }
  virtual expected<disk_space> space_of(std::string const&) {
    return disk_space{.total_bytes = 1024 * GiB, .available_bytes = 1024 * GiB};
  }
  // Whether all of the range is in the page cache, so that reading it does not wait for the device.
  // False also where the kernel cannot say (before Linux 6.5). A few microseconds for a megabyte.
  virtual bool is_resident(int, std::uint64_t, std::uint64_t) { return false; }

  io_counters const& counters() const { return counters_; }

 protected:
  io_counters counters_;
};

}  // namespace karst
