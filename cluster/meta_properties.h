#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "reactor/base/expected.h"
#include "reactor/task.h"

namespace karst::cluster {

// meta.properties of a data directory, as Kafka 3.9 writes it with ZooKeeper (version 0): which
// broker of which cluster the directory belongs to.
struct meta_properties {
  std::int32_t version = 0;  // 1: a KRaft node's
  std::optional<std::int32_t> broker_id;
  std::optional<std::string> cluster_id;
  std::optional<std::string> directory_id;  // KIP-858: tells one log directory from another
};

// The text as java.util.Properties.store writes it; `now` is for its comment.
std::string format_meta_properties(meta_properties const& meta, std::int64_t now_ms);
// The error names the file.
expected<meta_properties, error> parse_meta_properties(std::string_view text,
                                                       std::string const& path);

// nullopt when the directory has none.
task<expected<std::optional<meta_properties>, error>> read_meta_properties(std::string directory);
task<expected<void, error>> write_meta_properties(std::string directory, meta_properties meta);

}  // namespace karst::cluster
