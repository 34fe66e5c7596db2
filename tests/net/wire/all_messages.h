#pragma once

#include "net/messages/api_versions.h"
#include "net/messages/create_topics.h"
#include "net/messages/delete_topics.h"
#include "net/messages/describe_cluster.h"
#include "net/messages/describe_configs.h"
#include "net/messages/fetch.h"
#include "net/messages/init_producer_id.h"
#include "net/messages/list_offsets.h"
#include "net/messages/metadata.h"
#include "net/messages/offset_for_leader_epoch.h"
#include "net/messages/produce.h"

namespace karst::net {

// Calls visit.template operator()<Message>() for every request and every response that Karst
// describes.
template <typename Visit>
void for_each_request(Visit visit) {
  visit.template operator()<api_versions_request>();
  visit.template operator()<create_topics_request>();
  visit.template operator()<delete_topics_request>();
  visit.template operator()<describe_cluster_request>();
  visit.template operator()<describe_configs_request>();
  visit.template operator()<fetch_request>();
  visit.template operator()<init_producer_id_request>();
  visit.template operator()<list_offsets_request>();
  visit.template operator()<metadata_request>();
  visit.template operator()<offset_for_leader_epoch_request>();
  visit.template operator()<produce_request>();
}
template <typename Visit>
void for_each_response(Visit visit) {
  visit.template operator()<api_versions_response>();
  visit.template operator()<create_topics_response>();
  visit.template operator()<delete_topics_response>();
  visit.template operator()<describe_cluster_response>();
  visit.template operator()<describe_configs_response>();
  visit.template operator()<fetch_response>();
  visit.template operator()<init_producer_id_response>();
  visit.template operator()<list_offsets_response>();
  visit.template operator()<metadata_response>();
  visit.template operator()<offset_for_leader_epoch_response>();
  visit.template operator()<produce_response>();
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
