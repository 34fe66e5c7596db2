#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "reactor/buffer.h"

namespace karst {

// The receive pool of one core: equal buffers into which sockets receive before anybody knows which
// frame the bytes belong to. Mapped at once and touched lazily. A buffer that was handed out comes
// home when the last view of it is gone, on the core that owns the pool; `returned` then passes its
// index to whoever fills the buffers (the kernel's provided ring, or the free list of the poll io).
// The pool outlives its io while buffers are still out: abandon() leaves its end to the last of
// them.
class recv_buffers {
 public:
  using return_function = void (*)(void* context, std::uint32_t index);

  recv_buffers(std::uint32_t count, std::size_t size, return_function returned, void* context);
  recv_buffers(recv_buffers const&) = delete;
  recv_buffers& operator=(recv_buffers const&) = delete;

  std::byte* memory(std::uint32_t index) { return memory_ + index * size_; }
  std::uint32_t count() const { return static_cast<std::uint32_t>(blocks_.size()); }
  std::size_t buffer_size() const { return size_; }
  // Buffers not in the hands of the program; some of them may be filled and not yet collected.
  std::uint32_t home() const { return count() - out_; }

  // A view of the first `filled` bytes of buffer `index`, which is home until now. With nothing
  // filled the buffer goes straight back.
  buffer hand_out(std::uint32_t index, std::size_t filled);

  // No more buffers will be asked for: frees the pool now, or when the last buffer has come home.
  static void abandon(std::unique_ptr<recv_buffers> pool);
  ~recv_buffers();

 private:
  struct block : buffer_block {
    recv_buffers* pool = nullptr;
    std::uint32_t index = 0;
  };
  static void release(buffer_block& freed);

  std::size_t size_;
  std::byte* memory_;
  std::vector<block> blocks_;
  std::uint32_t out_ = 0;
  bool abandoned_ = false;
  return_function returned_;
  void* context_;
};

}  // namespace karst
