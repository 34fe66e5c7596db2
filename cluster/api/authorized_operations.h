#pragma once

#include <cstdint>

namespace karst::cluster {

// Bit sets of AclOperation codes, as answers carry them when they are asked for (KIP-430). Without
// an authorizer everything is allowed that exists for the kind of resource.
inline constexpr std::int32_t operations_on_topic = 1 << 3 |     // READ
                                                    1 << 4 |     // WRITE
                                                    1 << 5 |     // CREATE
                                                    1 << 6 |     // DELETE
                                                    1 << 7 |     // ALTER
                                                    1 << 8 |     // DESCRIBE
                                                    1 << 10 |    // DESCRIBE_CONFIGS
                                                    1 << 11;     // ALTER_CONFIGS
inline constexpr std::int32_t operations_on_cluster = 1 << 5 |   // CREATE
                                                      1 << 7 |   // ALTER
                                                      1 << 8 |   // DESCRIBE
                                                      1 << 9 |   // CLUSTER_ACTION
                                                      1 << 10 |  // DESCRIBE_CONFIGS
                                                      1 << 11 |  // ALTER_CONFIGS
                                                      1 << 12;   // IDEMPOTENT_WRITE
inline constexpr std::int32_t operations_on_group = 1 << 3 |     // READ
                                                    1 << 6 |     // DELETE
                                                    1 << 8 |     // DESCRIBE
                                                    1 << 10 |    // DESCRIBE_CONFIGS
                                                    1 << 11;     // ALTER_CONFIGS

}  // namespace karst::cluster
