#pragma once

#include <string_view>

namespace karst::cluster {

// Kafka's rule: 1 to 249 characters of [A-Za-z0-9._-], neither "." nor "..". Such a name is safe as
// part of a path and of a log line.
bool is_valid_topic_name(std::string_view name);
// Names that differ only in '.' and '_' share a metric name and are refused side by side.
bool topic_names_collide(std::string_view one, std::string_view other);

}  // namespace karst::cluster
