#include "log/batch_rewriter.h"

#include "log/batch_cursor.h"
#include "log/compressor.h"
#include "log/limits.h"
#include "reactor/yield.h"

namespace karst::log {
namespace {

// What the header becomes, but for length and CRC.
batch_header planned_header(batch_header header, rewrite_plan const& plan) {
  header.attributes &= static_cast<std::int16_t>(~batch_attributes::log_append_time);
  if (plan.max_timestamp) header.max_timestamp = *plan.max_timestamp;
  if (plan.log_append_time) {
    header.attributes |= batch_attributes::log_append_time;
    header.max_timestamp = *plan.log_append_time;
  }
  if (plan.recompress_to) {
    header.attributes &= static_cast<std::int16_t>(~batch_attributes::codec_mask);
    header.attributes |= static_cast<std::int16_t>(*plan.recompress_to);
  }
  return header;
}

// Puts header and records together and computes the CRC.
validated_batch assemble(batch_header header, buffer_chain records) {
  header.length = static_cast<std::int32_t>(batch_layout::header_bytes - batch_layout::length_end +
                                            records.size());
  buffer_chain bytes;
  {
    auto head = buffer::allocate(batch_layout::header_bytes);
    header.encode(head.data());
    bytes.append(std::move(head));
  }
  bytes.append(std::move(records));
  header.crc = compute_crc(bytes);
  auto head = buffer::allocate(batch_layout::header_bytes);
  header.encode(head.data());
  bytes.trim_front(batch_layout::header_bytes);
  buffer_chain whole{std::move(head)};
  whole.append(std::move(bytes));
  return {std::move(whole), header};
}

task<expected<std::vector<std::byte>, errc>> inflate_all(validated_batch const& batch,
                                                         decompressor& inflate,
                                                         std::size_t most_output) {
  std::vector<std::byte> all;
  inflate.start(batch.header.compression(), batch.bytes, batch_layout::records,
                batch.bytes.size() - batch_layout::records, most_output);
  while (true) {
    auto slice = inflate.next();
    if (!slice) co_return std::unexpected(slice.error());
    if (slice->empty()) break;
    all.insert(all.end(), slice->begin(), slice->end());
    co_await yield{};
  }
  co_return all;
}

task<expected<buffer_chain, errc>> recompress(validated_batch const& batch, codec to,
                                              decompressor& inflate, std::size_t most_output) {
  std::vector<std::byte> records;
  compressor deflate;
  deflate.start(to, records);
  inflate.start(batch.header.compression(), batch.bytes, batch_layout::records,
                batch.bytes.size() - batch_layout::records, most_output);
  while (true) {
    auto slice = inflate.next();
    if (!slice) co_return std::unexpected(slice.error());
    if (slice->empty()) break;
    deflate.write(*slice);
    co_await yield{};
  }
  deflate.finish();
  co_return buffer_chain{buffer::copy_of(records)};
}

task<expected<buffer_chain, errc>> renumber(validated_batch const& batch, codec to,
                                            decompressor& inflate, std::size_t most_output) {
  auto most = std::min(most_output, limit::renumbered_bytes);
  auto inflated = co_await inflate_all(batch, inflate, most);
  if (!inflated) co_return std::unexpected(inflated.error());
  std::vector<std::byte> records;
  compressor deflate;
  deflate.start(to, records);
  std::vector<std::byte> one;
  record_cursor cursor{*inflated, batch.header.record_count};
  for (std::int32_t index = 0; auto const* next = cursor.next(); ++index) {
    auto entry = *next;
    entry.offset_delta = index;
    one.resize(encoded_size(entry));
    encode(entry, one.data());
    deflate.write(one);
    constexpr std::int32_t records_per_slice = 1024;
    if (index % records_per_slice == records_per_slice - 1) co_await yield{};
  }
  if (cursor.failed()) co_return std::unexpected(errc::invalid_record);
  deflate.finish();
  co_return buffer_chain{buffer::copy_of(records)};
}

}  // namespace

task<expected<validated_batch, errc>> rewrite(validated_batch batch, rewrite_plan plan,
                                              decompressor& inflate, std::size_t most_output) {
  auto header = planned_header(batch.header, plan);
  if (!plan.renumber && !plan.recompress_to) {
    batch.bytes.trim_front(batch_layout::header_bytes);
    co_return assemble(header, std::move(batch.bytes));
  }
  auto records = plan.renumber
                     ? co_await renumber(batch, header.compression(), inflate, most_output)
                     : co_await recompress(batch, header.compression(), inflate, most_output);
  if (!records) co_return std::unexpected(records.error());
  co_return assemble(header, std::move(*records));
}

}  // namespace karst::log
