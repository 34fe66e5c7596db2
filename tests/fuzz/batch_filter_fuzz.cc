// Batches that compaction meets: whatever their records, nothing outside them is read, and what it
// writes is a batch of which a second pass keeps everything.
#include "log/batch_cursor.h"
#include "log/batch_filter.h"
#include "reactor/base/assert.h"

namespace karst::log {
namespace {

constexpr wall_ms now = 1'700'000'000'000;

buffer_chain in_pieces(std::span<std::byte const> bytes, std::size_t piece) {
  buffer_chain chain;
  for (; !bytes.empty(); bytes = bytes.subspan(std::min(piece, bytes.size()))) {
    chain.append(buffer::copy_of(bytes.first(std::min(piece, bytes.size()))));
  }
  return chain;
}

expected<filter_verdict, errc> run(batch_filter& filter, buffer_chain const& chain,
                                   batch_header const& header, filter_rules const& rules) {
  filter.start(chain, header, rules, false);
  while (true) {
    auto verdict = filter.step();
    if (!verdict || *verdict != filter_verdict::more) return verdict;
  }
}

void filter_twice(std::span<std::byte const> records, std::uint8_t how, std::size_t piece) {
  std::vector<std::byte> batch(batch_layout::header_bytes);
  batch.insert(batch.end(), records.begin(), records.end());
  batch_header header{
      .length = static_cast<std::int32_t>(batch.size() - batch_layout::length_end),
      .attributes = static_cast<std::int16_t>((how & 0x07) | ((how & 0x08) != 0 ? 0x40 : 0)),
      .last_offset_delta = 1000,
      .base_timestamp = now,
      .max_timestamp = now,
      .record_count = how >> 4};
  header.encode(batch.data());
  store_be(batch.data() + batch_layout::crc, compute_crc(batch));
  compaction_map map{16, MiB, 1};
  (void)map.put({}, {2});
  map.looked_at({500});
  filter_rules rules{.map = &map, .now = now + 1, .max_message_bytes = 4096};
  static decompressor inflate;
  static batch_filter filter{inflate};
  auto verdict = run(filter, in_pieces(batch, piece), header, rules);
  if (!verdict || *verdict != filter_verdict::rewrite) return;
  std::vector<std::byte> const made{filter.result().begin(), filter.result().end()};
  KARST_ASSERT(crc_matches(made));
  batch_cursor cursor{made};
  auto again = cursor.next();
  KARST_ASSERT(again && cursor.consumed() == made.size());
  KARST_ASSERT(again->header.last() == header.last() && again->header.record_count > 0);
  auto second = run(filter, in_pieces(made, piece), again->header, rules);
  KARST_ASSERT(second && *second == filter_verdict::keep);
}

}  // namespace
}  // namespace karst::log

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  if (size < 2) return 0;
  karst::log::filter_twice(std::as_bytes(std::span{data + 2, size - 2}), data[0], data[1] + 1U);
  return 0;
}
