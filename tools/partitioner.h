#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace karst::tools {

// Kafka's Utils.murmur2: where Java's default partitioner puts a key, so that ours puts it there
// too.
std::uint32_t murmur2(std::string_view bytes);

// The partition of a record: by its key's hash; without a key, one partition until next_batch()
// moves on, so that batches fill (KIP-480).
class partitioner {
 public:
  explicit partitioner(std::int32_t partitions) : partitions_(partitions) {}
  std::int32_t of(std::optional<std::string_view> key) const;
  void next_batch() { sticky_ = (sticky_ + 1) % partitions_; }

 private:
  std::int32_t partitions_;
  std::int32_t sticky_ = 0;
};

}  // namespace karst::tools
