#include "net/connection.h"

#include "net/wire/header.h"
#include "reactor/base/logging.h"
#include "reactor/core.h"

namespace karst::net {

namespace {

// Blocks of the core's memory keep their pages from one frame to the next. Half of it is left to
// those who wait for it.
buffer allocate_block(std::size_t bytes) {
  auto& memory = core::current().memory();
  buffer block;
  if (memory.used() < memory.budget() / 2) block = memory.take(bytes);
  return block.empty() ? buffer::allocate(bytes) : std::move(block);
}

}  // namespace

connection::connection(core_network& home, connection_handoff arrived)
    : home_(home),
      socket_(std::make_unique<karst::socket>(arrived.descriptor)),
      frames_(home.limits.request_bytes_max, home.limits.small_frame_bytes,
              home.limits.held_frame_bytes),
      queue_(home, *socket_) {
  info_.id = arrived.id;
  info_.client_software = std::move(arrived.client_software);
  info_.cores = core_preference{arrived.patience};
  if (arrived.wanted == no_core) ++home_.counters.connections_opened;
  if (!arrived.unread.empty()) frames_.feed(buffer::copy_of(arrived.unread));
  info_.peer = format_address(socket_->peer());
  timer_.owner = this;
  timer_.fire = [](timer& fired) { static_cast<receive_timer&>(fired).owner->on_timer(); };
}

task<std::optional<connection_handoff>> connection::run() {
  ++home_.counters.connections_open;
  tasks_.spawn(read());
  tasks_.spawn(queue_.run());
  co_await dispatch();
  queue_.close_input();
  while (!queue_.empty()) (void)co_await queue_.moved().wait();
  if (auto const& reason = queue_.close_reason()) {
    ++home_.counters.closed_by_handler;
    log_end(*reason);
  } else if (queue_.stuck()) {
    ++home_.counters.closed_slow;
    log_end("it does not read its answers, and others need the memory");
  } else if (may_leave()) {
    co_return co_await hand_off();
  }
  info_.closing.request();
  socket_->shutdown();
  room_.wake_all();
  co_await tasks_.join();
  timer_.disarm();
  co_await socket_->close();
  --home_.counters.connections_open;
  co_return std::nullopt;
}

void connection::stop() {
  stopping_ = true;
  info_.stopping = true;
  info_.closing.request();
  pending_changed_.wake_all();
  queue_.moved().wake_all();
  room_.wake_all();
}

void connection::cut() {
  stop();
  queue_.abandon();
}

// --- to another core

void connection::leave_if_others_serve_it() {
  auto wanted = info_.cores.settled();
  if (wanted == no_core || wanted == core::current().id() || input_ended_ || stopping_) return;
  if (std::exchange(leaving_, true)) return;
  socket_->leave();
}

bool connection::may_leave() const { return leaving_ && !stopping_ && !queue_.broken(); }

task<connection_handoff> connection::hand_off() {
  co_await tasks_.join();
  timer_.disarm();
  connection_handoff left{
      .id = info_.id,
      .wanted = info_.cores.settled(),
      .client_software = std::move(info_.client_software),
      .patience = std::min(2 * info_.cores.patience(), limit::requests_before_move_most)};
  auto rest = frames_.take_rest();
  left.unread.resize(rest.size());
  rest.copy_to(0, left.unread.data(), rest.size());
  left.descriptor = co_await socket_->release(left.unread);
  ++home_.counters.connections_moved;
  --home_.counters.connections_open;
  co_return left;
}

// --- reading

task<> connection::read() {
  auto more = true;
  while (more && !stopping_ && !leaving_) {
    auto step = frames_.next(!core::current().io().receive_memory_low());
    if (auto* whole = std::get_if<frame_reader::whole>(&step)) {
      more = accept_frame(std::move(whole->frame), {});
    } else if (auto* large = std::get_if<frame_reader::large>(&step)) {
      more = co_await read_large(large->bytes);
    } else if (auto* bad = std::get_if<frame_reader::bad>(&step)) {
      end_reading(bad->reason, home_.counters.closed_bad_input);
      more = false;
    } else {
      enter(frames_.in_frame() ? reading::small_frame : reading::nothing);
      auto received = co_await socket_->receive();
      if (!received && received.error() == errc::cancelled) break;  // it leaves
      more = take_received(std::move(received));
    }
    while (pending_.size() >= home_.limits.read_ahead && !stopping_ && !queue_.broken()) {
      socket_->pause_receiving();
      enter(reading::paused);
      (void)co_await room_.wait();
    }
  }
  timer_.disarm();
  input_ended_ = true;
  leaving_ = leaving_ && more;
  if (!leaving_) info_.closing.request();
  pending_changed_.wake_all();
}

// False at the end of the input.
bool connection::take_received(expected<buffer> received) {
  if (!received || received->empty()) return false;
  home_.counters.bytes_received += received->size();
  if (state_ == reading::nothing) state_since_ = core::current().now();
  frames_.feed(std::move(*received));
  return true;
}

task<bool> connection::read_large(std::size_t bytes) {
  reservation memory;
  auto frame = co_await receive_large(bytes, memory);
  co_return frame&& accept_frame(std::move(*frame), std::move(memory));
}

task<expected<buffer_chain>> connection::receive_large(std::size_t bytes, reservation& memory) {
  ++home_.counters.large_frames;
  socket_->pause_receiving();
  // What has come already moves out of the receive pool before anything is waited for.
  auto first = frames_.take_large();
  buffer_chain frame;
  if (!first.empty()) {
    auto copy = buffer::allocate(first.size());
    first.copy_to(0, copy.data(), first.size());
    frame.append(std::move(copy));
    first.clear();
  }
  // Memory is never held for a request that waits behind a parked one.
  enter(reading::paused);
  while ((alone_running_ || !pending_.empty()) && !stopping_ && !queue_.broken()) {
    (void)co_await room_.wait();
  }
  auto& budget = home_.budget_for(bytes);
  if (!budget.try_take(bytes)) {
    ++home_.counters.large_frame_waits;
    auto reason = co_await budget.take(bytes, never, &info_.closing);
    if (reason != wake_reason::signalled) co_return fail(errc::cancelled);
  }
  memory = reservation{budget, bytes};
  frame_budget_ = &budget;
  while (frame.size() < bytes) {
    auto block = allocate_block(std::min(bytes - frame.size(), home_.limits.frame_block_bytes));
    enter(reading::large_frame);
    auto received = co_await socket_->receive_exactly({block.data(), block.size()});
    if (!received) co_return fail(received.error());
    home_.counters.bytes_received += block.size();
    frame.append(std::move(block));
  }
  enter(reading::nothing);
  co_return frame;
}

bool connection::accept_frame(buffer_chain frame, reservation memory) {
  std::size_t body = 0;
  auto header = read_request_header(frame, body);
  if (!header) {
    end_reading(header.error(), home_.counters.closed_bad_input);
    return false;
  }
  if (header->client_id && *header->client_id != client_id_) client_id_ = *header->client_id;
  std::string reason;
  if (!home_.handler.admits(header->api_key, header->api_version, reason)) {
    end_reading(reason, home_.counters.closed_bad_input);
    return false;
  }
  frame.trim_front(body);
  auto kind = home_.handler.overlap_of(header->api_key);
  // Requests that may be parked must not keep receive buffers. They are small, or in memory of
  // their own already.
  if (kind == overlap::alone && !frame.empty() && frame.size() <= home_.limits.small_frame_bytes) {
    frame = buffer_chain{buffer::copy_of(frame.linearize().bytes())};
  }
  ++home_.counters.requests;
  auto& next = *pending_.emplace_back(home_.exchanges.take());
  next.request.api_key = header->api_key;
  next.request.api_version = header->api_version;
  next.request.correlation_id = header->correlation_id;
  next.request.client_id = std::move(header->client_id);
  next.request.body = std::move(frame);
  next.request.received_at = core::current().now();
  next.request.connection = &info_;
  next.memory = std::move(memory);
  next.kind = kind;
  pending_changed_.wake_all();
  return true;
}

// --- dispatching

bool connection::may_start(overlap kind) const {
  if (kind == overlap::alone) return queue_.empty();
  auto const low = core::current().io().receive_memory_low();
  auto const most = low ? home_.limits.in_flight_while_low : home_.limits.in_flight;
  return !alone_running_ && queue_.size() < most;
}

bool connection::dispatch_over() const {
  return stopping_ || queue_.broken() || (pending_.empty() && input_ended_);
}

task<> connection::dispatch() {
  while (!dispatch_over()) {
    if (pending_.empty()) {
      (void)co_await pending_changed_.wait();
      continue;
    }
    if (!may_start(pending_.front()->kind)) {
      (void)co_await queue_.moved().wait();
      continue;
    }
    auto& started = queue_.open(std::move(pending_.front()));
    pending_.pop_front();
    room_.wake_all();
    if (started.kind == overlap::produce) {
      tasks_.spawn(serve(started));
      continue;
    }
    alone_running_ = true;
    co_await serve(started);
    alone_running_ = false;
    room_.wake_all();
  }
  pending_.clear();
}

task<> connection::serve(exchange& started) {
  started.response = co_await home_.handler.handle(started.request);
  if (state_ == reading::nothing) state_since_ = core::current().now();
  queue_.finish(started);
  leave_if_others_serve_it();
}

// --- time and endings

void connection::enter(reading state) {
  auto& here = core::current();
  // Idle time and a small frame's time run on from where they began; a large frame's begins anew
  // with each block.
  if (state == state_ && state != reading::large_frame && timer_.armed()) return;
  state_ = state;
  state_since_ = here.now();
  if (state == reading::paused) {
    timer_.disarm();
  } else if (state == reading::large_frame) {
    // Its patience shrinks when others begin to wait for the budget: looked at in between.
    here.timers().arm(timer_, state_since_ + home_.limits.block_patience_contended);
  } else {
    here.timers().arm(timer_, deadline());
  }
}

time_point connection::deadline() const {
  switch (state_) {
    case reading::nothing:
      return state_since_ + home_.limits.idle;
    case reading::small_frame:
      return state_since_ + home_.limits.small_frame_patience;
    case reading::large_frame: {
      auto contended = frame_budget_ != nullptr && frame_budget_->contended();
      return state_since_ +
             (contended ? home_.limits.block_patience_contended : home_.limits.block_patience);
    }
    case reading::paused:
      return never;
  }
  return never;
}

void connection::on_timer() {
  auto& here = core::current();
  auto until = deadline();
  if (here.now() < until) {
    if (state_ == reading::large_frame) {
      until = std::min(until, here.now() + home_.limits.block_patience_contended);
    }
    here.timers().arm(timer_, until);
    return;
  }
  if (state_ == reading::nothing) {
    if (!queue_.empty() || !pending_.empty()) {
      // Idle begins when the last answer is sent.
      state_since_ = here.now();
      here.timers().arm(timer_, deadline());
      return;
    }
    ++home_.counters.closed_idle;
    logged_ = true;
    logging::debug("net", "closed the idle connection from {}", info_.peer);
  } else {
    ++home_.counters.closed_slow;
    log_end(state_ == reading::small_frame
                ? "a request was not whole in time"
                : "a large request comes too slowly to hold memory for it");
  }
  socket_->shutdown();
}

void connection::end_reading(std::string_view reason, std::uint64_t& counter) {
  ++counter;
  log_end(reason);
}

void connection::log_end(std::string_view reason) {
  if (std::exchange(logged_, true)) return;
  static logging::rate_limit limit;
  std::uint64_t left_out = 0;
  if (!limit.pass(left_out)) return;
  auto client = client_id_.empty() ? std::string{}
                                   : fmt::format(", client id {}", logging::escape(client_id_, 64));
  auto more = left_out == 0 ? std::string{} : fmt::format(" ({} such lines left out)", left_out);
  logging::warn("net", "closed the connection from {}{}: {}{}", info_.peer, client, reason, more);
}

}  // namespace karst::net
