#pragma once

#include "log/errc.h"
#include "net/wire/error_codes.h"

namespace karst::cluster {

// What a client is told when a log refuses or fails: the one place where log::errc becomes Kafka's
// code.
net::error_code to_error_code(log::errc code);

// KAFKA_STORAGE_ERROR is unknown to clients of older versions (Produce before 4, Fetch before 6)
// and would be fatal for them; they are told NOT_LEADER_OR_FOLLOWER, which makes them ask for
// metadata and come again.
net::error_code for_version(net::error_code code, std::int16_t version,
                            std::int16_t knows_storage_error);

}  // namespace karst::cluster
