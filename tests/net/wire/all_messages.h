#pragma once

#include "net/messages/api_versions.h"
#include "net/messages/metadata.h"

namespace karst::net {

// Calls visit.template operator()<Message>() for every request and every response that Karst
// describes.
template <typename Visit>
void for_each_request(Visit visit) {
  visit.template operator()<api_versions_request>();
  visit.template operator()<metadata_request>();
}
template <typename Visit>
void for_each_response(Visit visit) {
  visit.template operator()<api_versions_response>();
  visit.template operator()<metadata_response>();
}
template <typename Visit>
void for_each_message(Visit visit) {
  for_each_request(visit);
  for_each_response(visit);
}

template <wire_message Message>
std::string name_of_message() {
  auto suffix = Message::info.kind == message_kind::request ? "Request" : "Response";
  return std::string{name_of(Message::info.key)} + suffix;
}

}  // namespace karst::net
