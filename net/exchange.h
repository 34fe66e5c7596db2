#pragma once

#include <array>
#include <memory>
#include <vector>

#include "net/handler.h"
#include "reactor/semaphore.h"

namespace karst::net {

// Bytes of a frame budget, given back when the request is done.
class reservation {
 public:
  reservation() = default;
  reservation(semaphore& budget, std::size_t bytes) : budget_(&budget), bytes_(bytes) {}
  reservation(reservation&& other) noexcept
      : budget_(std::exchange(other.budget_, nullptr)), bytes_(other.bytes_) {}
  reservation& operator=(reservation&& other) noexcept {
    release();
    budget_ = std::exchange(other.budget_, nullptr);
    bytes_ = other.bytes_;
    return *this;
  }
  ~reservation() { release(); }
  void release() {
    if (auto* budget = std::exchange(budget_, nullptr)) budget->give(bytes_);
  }

 private:
  semaphore* budget_ = nullptr;
  std::size_t bytes_ = 0;
};

// One request of a connection and its answer, from when it was read until the answer is sent. Stays
// where it is in memory.
struct exchange {
  karst::net::request request;
  reservation memory;  // of the frame, for large ones
  overlap kind = overlap::alone;
  karst::net::response response;
  bool done = false;  // the handler has answered
  std::size_t response_bytes = 0;
  std::array<std::byte, 9> header;  // length, correlation id, no tagged fields
};

// Exchanges of one core's connections that wait for their next request: as many as were in progress
// at one time, the one used last first, because it is still in the core's cache.
class exchange_pool {
 public:
  std::unique_ptr<exchange> take();
  void give_back(std::unique_ptr<exchange> done);

 private:
  std::vector<std::unique_ptr<exchange>> spare_;
};

}  // namespace karst::net
