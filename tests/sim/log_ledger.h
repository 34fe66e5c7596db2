#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "log/config.h"
#include "log/types.h"
#include "log/validated_batch.h"
#include "reactor/base/uuid.h"

namespace karst::sim {

// One batch that a log accepted: where, and its bytes from the magic on (what lies before is
// stamped by the log).
struct written_batch {
  std::int64_t base = 0;
  std::int64_t end = 0;
  std::string bytes;
  // How to make it again; sequence -1: not of an idempotent producer.
  std::uint64_t number = 0;
  std::size_t size = 0;
  std::int32_t sequence = -1;
};

// What one log promised to the workload.
struct log_book {
  std::string topic;
  std::int32_t partition = 0;
  uuid topic_id;
  log::log_config config;
  bool create_began = false;
  bool created = false;  // create() was acknowledged
  bool remove_began = false;
  std::map<std::int64_t, written_batch> batches;  // by base offset, acknowledged or not
  std::int64_t claimed = 0;                       // the end after the last accepted append
  std::int64_t acked = 0;                         // everything below was acknowledged as durable
  std::int32_t next_sequence = 0;                 // of the log's one idempotent producer

  // After a recovery that ended at `end`: what is behind is gone for good, what is before stays.
  void settle(std::int64_t end);
  // The producer's newest batch, or nullptr.
  written_batch const* last_of_producer() const;
};

// What must hold for one log at the moment of a power cut: a copy of the book without the bytes.
struct log_promise {
  bool created = false;
  bool remove_began = false;
  std::int64_t claimed = 0;
  std::int64_t acked = 0;
};

// All logs of a directory, by log id; kept by the test, outside the simulated host.
struct log_ledger {
  std::map<std::uint64_t, log_book> books;
  std::uint64_t next_batch = 0;  // numbers never repeat, so that no two batches are alike
  std::map<std::uint64_t, log_promise> promises() const;
};

// A batch of one record whose content says where it came from; `bytes` is about its size.
log::validated_batch make_batch(std::uint64_t log, std::uint64_t number, std::size_t bytes,
                                std::int32_t sequence = -1);
// The batch's bytes from the magic on.
std::string comparable_bytes(buffer_chain const& batch);

}  // namespace karst::sim
