#include "net/frame.h"

#include "net/protocol_guess.h"
#include "reactor/base/endian.h"
#include "reactor/base/limits.h"

namespace karst::net {
namespace {

// Key, version, correlation id and the length of the client id: no request is shorter.
// (ControlledShutdown v0 would be, and is not served.)
constexpr std::size_t request_bytes_min = 10;

}  // namespace

void frame_reader::feed(buffer received) {
  if (filled_ != 0) {
    auto part = std::min(received.size(), assembly_.size() - filled_);
    std::memcpy(assembly_.data() + filled_, received.data(), part);
    filled_ += part;
    received.trim_front(part);
  }
  held_.append(std::move(received));
}

frame_reader::step frame_reader::check(std::span<std::byte const, frame_prefix_bytes> prefix,
                                       std::size_t& size) {
  auto length = load_be<std::int32_t>(prefix.data());
  if (auto guess = guess_other_protocol(prefix); first_ && !guess.empty()) {
    return bad{
        fmt::format("this looks like {}, but the listener speaks Kafka's protocol in plain "
                    "text; give the client the right port, or security.protocol=PLAINTEXT",
                    guess)};
  }
  if (length < 0) return bad{fmt::format("a frame has the negative length {}", length)};
  size = static_cast<std::size_t>(length);
  if (size > max_bytes_) {
    return bad{fmt::format("a frame of {} bytes is larger than socket.request.max.bytes={}", size,
                           max_bytes_)};
  }
  if (size < request_bytes_min) {
    return bad{fmt::format("a frame of {} bytes is too short for a request header", size)};
  }
  first_ = false;
  return more{};
}

// Gives the cut frame memory of its own; the receive buffers go home.
void frame_reader::assemble(std::size_t total) {
  assembly_ = buffer::allocate(total);
  filled_ = held_.size();
  held_.copy_to(0, assembly_.data(), filled_);
  held_.clear();
}

bool frame_reader::worth_holding(std::size_t total) const {
  auto const buffers = total / limits::receive_buffer_bytes + 1;
  return total <= held_bytes_ && held_.pieces().size() <= 2 * buffers;
}

frame_reader::step frame_reader::next(bool may_hold) {
  if (filled_ != 0 && filled_ < assembly_.size()) return more{};
  if (filled_ == frame_prefix_bytes) {
    // Only the length itself had been cut: go on as if it had come whole.
    buffer_chain rest = std::move(held_);
    held_ = buffer_chain{std::move(assembly_)};
    held_.append(std::move(rest));
    assembly_ = {};
    filled_ = 0;
  } else if (filled_ != 0) {
    filled_ = 0;
    auto frame = std::exchange(assembly_, {});
    frame.trim_front(frame_prefix_bytes);
    return whole{buffer_chain{std::move(frame)}};
  }
  if (held_.empty()) return more{};
  if (held_.size() < frame_prefix_bytes) {
    assemble(frame_prefix_bytes);
    return more{};
  }
  std::byte scratch[frame_prefix_bytes];
  auto const* prefix = held_.contiguous(0, frame_prefix_bytes, scratch);
  std::size_t size = 0;
  auto verdict =
      check(std::span<std::byte const, frame_prefix_bytes>{prefix, frame_prefix_bytes}, size);
  if (std::holds_alternative<bad>(verdict)) return verdict;
  auto total = frame_prefix_bytes + size;
  if (held_.size() >= total) {
    held_.trim_front(frame_prefix_bytes);
    return whole{held_.split_front(size)};
  }
  if (size > small_bytes_) {
    if (may_hold && worth_holding(total)) return more{};
    return large{size};
  }
  assemble(total);
  return more{};
}

buffer_chain frame_reader::take_large() {
  auto part = std::move(held_);
  held_ = {};
  part.trim_front(frame_prefix_bytes);
  return part;
}

buffer_chain frame_reader::take_rest() {
  buffer_chain rest;
  if (auto filled = std::exchange(filled_, 0); filled != 0) {
    assembly_.trim_to(filled);
    rest.append(std::exchange(assembly_, {}));
  }
  rest.append(std::exchange(held_, {}));
  return rest;
}

}  // namespace karst::net
