#pragma once

#include <cstddef>
#include <string_view>

namespace karst::cluster {

// Finds the known name that a mistyped one most likely meant, for "did you mean": the one with the
// smallest edit distance, if that is at most half of the name's length; further away it would only
// confuse. A value that lives on the stack; `wanted` and the candidates must outlive it.
class nearest_name {
 public:
  explicit nearest_name(std::string_view wanted) : nearest_name(wanted, wanted.size() / 2) {}
  // With another limit: at most so many edits.
  nearest_name(std::string_view wanted, std::size_t most_edits)
      : wanted_(wanted), distance_(most_edits + 1) {}

  void consider(std::string_view candidate);
  // "" when none is near.
  std::string_view found() const { return found_; }

 private:
  std::string_view wanted_;
  std::string_view found_;
  std::size_t distance_;  // of found_; before that, what a candidate must stay below
};

}  // namespace karst::cluster
