#include "bench/produce_requests.h"

#include "net/messages/produce.h"
#include "net/wire/header.h"
#include "reactor/base/endian.h"

namespace karst::bench {
namespace {

// Every client speaks this version; records are its last field, and its answers have the error code
// at a fixed place.
constexpr std::int16_t produce_version = 7;
constexpr std::int32_t request_timeout_ms = 30'000;
constexpr std::size_t length_bytes = 4;
// Behind length, key and version.
constexpr std::size_t correlation_id_at = length_bytes + 2 + 2;
// Of an answer: behind length, correlation id and the number of topics.
constexpr std::size_t topic_size_at = length_bytes + 4 + 4;

// A whole frame up to its records.
buffer make_head(load_options const& options, lane const& to) {
  net::produce_request request;
  request.acks = options.acks;
  request.timeout_ms = request_timeout_ms;
  auto& topic = request.topics.emplace_back();
  topic.name = to.topic;
  topic.partitions.emplace_back().index = to.partition;
  buffer_chain frame{buffer::allocate(length_bytes)};
  frame.append(
      net::write_request_header({.api_key = static_cast<std::int16_t>(net::api_key::produce),
                                 .api_version = produce_version,
                                 .client_id = "karst-bench"}));
  frame.append(net::join(net::encode(std::move(request), produce_version)));
  auto head = buffer::allocate(frame.size());
  frame.copy_to(0, head.data(), frame.size());
  return head;
}

}  // namespace

produce_requests::produce_requests(load_options const& options, std::vector<lane> const& lanes,
                                   std::vector<buffer> const& batches, stamped_batches* stamped)
    : batches_(batches), stamped_(stamped), slot_batches_(options.in_flight) {
  for (auto const& each : lanes) {
    heads_.push_back(make_head(options, each));
    slot_bytes_ = std::max(slot_bytes_, heads_.back().size());
  }
  slots_.resize(slot_bytes_ * options.in_flight);
}

produce_requests::request produce_requests::next(std::uint32_t slot, std::int32_t correlation_id,
                                                 time_point due) {
  auto const& head = heads_[turn_ % heads_.size()];
  if (stamped_ != nullptr) slot_batches_[slot] = stamped_->build(due);
  auto const& batch = stamped_ != nullptr ? slot_batches_[slot] : batches_[turn_ % batches_.size()];
  ++turn_;
  auto* to = slots_.data() + slot * slot_bytes_;
  std::memcpy(to, head.data(), head.size());
  auto const records = static_cast<std::int32_t>(batch.size());
  store_be(to, static_cast<std::int32_t>(head.size() - length_bytes) + records);
  store_be(to + correlation_id_at, correlation_id);
  store_be(to + head.size() - sizeof records, records);
  return {{to, head.size()}, {const_cast<std::byte*>(batch.data()), batch.size()}};
}

std::optional<std::int16_t> produce_requests::error_code_of(std::span<std::byte const> answer,
                                                            std::int32_t correlation_id) {
  if (answer.size() < topic_size_at + 2) return std::nullopt;
  if (load_be<std::int32_t>(answer.data() + length_bytes) != correlation_id) return std::nullopt;
  auto topic_bytes = load_be<std::uint16_t>(answer.data() + topic_size_at);
  // Behind the topic's name: the number of partitions and the partition's own.
  auto at = topic_size_at + 2 + topic_bytes + 4 + 4;
  if (answer.size() < at + 2) return std::nullopt;
  return load_be<std::int16_t>(answer.data() + at);
}

}  // namespace karst::bench
