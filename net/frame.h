#pragma once

#include <string>
#include <variant>

#include "reactor/buffer_chain.h"

namespace karst::net {

inline constexpr std::size_t frame_prefix_bytes = 4;

// Cuts a stream of received buffers into Kafka's frames: a 4-byte big-endian length, then so many
// bytes. Purely synchronous, so that it is tested and fuzzed alone. A frame that lies whole in
// received buffers is a slice of them (no copy). A frame that is cut by the end of what was
// received moves into memory of its own at once, so that a half-sent frame never keeps a buffer of
// the core's receive pool. A frame longer than `small_bytes` that is not whole yet is handed to the
// caller, who reserves memory for it first; one of up to `held_bytes` only when the caller says
// that the pool is short, or when it comes in crumbs that would take a pool buffer each. Till then
// it stays in received buffers, without a copy.
class frame_reader {
 public:
  struct more {};  // nothing whole: feed the next buffer
  struct whole {
    buffer_chain frame;
  };  // without its length; never empty
  struct large {
    std::size_t bytes;
  };  // take_large() next
  struct bad {
    std::string reason;
  };  // the stream cannot be read any further
  using step = std::variant<more, whole, large, bad>;

  // max_bytes: socket.request.max.bytes. Lengths are checked before anything is allocated.
  frame_reader(std::size_t max_bytes, std::size_t small_bytes, std::size_t held_bytes = 0)
      : max_bytes_(max_bytes), small_bytes_(small_bytes), held_bytes_(held_bytes) {}

  void feed(buffer received);
  // may_hold: the receive pool has buffers to spare.
  step next(bool may_hold = false);
  // After `large`: what has been received of the frame, without its length. The caller receives the
  // rest, and the reader goes on with the frame after it.
  buffer_chain take_large();
  // All that was fed and not handed out, as it came: for the reader that goes on with the stream.
  buffer_chain take_rest();
  // Part of a frame is here: its sender owes the rest.
  bool in_frame() const { return filled_ != 0 || !held_.empty(); }

 private:
  step check(std::span<std::byte const, frame_prefix_bytes> prefix, std::size_t& size);
  void assemble(std::size_t total);
  bool worth_holding(std::size_t total) const;

  std::size_t max_bytes_;
  std::size_t small_bytes_;
  std::size_t held_bytes_;
  bool first_ = true;  // of the connection: where other protocols show themselves
  buffer_chain
      held_;  // received, not yet cut; empty while a frame is assembled, unless that one is whole
  buffer assembly_;         // the frame that was cut, its length included
  std::size_t filled_ = 0;  // of assembly_
};

}  // namespace karst::net
