#include "cluster/group_offsets.h"

namespace karst::cluster {

group_offsets::entry& group_offsets::place_of(std::string_view topic, std::int32_t partition) {
  auto found = topics_.find(topic);
  if (found == topics_.end()) found = topics_.try_emplace(std::string{topic}).first;
  return found->second[partition];
}

void group_offsets::put(std::string_view topic, std::int32_t partition, committed_offset value,
                        log::offset at) {
  auto& entry = place_of(topic, partition);
  if (entry.at > at) return;
  if (entry.value) {
    text_bytes_ -= entry.value->metadata.size();
  } else {
    ++count_;
  }
  text_bytes_ += value.metadata.size();
  entry.value = std::move(value);
  entry.at = at;
}

void group_offsets::remove(std::string_view topic, std::int32_t partition, log::offset at) {
  auto& entry = place_of(topic, partition);
  if (entry.at > at) return;
  if (entry.value) {
    --count_;
    text_bytes_ -= entry.value->metadata.size();
  }
  entry.value.reset();
  entry.at = at;
  any_deleted_ = true;
}

committed_offset const* group_offsets::find(std::string_view topic, std::int32_t partition) const {
  auto found = topics_.find(topic);
  if (found == topics_.end()) return nullptr;
  auto each = found->second.find(partition);
  if (each == found->second.end() || !each->second.value) return nullptr;
  return &*each->second.value;
}

void group_offsets::forget_deleted() {
  if (!any_deleted_) return;
  any_deleted_ = false;
  for (auto topic = topics_.begin(); topic != topics_.end();) {
    std::erase_if(topic->second, [](auto const& each) { return !each.second.value; });
    topic = topic->second.empty() ? topics_.erase(topic) : std::next(topic);
  }
}

}  // namespace karst::cluster
