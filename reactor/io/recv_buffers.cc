#include "reactor/io/recv_buffers.h"

#include <sys/mman.h>

#include <cerrno>
#include <cstring>

namespace karst {

recv_buffers::recv_buffers(std::uint32_t count, std::size_t size, return_function returned,
                           void* context)
    : size_(size), blocks_(count), returned_(returned), context_(context) {
  auto* memory = mmap(nullptr, count * size, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  KARST_ASSERT(memory != MAP_FAILED, "{} bytes: {}", count * size, std::strerror(errno));
  memory_ = static_cast<std::byte*>(memory);
  for (std::uint32_t index = 0; index < count; ++index) {
    auto& block = blocks_[index];
    block.data = this->memory(index);
    block.capacity = static_cast<std::uint32_t>(size);
    block.release = release;
    block.pool = this;
    block.index = index;
  }
}

recv_buffers::~recv_buffers() {
  KARST_ASSERT(out_ == 0, "{} receive buffers are still in use", out_);
  munmap(memory_, blocks_.size() * size_);
}

buffer recv_buffers::hand_out(std::uint32_t index, std::size_t filled) {
  auto& block = blocks_[index];
  KARST_ASSERT(block.references == 0 && filled <= size_, "buffer {}: {}", index, filled);
  ++out_;
  return buffer{block, block.data, filled};
}

void recv_buffers::release(buffer_block& freed) {
  auto& home = static_cast<block&>(freed);
  auto* pool = home.pool;
  --pool->out_;
  if (!pool->abandoned_) return pool->returned_(pool->context_, home.index);
  if (pool->out_ == 0) delete pool;
}

void recv_buffers::abandon(std::unique_ptr<recv_buffers> pool) {
  if (pool->out_ == 0) return;
  pool->abandoned_ = true;
  (void)pool.release();
}

}  // namespace karst
