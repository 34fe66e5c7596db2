// Batches that clients send: whatever the bytes, the validator and the cursors agree, and neither
// reads outside them.
#include "log/batch_cursor.h"
#include "log/batch_validator.h"
#include "reactor/base/assert.h"

namespace karst::log {
namespace {

buffer_chain in_pieces(std::span<std::byte const> bytes, std::size_t piece) {
  buffer_chain chain;
  for (; !bytes.empty(); bytes = bytes.subspan(std::min(piece, bytes.size()))) {
    chain.append(buffer::copy_of(bytes.first(std::min(piece, bytes.size()))));
  }
  return chain;
}

// How many records a cursor reads before it fails or ends.
bool cursor_reads_all(std::span<std::byte const> records, std::int32_t count) {
  record_cursor cursor{records, count};
  std::int32_t read = 0;
  while (cursor.next() != nullptr) ++read;
  return !cursor.failed() && read == count;
}

void walk(std::span<std::byte const> bytes) {
  batch_cursor cursor{bytes};
  while (auto batch = cursor.next()) {
    crc_matches(batch->bytes);
    if (batch->header.codec_bits() == 0) {
      cursor_reads_all(batch->bytes.subspan(batch_layout::records), batch->header.record_count);
    }
  }
  KARST_ASSERT(cursor.consumed() <= bytes.size());
}

// The same bytes with a header that lets the records be reached.
void validate(std::span<std::byte const> bytes, std::size_t piece) {
  std::vector<std::byte> batch{bytes.begin(), bytes.end()};
  if (batch.size() >= batch_layout::header_bytes && (batch[0] & std::byte{1}) != std::byte{0}) {
    auto header = batch_header::decode(batch.data());
    header.base = offset{0};
    header.length = static_cast<std::int32_t>(batch.size() - batch_layout::length_end);
    header.magic = 2;
    header.attributes = 0;
    header.record_count &= 0xff;
    header.last_offset_delta = header.record_count - 1;
    header.producer = {-1};
    header.encode(batch.data());
    store_be(batch.data() + batch_layout::crc, compute_crc(batch));
  }
  batch_validator validator;
  validation_rules rules{.max_message_bytes = 1 << 20, .now = 1'700'000'000'000};
  for (auto size : {batch.size() + 1, piece}) {
    auto chain = in_pieces(batch, size);
    if (!batch_validator::quick(chain, rules)) return;
    auto result = validator.validate_now(chain, rules);
    // nullopt: well-formed, but to be rewritten.
    bool good = !result || result->has_value();
    if (good) {
      auto header = batch_header::decode(batch.data());
      KARST_ASSERT(
          cursor_reads_all(std::span{batch}.subspan(batch_layout::records), header.record_count));
    }
  }
}

}  // namespace
}  // namespace karst::log

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  if (size < 1) return 0;
  auto piece = static_cast<std::size_t>(data[0] % 64) + 1;
  auto bytes = std::as_bytes(std::span{data + 1, size - 1});
  karst::log::walk(bytes);
  karst::log::validate(bytes, piece);
  return 0;
}
