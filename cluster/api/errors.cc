#include "cluster/api/errors.h"

namespace karst::cluster {

net::error_code to_error_code(log::errc code) {
  using enum net::error_code;
  switch (code) {
    case log::errc::corrupt_batch:
      return corrupt_message;
    case log::errc::invalid_record:
      return invalid_record;
    case log::errc::unsupported_magic:
      return unsupported_for_message_format;
    case log::errc::unsupported_compression:
      return unsupported_compression_type;
    case log::errc::batch_too_large:
      return message_too_large;
    case log::errc::invalid_timestamp:
      return invalid_timestamp;
    case log::errc::out_of_order_sequence:
      return out_of_order_sequence_number;
    case log::errc::invalid_transaction_state:
      return invalid_txn_state;
    case log::errc::invalid_producer_epoch:
      return invalid_producer_epoch;
    case log::errc::offset_out_of_range:
      return offset_out_of_range;
    // Clients retry it; the text names the mark. There is no code of its own for a full disk.
    case log::errc::space_exhausted:
      return kafka_storage_error;
    case log::errc::storage_failed:
      return kafka_storage_error;
    case log::errc::damaged:
      return kafka_storage_error;
    case log::errc::timed_out:
      return request_timed_out;
    // Deleted or moved: the client asks for metadata and finds what is true now.
    case log::errc::closed:
      return not_leader_or_follower;
  }
  return unknown_server_error;
}

net::error_code for_version(net::error_code code, std::int16_t version,
                            std::int16_t knows_storage_error) {
  auto unknown = code == net::error_code::kafka_storage_error && version < knows_storage_error;
  return unknown ? net::error_code::not_leader_or_follower : code;
}

}  // namespace karst::cluster
