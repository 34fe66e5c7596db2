#pragma once

#include <string>
#include <string_view>

#include "cluster/config_definition.h"

namespace karst::cluster {

// What Karst does about a broker key of Kafka's.
enum class key_standing : std::uint8_t {
  served,           // it has a definition: see broker_config
  without_meaning,  // accepted with a notice: thread counts, KRaft's and the JVM's keys, what only
                    // several brokers need
  refused,  // promises something that Karst does not do yet: an error unless its value asks for
            // nothing
  unknown,
};

struct key_verdict {
  key_standing standing = key_standing::unknown;
  std::string_view reason;  // refused: what is missing; what to do instead
  std::string_view remedy;
};

key_verdict judge_key(std::string_view name);
// Whether this value of a refused key asks for nothing: empty, "false", "none", "PLAINTEXT".
bool asks_for_nothing(std::string_view value);
// What a person most likely meant by an unknown key, or "" when no known one is near.
std::string nearest_key(std::string_view name);

}  // namespace karst::cluster
