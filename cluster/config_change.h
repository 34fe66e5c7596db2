#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cluster/refusal.h"
#include "cluster/topic_config.h"
#include "reactor/base/expected.h"

namespace karst::cluster {

// IncrementalAlterConfigs' operations by their protocol numbers (KIP-339). The last two are for
// keys that hold lists.
enum class config_operation : std::int8_t { set = 0, remove = 1, append = 2, subtract = 3 };

struct config_change {
  std::string name;
  config_operation operation = config_operation::set;
  std::optional<std::string> value;  // remove needs none
};

// A topic's overrides with the changes made, in their order; not checked for legal values. A list
// that is not overridden yet begins as what is in force. INVALID_REQUEST: no value, a key named
// twice, an operation that does not exist; INVALID_CONFIG: append to what is not a list.
expected<config_overrides, refusal> apply_changes(config_overrides overrides,
                                                  broker_config const& broker,
                                                  std::vector<config_change> const& changes);

}  // namespace karst::cluster
