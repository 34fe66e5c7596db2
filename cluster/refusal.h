#pragma once

#include <string>

#include "net/wire/error_codes.h"
#include "reactor/base/expected.h"

namespace karst::cluster {

// Why a request is not done, as a client sees it: Kafka's code and a text for people (empty where
// the code says all).
struct refusal {
  net::error_code code = net::error_code::unknown_server_error;
  std::string message;
};

inline unexpected<refusal> refuse(net::error_code code, std::string message) {
  return unexpected<refusal>(refusal{code, std::move(message)});
}

}  // namespace karst::cluster
