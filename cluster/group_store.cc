#include "cluster/group_store.h"

namespace karst::cluster {
namespace {

// As in Kafka's GroupMetadataManager: clients know what to do with these.
net::error_code from_log(log::errc code) {
  switch (code) {
    case log::errc::batch_too_large:
      return net::error_code::invalid_commit_offset_size;
    case log::errc::timed_out:
    case log::errc::space_exhausted:
      return net::error_code::coordinator_not_available;
    case log::errc::closed:
    case log::errc::storage_failed:
    case log::errc::damaged:
      return net::error_code::not_coordinator;
    default:
      return net::error_code::unknown_server_error;
  }
}

}  // namespace

task<expected<stored_records, net::error_code>> append_group_records(
    partition_manager& partitions, log::log_id log, std::vector<record_to_store> records,
    wall_ms now, time_point deadline) {
  auto* partition = partitions.find(log);
  if (partition == nullptr) co_return std::unexpected(net::error_code::not_coordinator);
  log::batch_builder builder;
  for (auto const& each : records) builder.add(now, each.key, each.value);
  buffer_chain batch{builder.finish()};
  auto appended = co_await partition->append(batch, {.deadline = deadline});
  if (!appended) co_return std::unexpected(from_log(appended.error().code));
  co_return stored_records{appended->first, appended->end};
}

task<net::error_code> group_records_durable(partition_manager& partitions, log::log_id log,
                                            log::offset end, time_point deadline) {
  auto* partition = partitions.find(log);
  if (partition == nullptr) co_return net::error_code::not_coordinator;
  auto durable = co_await partition->committed(end, deadline);
  co_return durable ? net::error_code::none : from_log(durable.error());
}

}  // namespace karst::cluster
