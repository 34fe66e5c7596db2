// Records of __consumer_offsets of any bytes: nothing is read beyond them, and what was understood
// is understood the same once it is written again.
#include "cluster/group_records.h"
#include "reactor/base/assert.h"

namespace {

using namespace karst::cluster;

void check(std::string_view key, std::optional<std::string_view> value) {
  auto read = read_group_record(key, value);
  if (!read) return;
  if (auto const* offset = std::get_if<offset_record>(&*read)) {
    if (!offset->value) return;
    auto written_key = offset_record_key(offset->group, offset->topic, offset->partition);
    auto again = read_group_record(written_key, offset_record_value(*offset->value));
    KARST_ASSERT(again);
    auto wanted = *offset->value;
    // Only one of the two has a place in a value.
    if (wanted.expire_timestamp >= 0) wanted.leader_epoch = -1;
    if (wanted.expire_timestamp < 0) wanted.expire_timestamp = -1;
    KARST_ASSERT(std::get<offset_record>(*again).value == wanted);
  } else if (auto const* group = std::get_if<group_record>(&*read)) {
    if (!group->value) return;
    auto again =
        read_group_record(group_record_key(group->group), group_record_value(*group->value));
    KARST_ASSERT(again);
    KARST_ASSERT(std::get<group_record>(*again).value == group->value);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  if (size == 0) return 0;
  std::string_view bytes{reinterpret_cast<char const*>(data + 1), size - 1};
  auto split = std::min<std::size_t>(data[0], bytes.size());
  check(bytes.substr(0, split), bytes.substr(split));
  check(bytes, std::nullopt);
  (void)partition_of_group(bytes, 50);
  return 0;
}
