#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "cluster/group_records.h"
#include "cluster/limits.h"
#include "log/types.h"

namespace karst::cluster {

// The committed offsets of one group. Each change comes with the offset of its record in
// __consumer_offsets, and what is known is what the newest record says, in whatever order the
// changes become known: live state is thus what a replay of the log gives. A plain value on the
// group's core.
class group_offsets {
 public:
  // The record at `at` of the log is durable.
  void put(std::string_view topic, std::int32_t partition, committed_offset value, log::offset at);
  void remove(std::string_view topic, std::int32_t partition, log::offset at);

  committed_offset const* find(std::string_view topic, std::int32_t partition) const;
  bool empty() const { return count_ == 0; }
  std::size_t size() const { return count_; }
  // About what they hold, for the core's budget.
  std::size_t memory_bytes() const { return count_ * limit::offset_bytes + text_bytes_; }

  // In the order of topics and partitions: visit(topic, partition, committed_offset const&).
  template <typename Visit>
  void for_each(Visit visit) const {
    for (auto const& [topic, partitions] : topics_) {
      for (auto const& [partition, each] : partitions) {
        if (each.value) visit(topic, partition, *each.value);
      }
    }
  }
  template <typename Visit>
  void for_each_of(std::string_view topic, Visit visit) const {
    auto found = topics_.find(topic);
    if (found == topics_.end()) return;
    for (auto const& [partition, each] : found->second) {
      if (each.value) visit(partition, *each.value);
    }
  }

  // No record is on its way any more: what was deleted need not be remembered.
  void forget_deleted();

 private:
  struct entry {
    std::optional<committed_offset> value;  // nullopt: deleted, remembered against older records
    log::offset at = log::no_offset;
  };
  entry& place_of(std::string_view topic, std::int32_t partition);

  std::map<std::string, std::map<std::int32_t, entry>, std::less<>> topics_;
  std::size_t count_ = 0;
  std::size_t text_bytes_ = 0;  // of metadata
  bool any_deleted_ = false;
};

}  // namespace karst::cluster
