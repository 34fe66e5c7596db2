#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

#include "reactor/base/intrusive_list.h"
#include "reactor/buffer.h"

namespace karst {

class io;

// What crosses between cores: a node in the sender's coroutine frame (see submit_to.h), handed over
// by pointer and handed back as the answer. `receive` runs on the core where it arrives, in the
// turn after; it starts tasks or makes coroutines ready.
struct message : list_link {
  message() = default;
  message(message&&) noexcept {}  // only before it is sent
  void (*receive)(message&, core_id from) = nullptr;
};

// All mailboxes of a process: one single-producer single-consumer ring per ordered pair of cores,
// cache lines apart. Sending only queues; the turn's flush publishes. A core that is about to sleep
// publishes "asleep", then looks at its rings once more; a sender that has published looks at the
// flag and wakes the sleeper once (the classic store-fence-load pairing on both sides).
class mailboxes {
 public:
  explicit mailboxes(core_id cores);
  ~mailboxes();
  core_id core_count() const { return cores_; }

  // Before the first turn: how to wake core `id`.
  void set_io(core_id id, io& io);

  // On core `from`. Order is kept per pair; never fails: what does not fit in the ring waits in the
  // sender's queue for the next flush.
  void send(core_id from, core_id to, message& message);
  // Publishes what core `from` has queued and wakes sleepers. Returns false if something still
  // waits for room.
  bool flush(core_id from);
  // Receives up to `most` messages for core `to`; returns how many.
  std::size_t receive(core_id to, std::size_t most);
  // Sleep protocol, on core `id`: true when it may sleep (no message waits); after waking,
  // leave_sleep().
  bool enter_sleep(core_id id);
  void leave_sleep(core_id id);

 private:
  struct ring;
  struct port;
  ring& between(core_id from, core_id to);
  core_id cores_;
  std::unique_ptr<port[]> ports_;
  std::unique_ptr<ring[]> rings_;
};

}  // namespace karst
