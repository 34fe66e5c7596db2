#include "log/errc.h"

namespace karst::log {

std::string_view describe(errc code) {
  switch (code) {
    case errc::corrupt_batch:
      return "the record batch does not match its checksum or length";
    case errc::invalid_record:
      return "the record batch is not well-formed";
    case errc::unsupported_magic:
      return "only record batch version 2 is accepted";
    case errc::unsupported_compression:
      return "the compression codec is unknown or not allowed here";
    case errc::batch_too_large:
      return "the record batch is larger than max.message.bytes";
    case errc::invalid_timestamp:
      return "the timestamp is out of the allowed range";
    case errc::out_of_order_sequence:
      return "the producer's sequence number is out of order";
    case errc::invalid_producer_epoch:
      return "the producer was fenced by a newer epoch";
    case errc::invalid_transaction_state:
      return "a transactional batch outside a transaction";
    case errc::offset_out_of_range:
      return "the offset is out of range";
    case errc::storage_failed:
      return "a write to the log directory failed; it takes no more writes until restart";
    case errc::space_exhausted:
      return "the log directory has reached its hard space mark";
    case errc::damaged:
      return "stored records are damaged; the partition is offline";
    case errc::timed_out:
      return "it was not done in time";
    case errc::closed:
      return "the log is closed";
  }
  return "unknown";
}

bool is_refusal(karst::errc code) {
  return code == karst::errc::no_space || code == karst::errc::too_many_files ||
         code == karst::errc::no_memory;
}

}  // namespace karst::log
