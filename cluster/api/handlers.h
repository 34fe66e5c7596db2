#pragma once

#include <string>

#include "cluster/broker.h"
#include "net/handler.h"
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

namespace karst::cluster {

// One request on its way through a handler. Lives in the dispatcher's frame until the answer is
// encoded, like the bytes of the request that the decoded message's views refer to.
struct request_context {
  karst::cluster::broker& broker;
  net::request const& request;
  std::int16_t version = 0;
  // A handler that must not answer (acks=0), or must close the connection, says so here.
  net::response::action what = net::response::action::reply;
  std::string close_reason = {};

  // The request is for partitions of this core only; no_core: of several.
  void note_core(core_id core) const {
    if (request.connection != nullptr) request.connection->cores.note(core);
  }
};

// One function per API, found by its request's type; each is in the file of its name. Called on the
// core of the connection. They translate and nothing else: what an answer says is decided by the
// partition, the topics, the configuration. Everything that must happen in the order of the
// requests happens before the first suspension.
task<net::alter_configs_response> handle(request_context& context,
                                         net::alter_configs_request const& request);
task<net::api_versions_response> handle(request_context& context,
                                        net::api_versions_request const& request);
task<net::create_partitions_response> handle(request_context& context,
                                             net::create_partitions_request const& request);
task<net::create_topics_response> handle(request_context& context,
                                         net::create_topics_request const& request);
task<net::delete_records_response> handle(request_context& context,
                                          net::delete_records_request const& request);
task<net::delete_topics_response> handle(request_context& context,
                                         net::delete_topics_request const& request);
task<net::describe_cluster_response> handle(request_context& context,
                                            net::describe_cluster_request const& request);
task<net::describe_configs_response> handle(request_context& context,
                                            net::describe_configs_request const& request);
task<net::describe_log_dirs_response> handle(request_context& context,
                                             net::describe_log_dirs_request const& request);
task<net::fetch_response> handle(request_context& context, net::fetch_request const& request);
task<net::incremental_alter_configs_response> handle(
    request_context& context, net::incremental_alter_configs_request const& request);
task<net::init_producer_id_response> handle(request_context& context,
                                            net::init_producer_id_request const& request);
task<net::list_offsets_response> handle(request_context& context,
                                        net::list_offsets_request const& request);
task<net::metadata_response> handle(request_context& context, net::metadata_request const& request);
task<net::offset_for_leader_epoch_response> handle(
    request_context& context, net::offset_for_leader_epoch_request const& request);
task<net::produce_response> handle(request_context& context, net::produce_request const& request);
task<net::delete_groups_response> handle(request_context& context,
                                         net::delete_groups_request const& request);
task<net::describe_groups_response> handle(request_context& context,
                                           net::describe_groups_request const& request);
task<net::find_coordinator_response> handle(request_context& context,
                                            net::find_coordinator_request const& request);
task<net::heartbeat_response> handle(request_context& context,
                                     net::heartbeat_request const& request);
task<net::join_group_response> handle(request_context& context,
                                      net::join_group_request const& request);
task<net::leave_group_response> handle(request_context& context,
                                       net::leave_group_request const& request);
task<net::list_groups_response> handle(request_context& context,
                                       net::list_groups_request const& request);
task<net::offset_commit_response> handle(request_context& context,
                                         net::offset_commit_request const& request);
task<net::offset_delete_response> handle(request_context& context,
                                         net::offset_delete_request const& request);
task<net::offset_fetch_response> handle(request_context& context,
                                        net::offset_fetch_request const& request);
task<net::sync_group_response> handle(request_context& context,
                                      net::sync_group_request const& request);

}  // namespace karst::cluster
