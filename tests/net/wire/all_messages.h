#pragma once

#include "net/messages/alter_configs.h"
#include "net/messages/api_versions.h"
#include "net/messages/create_partitions.h"
#include "net/messages/create_topics.h"
#include "net/messages/delete_groups.h"
#include "net/messages/delete_records.h"
#include "net/messages/delete_topics.h"
#include "net/messages/describe_cluster.h"
#include "net/messages/describe_configs.h"
#include "net/messages/describe_groups.h"
#include "net/messages/describe_log_dirs.h"
#include "net/messages/fetch.h"
#include "net/messages/find_coordinator.h"
#include "net/messages/heartbeat.h"
#include "net/messages/incremental_alter_configs.h"
#include "net/messages/init_producer_id.h"
#include "net/messages/join_group.h"
#include "net/messages/leave_group.h"
#include "net/messages/list_groups.h"
#include "net/messages/list_offsets.h"
#include "net/messages/metadata.h"
#include "net/messages/offset_commit.h"
#include "net/messages/offset_delete.h"
#include "net/messages/offset_fetch.h"
#include "net/messages/offset_for_leader_epoch.h"
#include "net/messages/produce.h"
#include "net/messages/sync_group.h"

namespace karst::net {

// Calls visit.template operator()<Message>() for every request and every response that Karst
// describes.
template <typename Visit>
void for_each_request(Visit visit) {
  visit.template operator()<alter_configs_request>();
  visit.template operator()<api_versions_request>();
  visit.template operator()<create_partitions_request>();
  visit.template operator()<create_topics_request>();
  visit.template operator()<delete_groups_request>();
  visit.template operator()<delete_records_request>();
  visit.template operator()<delete_topics_request>();
  visit.template operator()<describe_cluster_request>();
  visit.template operator()<describe_configs_request>();
  visit.template operator()<describe_groups_request>();
  visit.template operator()<describe_log_dirs_request>();
  visit.template operator()<fetch_request>();
  visit.template operator()<find_coordinator_request>();
  visit.template operator()<heartbeat_request>();
  visit.template operator()<incremental_alter_configs_request>();
  visit.template operator()<init_producer_id_request>();
  visit.template operator()<join_group_request>();
  visit.template operator()<leave_group_request>();
  visit.template operator()<list_groups_request>();
  visit.template operator()<list_offsets_request>();
  visit.template operator()<metadata_request>();
  visit.template operator()<offset_commit_request>();
  visit.template operator()<offset_delete_request>();
  visit.template operator()<offset_fetch_request>();
  visit.template operator()<offset_for_leader_epoch_request>();
  visit.template operator()<produce_request>();
  visit.template operator()<sync_group_request>();
}
template <typename Visit>
void for_each_response(Visit visit) {
  visit.template operator()<alter_configs_response>();
  visit.template operator()<api_versions_response>();
  visit.template operator()<create_partitions_response>();
  visit.template operator()<create_topics_response>();
  visit.template operator()<delete_groups_response>();
  visit.template operator()<delete_records_response>();
  visit.template operator()<delete_topics_response>();
  visit.template operator()<describe_cluster_response>();
  visit.template operator()<describe_configs_response>();
  visit.template operator()<describe_groups_response>();
  visit.template operator()<describe_log_dirs_response>();
  visit.template operator()<fetch_response>();
  visit.template operator()<find_coordinator_response>();
  visit.template operator()<heartbeat_response>();
  visit.template operator()<incremental_alter_configs_response>();
  visit.template operator()<init_producer_id_response>();
  visit.template operator()<join_group_response>();
  visit.template operator()<leave_group_response>();
  visit.template operator()<list_groups_response>();
  visit.template operator()<list_offsets_response>();
  visit.template operator()<metadata_response>();
  visit.template operator()<offset_commit_response>();
  visit.template operator()<offset_delete_response>();
  visit.template operator()<offset_fetch_response>();
  visit.template operator()<offset_for_leader_epoch_response>();
  visit.template operator()<produce_response>();
  visit.template operator()<sync_group_response>();
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
