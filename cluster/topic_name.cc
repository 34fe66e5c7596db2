#include "cluster/topic_name.h"

#include <algorithm>
#include <cstddef>

namespace karst::cluster {
namespace {

constexpr std::size_t longest_topic_name =
    249;  // with "-" and a partition number it stays below 255, the longest file name

bool is_legal(char character) {
  return (character >= 'a' && character <= 'z') || (character >= 'A' && character <= 'Z') ||
         (character >= '0' && character <= '9') || character == '.' || character == '_' ||
         character == '-';
}

char metric_form(char character) { return character == '.' ? '_' : character; }

}  // namespace

bool is_valid_topic_name(std::string_view name) {
  return !name.empty() && name.size() <= longest_topic_name && name != "." && name != ".." &&
         std::ranges::all_of(name, is_legal);
}

bool topic_names_collide(std::string_view one, std::string_view other) {
  return one != other && std::ranges::equal(one, other, {}, metric_form, metric_form);
}

}  // namespace karst::cluster
