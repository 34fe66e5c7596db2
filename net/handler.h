#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "net/core_preference.h"
#include "net/limits.h"
#include "net/piece.h"
#include "reactor/socket.h"
#include "reactor/task.h"

namespace karst::net {

// What a handler may know of the connection that a request came by. Lives as long as the
// connection.
struct connection_info {
  std::uint64_t id = 0;         // unique in the process
  std::string peer;             // "127.0.0.1:51234"
  std::string client_software;  // from ApiVersions v3+: "librdkafka 2.0.2", escaped
  abort_source closing;         // requested when the connection ends: parked fetches give up
  bool stopping = false;        // it ends because the broker stops: answers are still sent
  core_preference cores{limit::requests_before_move};  // Produce and Fetch say where they went
};

// One request, its header decoded. `body` holds the bytes after the header; views decoded from it
// are valid while the request lives. Bytes are in the receive memory of the connection's core.
struct request {
  std::int16_t api_key = 0;
  std::int16_t api_version = 0;
  std::int32_t correlation_id = 0;
  std::optional<std::string> client_id;
  buffer_chain body;
  time_point received_at{};
  connection_info* connection = nullptr;
};

struct response {
  enum class action : std::uint8_t {
    reply,    // send header and body
    nothing,  // acks=0: send nothing, keep the connection
    close,    // send nothing more, close the connection (log `reason` once, rate-limited)
  };
  action what = action::reply;
  std::string reason;                // for close
  bool flexible_header = false;      // response header v1
  std::vector<response_piece> body;  // after the header, in order
};

// How requests of one connection may overlap. Requests start in order and are answered in order.
enum class overlap : std::uint8_t {
  alone,    // starts when all earlier requests of the connection are answered, and holds back all
            // later ones
  produce,  // may overlap others of the same kind
};

// The broker as the connections see it, one per core. Called on the connection's core.
class handler {
 public:
  virtual ~handler() = default;
  // Before anything of the body is read: may this key and version be served at all? Otherwise the
  // connection is closed with `reason` (ApiVersions is always admitted: its handler answers error
  // 35).
  virtual bool admits(std::int16_t api_key, std::int16_t api_version,
                      std::string& reason) const = 0;
  virtual overlap overlap_of(std::int16_t api_key) const = 0;
  // Header version rules (flexible or not) come from net/wire/api_keys. The part before the first
  // suspension runs in the order of the requests.
  virtual task<response> handle(request const& request) = 0;
};

}  // namespace karst::net
