// Files that a person, Kafka or a crash may have left in a log directory: what is accepted is
// written again as the same thing.
#include "log/checkpoints.h"
#include "log/offset_index.h"
#include "log/segment_name.h"
#include "log/time_index.h"
#include "reactor/base/assert.h"

namespace karst::log {
namespace {

void parse_text(std::string_view text) {
  if (auto epochs = parse_epochs(text))
    KARST_ASSERT(parse_epochs(encode_epochs(*epochs)) == epochs);
  if (auto offsets = parse_offsets(text)) {
    KARST_ASSERT(parse_offsets(encode_offsets(*offsets)) == offsets);
  }
  if (auto id = parse_partition_metadata(text)) {
    KARST_ASSERT(parse_partition_metadata(encode_partition_metadata(*id)) == id);
  }
  if (auto name = parse_segment_name(text)) KARST_ASSERT(to_string(*name) == text, "{}", text);
  if (auto name = parse_partition_directory(text); name && name->state == directory_state::live) {
    KARST_ASSERT(partition_directory(name->topic, name->partition) == text, "{}", text);
  }
}

void parse_index(std::span<std::byte const> bytes) {
  offset base{1000};
  if (auto index = offset_index::decode(base, bytes)) {
    auto again = offset_index::decode(base, index->encode());
    KARST_ASSERT(again && again->size() == index->size());
    KARST_ASSERT(index->lookup(index->last_offset()) == index->last_position());
  }
  if (auto index = time_index::decode(base, bytes)) {
    auto again = time_index::decode(base, index->encode());
    KARST_ASSERT(again && again->size() == index->size());
    KARST_ASSERT(index->lookup(index->last().timestamp) <= index->last().at);
  }
}

}  // namespace
}  // namespace karst::log

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  karst::log::parse_text({reinterpret_cast<char const*>(data), size});
  karst::log::parse_index(std::as_bytes(std::span{data, size}));
  return 0;
}
