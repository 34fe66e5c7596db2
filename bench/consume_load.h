#pragma once

#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "bench/lane.h"
#include "bench/load_run.h"

namespace karst::bench {

// The consuming side of a load: connections that fetch from the leaders of their partitions. What
// is received is thrown away but for the headers of the batches, so that the load is a small part
// of what is measured; or a visitor sees it. Latency is from when a request was sent to the last
// byte of its answer, so for a reader at the end of a log it is mostly waiting for records. One
// core.
class consume_load {
 public:
  // A whole answer, its length included, and when its last byte had come.
  using visitor = std::function<void(std::span<std::byte const> answer, time_point now)>;

  // Connects to the leaders, by `patience`, and finds where the partitions begin or end: what is
  // written from now on will be read. The error names the broker and what to do. The options
  // outlive it.
  static task<expected<std::unique_ptr<consume_load>, error>> connect(load_options const& options,
                                                                      std::vector<lane> const& from,
                                                                      surplus others,
                                                                      time_point patience);
  ~consume_load();

  std::uint32_t connection_count() const { return static_cast<std::uint32_t>(connections_.size()); }
  // Before drive(). Answers are then received whole, which costs a copy.
  void visit_answers(visitor visit) { visit_ = std::move(visit); }
  // Until `stop` is requested; in consume_mode::once at most until all is read. What breaks before
  // fails the run.
  task<> drive(load_run& run, tally& counts, abort_source& stop);
  // When it has been driven, or never will be.
  task<> close();

 private:
  class connection;
  consume_load();

  std::vector<std::unique_ptr<connection>> connections_;
  visitor visit_;
};

}  // namespace karst::bench
