#pragma once

#include <memory>
#include <optional>
#include <string>

#include "reactor/base/expected.h"
#include "reactor/task.h"

namespace karst::tools {

// Reads standard input or files on a thread of its own, because a read from a terminal or a pipe
// may take as long as it likes; hands the bytes to the core in the pieces in which they come. A
// bounded number of pieces ahead.
class input_reader {
 public:
  // No path: standard input. Opens all files first, so that a missing one fails before anything is
  // sent.
  static expected<input_reader, error> open(std::vector<std::string> const& paths);
  ~input_reader();
  input_reader(input_reader&&) noexcept;

  // The next piece; nullopt at the end.
  task<expected<std::optional<std::string>, error>> next();
  // A piece is there already: who waits with a half-full batch may go on filling it.
  bool ready() const;
  // Bytes of all files together; nullopt when that is not known (pipes).
  std::optional<std::uint64_t> total() const;

 private:
  struct state;
  explicit input_reader(std::shared_ptr<state> shared);
  std::shared_ptr<state> state_;
};

}  // namespace karst::tools
