#pragma once

#include <memory>
#include <string>

#include "reactor/abort.h"
#include "reactor/base/expected.h"
#include "reactor/task.h"

namespace karst::tools {

// Writes to standard output on a thread of its own: whoever reads our output may stop reading for
// as long as it likes (a pager), and what else this core does goes on. One write at a time. A
// thread that sits in write(2) when the writer goes does so until the process ends.
class output_writer {
 public:
  output_writer();
  ~output_writer();
  output_writer(output_writer const&) = delete;

  // Done when the kernel has all of it. reset: who read it has gone; cancelled: `abort` came first,
  // and how much was written is not known.
  task<expected<void, error>> write(std::string text, abort_source* abort);

 private:
  struct state;
  std::shared_ptr<state> state_;
};

}  // namespace karst::tools
