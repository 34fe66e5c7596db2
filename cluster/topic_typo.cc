#include "cluster/topic_typo.h"

#include <algorithm>
#include <string>

#include "cluster/nearest_name.h"

namespace karst::cluster {
namespace {

constexpr std::size_t shortest = 4;
constexpr std::size_t long_name = 8;

std::string without_digits(std::string_view name) {
  std::string rest{name};
  std::erase_if(rest, [](char c) { return c >= '0' && c <= '9'; });
  return rest;
}

}  // namespace

bool may_be_typo(std::string_view name, std::string_view other) {
  auto const [shorter, longer] = std::minmax(name.size(), other.size());
  std::size_t const edits = shorter >= long_name ? 2 : 1;
  if (shorter < shortest || longer - shorter > edits || name == other) return false;
  if (without_digits(name) == without_digits(other)) return false;
  nearest_name nearest{name, edits};
  nearest.consider(other);
  return !nearest.found().empty();
}

}  // namespace karst::cluster
