#pragma once

#include <span>

#include "cluster/broker.h"
#include "net/handler.h"
#include "net/wire/visit.h"

namespace karst::cluster {

// What an API offers: the versions that ApiVersions lists, and those that are really served.
struct offered_api {
  net::api_key key;
  net::versions listed;
  net::versions served;
};

// All APIs, in the order of their keys; a constant of the program.
std::span<offered_api const> offered_apis();

// The broker as the connections of one core see it: decodes a request, calls its handler, encodes
// the answer. A body that does not decode closes the connection, since nothing after it can be
// trusted. One per core, used only there; outlives the connections.
class dispatcher final : public net::handler {
 public:
  explicit dispatcher(broker& owner) : broker_(owner) {}

  bool admits(std::int16_t api_key, std::int16_t api_version, std::string& reason) const override;
  net::overlap overlap_of(std::int16_t api_key) const override;
  task<net::response> handle(net::request const& request) override;

 private:
  broker& broker_;
};

}  // namespace karst::cluster
