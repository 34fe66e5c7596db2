#include "bench/stamp.h"

#include "bench/fetch_answer.h"
#include "bench/load_batches.h"
#include "log/batch_cursor.h"
#include "log/decompressor.h"
#include "net/messages/fetch.h"
#include "reactor/base/endian.h"
#include "reactor/core.h"

namespace karst::bench {
namespace {

constexpr std::size_t before_message = 4 + 4;  // length and correlation id
constexpr std::size_t inflated_bytes_max = 1 * GiB;
// Values with random bytes that are made in advance and take turns: more than a codec's window
// sees.
constexpr std::size_t pool_bytes = 16 * MiB;
constexpr std::size_t pool_values = 10'000;

using visitor = std::function<void(time_point due, std::size_t bytes)>;

expected<void, std::string> visit_batch(log::batch_view const& batch, std::uint64_t load,
                                        visitor const& visit) {
  auto packed = batch.bytes.subspan(log::batch_layout::header_bytes);
  auto inflated = buffer{};
  if (batch.header.compression() != log::codec::none) {
    buffer_chain copy{buffer::copy_of(packed)};
    auto outcome =
        log::decompress(batch.header.compression(), copy, 0, copy.size(), inflated_bytes_max);
    if (!outcome) return std::unexpected(std::string{"a batch cannot be inflated"});
    inflated = std::move(*outcome);
    packed = inflated.bytes();
  }
  log::record_cursor records{packed, batch.header.record_count};
  while (auto const* record = records.next()) {
    if (!record->value || record->value->size() < stamp_bytes) continue;
    auto const* value = record->value->data();
    if (load_le<std::uint64_t>(value) != load) continue;
    visit(time_point{duration{load_le<std::int64_t>(value + 8)}}, record->value->size());
  }
  if (records.failed()) return std::unexpected(std::string{"a batch holds what is no record"});
  return {};
}

}  // namespace

stamped_batches::stamped_batches(load_options const& options, std::uint64_t load)
    : options_(options), load_(load), builder_({.compression = options.compression}) {
  auto const bytes = std::max<std::size_t>(options.record_bytes, stamp_bytes);
  auto const count =
      options.random_bytes > 0 ? std::clamp<std::size_t>(pool_bytes / bytes, 1, pool_values) : 1;
  while (values_.size() < count) values_.push_back(build_value(options, values_.size()));
}

buffer stamped_batches::build(time_point due) {
  auto const now = core::current().clock().wall_now();
  for (std::uint32_t i = 0; i < options_.records_per_batch; ++i, ++number_) {
    auto& value = values_[number_ % values_.size()];
    store_le(value.data(), load_);
    store_le(value.data() + 8, static_cast<std::int64_t>(due.time_since_epoch().count()));
    if (options_.keys == 0) {
      builder_.add(now, std::nullopt, value);
    } else {
      builder_.add(now, fmt::format("key-{}", number_ % options_.keys), value);
    }
  }
  return builder_.finish();
}

expected<void, std::string> visit_stamps(std::span<std::byte const> answer, std::uint64_t load,
                                         visitor const& visit) {
  buffer_chain message{buffer::copy_of(answer.subspan(before_message))};
  auto decoded = net::decode<net::fetch_response>(message, fetch_answer::version);
  if (!decoded) return std::unexpected(decoded.error());
  for (auto& topic : decoded->message.topics) {
    for (auto& partition : topic.partitions) {
      if (!partition.records) continue;
      auto bytes = net::join(std::move(partition.records->pieces)).linearize();
      log::batch_cursor batches{bytes.bytes()};
      while (auto batch = batches.next()) {
        if (batch->header.control()) continue;
        if (auto seen = visit_batch(*batch, load, visit); !seen) return seen;
      }
    }
  }
  return {};
}

}  // namespace karst::bench
