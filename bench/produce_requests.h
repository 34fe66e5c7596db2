#pragma once

#include <sys/uio.h>

#include <span>
#include <vector>

#include "bench/lane.h"
#include "bench/load_options.h"
#include "bench/stamp.h"
#include "reactor/buffer.h"

namespace karst::bench {

// The Produce requests of one connection, as bytes to send: a head per lane, encoded once, before
// batches that all connections share. Per request only a head is copied and three numbers in it are
// set. Lanes and batches take turns. In an end-to-end load each request has a batch of its own.
// Heads of requests that are being sent live in slots; the owner sends a slot's bytes before it
// uses the slot again. A value on one core.
class produce_requests {
 public:
  // `batches` and `stamped`, which stands in for them unless it is null, outlive this.
  produce_requests(load_options const& options, std::vector<lane> const& lanes,
                   std::vector<buffer> const& batches, stamped_batches* stamped);

  struct request {
    iovec head;
    iovec batch;
    std::uint64_t bytes() const { return batch.iov_len; }
  };
  request next(std::uint32_t slot, std::int32_t correlation_id, time_point due);

  // Of the answer to one of them (its length included): the error code of its only partition;
  // nullopt when the answer is not to this request.
  static std::optional<std::int16_t> error_code_of(std::span<std::byte const> answer,
                                                   std::int32_t correlation_id);

 private:
  std::vector<buffer> heads_;  // by lane
  std::vector<buffer> const& batches_;
  std::size_t slot_bytes_ = 0;
  std::vector<std::byte> slots_;
  stamped_batches* stamped_;
  std::vector<buffer> slot_batches_;  // of an end-to-end load
  std::size_t turn_ = 0;
};

}  // namespace karst::bench
