#include "reactor/mailbox.h"

#include <array>

#include "reactor/base/assert.h"
#include "reactor/io/io.h"

namespace karst {
namespace {

constexpr std::size_t cache_line = 64;
constexpr std::size_t ring_slots =
    256;  // what one turn may publish to one other core; the rest waits one turn more

}  // namespace

struct mailboxes::ring {
  alignas(cache_line) std::atomic<std::uint32_t> written{0};
  alignas(cache_line) std::atomic<std::uint32_t> taken{0};
  alignas(cache_line) std::array<message*, ring_slots> slots{};
  // The sender's own side: messages not yet published.
  alignas(cache_line) intrusive_list<message> queued;
};

struct mailboxes::port {
  alignas(cache_line) std::atomic<bool> asleep{false};
  io* waker = nullptr;
};

mailboxes::mailboxes(core_id cores)
    : cores_(cores),
      ports_(std::make_unique<port[]>(cores)),
      rings_(std::make_unique<ring[]>(static_cast<std::size_t>(cores) * cores)) {}

mailboxes::~mailboxes() = default;

void mailboxes::set_io(core_id id, io& io) { ports_[id].waker = &io; }

mailboxes::ring& mailboxes::between(core_id from, core_id to) {
  return rings_[static_cast<std::size_t>(from) * cores_ + to];
}

void mailboxes::send(core_id from, core_id to, message& message) {
  KARST_ASSERT(from < cores_ && to < cores_ && from != to, "{} to {} of {}", from, to, cores_);
  between(from, to).queued.push_back(message);
}

bool mailboxes::flush(core_id from) {
  auto all_out = true;
  for (core_id to = 0; to < cores_; ++to) {
    auto& ring = between(from, to);
    if (ring.queued.empty()) continue;
    auto written = ring.written.load(std::memory_order_relaxed);
    auto room = ring_slots - (written - ring.taken.load(std::memory_order_acquire));
    auto before = written;
    while (room-- != 0) {
      auto* next = ring.queued.pop_front();
      if (next == nullptr) break;
      ring.slots[written++ % ring_slots] = next;
    }
    if (!ring.queued.empty()) all_out = false;
    if (written == before) continue;
    // seq_cst here and in enter_sleep: the flag is read only after the message is visible, and
    // rings are read only after the flag is.
    ring.written.store(written, std::memory_order_seq_cst);
    auto& port = ports_[to];
    if (port.asleep.load(std::memory_order_seq_cst) &&
        port.asleep.exchange(false, std::memory_order_seq_cst)) {
      port.waker->wake();
    }
  }
  return all_out;
}

std::size_t mailboxes::receive(core_id to, std::size_t most) {
  std::size_t received = 0;
  for (core_id from = 0; from < cores_ && received < most; ++from) {
    auto& ring = between(from, to);
    auto taken = ring.taken.load(std::memory_order_relaxed);
    auto const written = ring.written.load(std::memory_order_acquire);
    while (taken != written && received < most) {
      auto* next = ring.slots[taken % ring_slots];
      // The slot is given back before the message runs: it may send to `from`, never to this ring.
      ring.taken.store(++taken, std::memory_order_release);
      ++received;
      next->receive(*next, from);
    }
  }
  return received;
}

bool mailboxes::enter_sleep(core_id id) {
  ports_[id].asleep.store(true, std::memory_order_seq_cst);
  for (core_id from = 0; from < cores_; ++from) {
    auto& ring = between(from, id);
    if (ring.written.load(std::memory_order_seq_cst) !=
        ring.taken.load(std::memory_order_relaxed)) {
      ports_[id].asleep.store(false, std::memory_order_relaxed);
      return false;
    }
  }
  return true;
}

void mailboxes::leave_sleep(core_id id) {
  ports_[id].asleep.store(false, std::memory_order_relaxed);
}

}  // namespace karst
