#include "cluster/nearest_name.h"

#include <algorithm>
#include <utility>
#include <vector>

namespace karst::cluster {
namespace {

// Levenshtein's, with one row.
std::size_t edit_distance(std::string_view one, std::string_view other) {
  std::vector<std::size_t> row(other.size() + 1);
  for (std::size_t j = 0; j <= other.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= one.size(); ++i) {
    auto diagonal = std::exchange(row[0], i);
    for (std::size_t j = 1; j <= other.size(); ++j) {
      auto replaced = diagonal + (one[i - 1] == other[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({replaced, row[j] + 1, row[j - 1] + 1});
    }
  }
  return row.back();
}

}  // namespace

void nearest_name::consider(std::string_view candidate) {
  auto distance = edit_distance(wanted_, candidate);
  if (distance < distance_) {
    distance_ = distance;
    found_ = candidate;
  }
}

}  // namespace karst::cluster
