#include "cluster/metadata_cache.h"

namespace karst::cluster {

partition_metadata const* topic_metadata::find(std::int32_t partition) const {
  if (partition < 0 || static_cast<std::size_t>(partition) >= partitions.size()) return nullptr;
  return &partitions[static_cast<std::size_t>(partition)];
}

topic_metadata const* metadata_snapshot::find(std::string_view topic) const {
  auto found = topics.find(topic);
  return found == topics.end() ? nullptr : found->second.get();
}

topic_metadata const* metadata_snapshot::find(uuid const& topic_id) const {
  auto found = topics_by_id.find(topic_id);
  return found == topics_by_id.end() ? nullptr : found->second.get();
}

partition_metadata const* metadata_snapshot::find(std::string_view topic,
                                                  std::int32_t partition) const {
  auto const* found = find(topic);
  return found == nullptr ? nullptr : found->find(partition);
}

void metadata_cache::replace(std::shared_ptr<metadata_snapshot const> snapshot) {
  // A pointer of its own over the shared one: its count lives and is touched on this core only.
  auto const* content = snapshot.get();
  current_ = std::shared_ptr<metadata_snapshot const>{
      content, [shared = std::move(snapshot)](metadata_snapshot const*) {}};
}

}  // namespace karst::cluster
