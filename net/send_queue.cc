#include "net/send_queue.h"

#include "reactor/base/endian.h"
#include "reactor/core.h"

namespace karst::net {
namespace {

// Vectors of one send; the kernel takes 1,024 (UIO_MAXIOV).
constexpr std::size_t vectors_max = 512;

buffer_chain const& memory_of(response_piece const& piece) {
  if (auto const* own = std::get_if<buffer_chain>(&piece)) return *own;
  return *std::get<foreign<buffer_chain>>(piece);
}

}  // namespace

send_queue::send_queue(core_network& home, karst::socket& socket) : home_(home), socket_(socket) {
  stall_.queue = this;
  stall_.fire = [](timer& fired) { static_cast<stall_timer&>(fired).queue->cut(); };
  progress_.queue = this;
  progress_.cut = [](sending& longest) { static_cast<progress&>(longest).queue->cut(); };
}

send_queue::~send_queue() { KARST_ASSERT(slots_.empty(), "{} answers left", slots_.size()); }

exchange& send_queue::open(std::unique_ptr<exchange> started) {
  return *slots_.emplace_back(std::move(started));
}

void send_queue::finish(exchange& answered) {
  answered.done = true;
  // Receive memory and the frame's reservation go home before the answer waits for a slow reader.
  answered.request.body.clear();
  answered.memory.release();
  answered.response_bytes = size_of(answered.response.body);
  home_.add_output(answered.response_bytes);
  ready_.wake_all();
}

void send_queue::close_input() {
  input_closed_ = true;
  ready_.wake_all();
}

void send_queue::abandon() {
  broken_ = true;
  ready_.wake_all();
  moved_.wake_all();
  socket_.shutdown();
}

void send_queue::cut() {
  stuck_ = true;
  abandon();
}

task<> send_queue::run() {
  while (!broken_) {
    if (slots_.empty() ? input_closed_ : slots_.front()->done) {
      if (slots_.empty()) co_return;
      if (!co_await send_ready()) abandon();
      moved_.wake_all();
    } else {
      (void)co_await ready_.wait();
    }
  }
  // Handlers still write into their exchanges: the last one out frees them.
  while (!slots_.empty()) {
    if (slots_.front()->done) {
      pop(1);
    } else {
      (void)co_await ready_.wait();
    }
  }
  moved_.wake_all();
}

void send_queue::pop(std::size_t count) {
  for (; count != 0; --count) {
    auto done = std::move(slots_.front());
    slots_.pop_front();
    home_.remove_output(done->response_bytes);
    home_.exchanges.give_back(std::move(done));
  }
}

void send_queue::write_header(exchange& ready) {
  auto const flexible = ready.response.flexible_header;
  auto length = ready.response_bytes + sizeof(std::int32_t) + (flexible ? 1 : 0);
  KARST_ASSERT(length <= INT32_MAX, "an answer of {} bytes", length);
  store_be(ready.header.data(), static_cast<std::int32_t>(length));
  store_be(ready.header.data() + 4, ready.request.correlation_id);
  ready.header[8] = std::byte{0};
}

task<bool> send_queue::send_ready() {
  std::size_t taken = 0;
  while (taken < slots_.size() && slots_[taken]->done && slice_.size() < vectors_max) {
    auto& ready = *slots_[taken];
    if (ready.response.what == response::action::close) {
      close_reason_ = std::move(ready.response.reason);
      break;
    }
    ++taken;
    if (ready.response.what == response::action::nothing) continue;
    write_header(ready);
    std::size_t header_bytes = ready.response.flexible_header ? 9 : 8;
    slice_.push_back({ready.header.data(), header_bytes});
    slice_bytes_ += header_bytes;
    if (!gather(ready) && !co_await send_body(ready)) co_return false;
    if (slice_bytes_ >= home_.limits.send_slice_bytes) break;
  }
  if (!co_await flush(false)) co_return false;
  pop(taken);
  co_return !close_reason_;
}

// The answer's body joins the slice when all of it fits and is in memory, as nearly always.
bool send_queue::gather(exchange& ready) {
  if (slice_bytes_ + ready.response_bytes > home_.limits.send_slice_bytes) return false;
  auto const vectors = slice_.size();
  for (auto const& piece : ready.response.body) {
    auto whole = !std::holds_alternative<file_range>(piece);
    if (whole) memory_of(piece).to_iovecs(slice_);
    if (whole && slice_.size() <= vectors_max) continue;
    slice_.resize(vectors);
    return false;
  }
  slice_bytes_ += ready.response_bytes;
  return true;
}

// The same in slices.
task<bool> send_queue::send_body(exchange& ready) {
  for (auto const& piece : ready.response.body) {
    if (auto const* range = std::get_if<file_range>(&piece)) {
      if (!co_await flush(true)) co_return false;
      if (!co_await send_range(*range)) co_return false;
      continue;
    }
    for (auto const& part : memory_of(piece).pieces()) {
      auto* from = const_cast<std::byte*>(part.data());
      auto left = part.size();
      while (left != 0) {
        auto room =
            home_.limits.send_slice_bytes - std::min(slice_bytes_, home_.limits.send_slice_bytes);
        if (room == 0 || slice_.size() >= vectors_max) {
          if (!co_await flush(true)) co_return false;
          continue;
        }
        auto bytes = std::min(left, room);
        slice_.push_back({from, bytes});
        slice_bytes_ += bytes;
        from += bytes;
        left -= bytes;
      }
    }
  }
  co_return true;
}

task<bool> send_queue::flush(bool more_follows) {
  if (slice_.empty()) co_return true;
  begin_send();
  auto sent = co_await socket_.send(std::span{slice_}, more_follows);
  end_send();
  home_.counters.bytes_sent += slice_bytes_;
  slice_.clear();
  slice_bytes_ = 0;
  co_return sent.has_value() && !broken_;
}

task<bool> send_queue::send_range(file_range const& range) {
  for (std::uint64_t done = 0; done < range.length;) {
    auto bytes = std::min<std::uint64_t>(range.length - done, home_.limits.send_slice_bytes);
    begin_send();
    auto sent = co_await socket_.send_file({range.source, range.position + done, bytes});
    end_send();
    if (!sent || broken_) co_return false;
    home_.counters.bytes_sent += bytes;
    done += bytes;
  }
  co_return true;
}

void send_queue::begin_send() {
  auto& here = core::current();
  home_.begin(progress_);
  here.timers().arm(stall_, here.now() + home_.limits.idle);
}

void send_queue::end_send() {
  core_network::end(progress_);
  stall_.disarm();
}

}  // namespace karst::net
