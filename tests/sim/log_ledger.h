#pragma once

#include <cstdint>
#include <map>
#include <optional>
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
  // The log's ages in which it is there: a truncation begins a new age, and so does a recovery.
  std::uint64_t from_age = 0;
  std::uint64_t until_age = ~std::uint64_t{0};  // exclusive
};

// A truncation: to `end`, or everything, beginning anew at `end`.
struct log_cut {
  std::int64_t end = 0;
  bool everything = false;
};

// What must hold for one log at one moment: what the log was, in which age, and how far it must and
// may reach. A cut that was asked for and not answered may have happened or not, as a whole.
struct log_promise {
  bool created = false;
  bool remove_began = false;
  std::uint64_t age = 0;
  std::int64_t start = 0;  // of the log
  std::int64_t least = 0;  // where the age began: the end without a batch appended in it
  std::int64_t claimed = 0;
  std::int64_t acked = 0;
  std::optional<log_cut> asked;
};

// What one log promised to the workload.
struct log_book : log_promise {
  std::string topic;
  std::int32_t partition = 0;
  uuid topic_id;
  log::log_config config;
  bool create_began = false;
  std::multimap<std::int64_t, written_batch> batches;  // by base offset, of all ages
  std::int32_t next_sequence = 0;                      // of the log's one idempotent producer
  int remembered = 0;  // its newest batches that the log must recognise, five at most

  void append(written_batch batch);
  // A truncation begins, or was answered.
  void ask(log_cut cut);
  void answer_cut();
  // After a recovery that ended at `end`, and showed whether a cut that was asked for happened:
  // what is behind is gone for good, what is before stays.
  void settle(bool cut, std::int64_t end);
  // The producer's newest batch, or an older one; nullptr if there is none.
  written_batch const* last_of_producer(int back = 0) const;
  // What of a promise's batches lies below `end`, in order.
  std::vector<written_batch const*> batches_of(log_promise const& promise, std::int64_t end) const;

 private:
  void count_sequence();
};

// The promise as it is if the cut that was asked for happened.
log_promise after_cut(log_promise promise);

// All logs of a directory, by log id; kept by the test, outside the simulated host.
struct log_ledger {
  std::map<std::uint64_t, log_book> books;
  std::uint64_t next_batch = 0;  // numbers never repeat, so that no two batches are alike
  std::map<std::uint64_t, log_promise> promises() const;
};

// A batch of some records whose content says where it came from; `bytes` is about its size.
log::validated_batch make_batch(std::uint64_t log, std::uint64_t number, std::size_t bytes,
                                std::int32_t sequence = -1);
// The batch's bytes from the magic on.
std::string comparable_bytes(buffer_chain const& batch);

}  // namespace karst::sim
