#pragma once

#include <memory>

#include "bench/sink_answers.h"
#include "reactor/abort.h"
#include "reactor/socket.h"
#include "reactor/task_set.h"

namespace karst::bench {

// A broker that takes what is produced and keeps nothing, and hands out the same megabyte again and
// again: what a load can do against it is what the load and its machine can do at most. On
// 127.0.0.1, one core. close() before it goes.
class sink {
 public:
  // Listens. The error names the port.
  static expected<std::unique_ptr<sink>, error> open(std::uint16_t port, std::int32_t partitions);
  ~sink();

  std::uint16_t port() const { return listener_->port(); }
  // Serves connections until close().
  void start();
  task<> close();

 private:
  class connection;
  explicit sink(std::unique_ptr<listener> listener, std::int32_t partitions);
  task<> accept_connections();
  task<> serve(int descriptor);

  std::unique_ptr<listener> listener_;
  sink_answers answers_;
  abort_source closing_;
  task_set tasks_;
};

}  // namespace karst::bench
