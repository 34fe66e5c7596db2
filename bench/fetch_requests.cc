#include "bench/fetch_requests.h"

#include "net/messages/fetch.h"
#include "net/wire/header.h"
#include "reactor/base/endian.h"

namespace karst::bench {
namespace {

constexpr std::int16_t list_offsets_version = 1;
constexpr std::size_t length_bytes = 4;
constexpr std::size_t correlation_id_bytes = 4;
// In a Fetch request of this version: a partition's index and offset, and how far apart they are
// from those of the next.
constexpr std::size_t offset_in_partition = 4 + 4;
constexpr std::size_t partition_bytes = 4 + 4 + 8 + 8 + 4;
// Behind the partitions: no forgotten topics, no rack.
constexpr std::size_t behind_partitions = 4 + 2;

template <typename Request>
buffer make_frame(Request request, net::api_key key, std::int16_t version) {
  buffer_chain frame{net::write_request_header({.api_key = static_cast<std::int16_t>(key),
                                                .api_version = version,
                                                .client_id = "karst-bench"})};
  frame.append(net::join(net::encode(std::move(request), version)));
  auto whole = buffer::allocate(length_bytes + frame.size());
  store_be(whole.data(), static_cast<std::int32_t>(frame.size()));
  frame.copy_to(0, whole.data() + length_bytes, frame.size());
  return whole;
}

}  // namespace

fetch_requests::fetch_requests(load_options const& options, std::string topic,
                               std::vector<read_place> places)
    : mode_(options.mode), places_(std::move(places)) {
  net::fetch_request request{.max_wait_ms = options.fetch_wait_ms,
                             .min_bytes = options.fetch_bytes_min,
                             .max_bytes = options.fetch_bytes};
  auto& asked = request.topics.emplace_back();
  asked.name = topic;
  for (auto const& place : places_) {
    asked.partitions.push_back({.index = place.partition, .max_bytes = options.partition_bytes});
  }
  frame_ = make_frame(std::move(request), net::api_key::fetch, fetch_answer::version);
}

std::span<std::byte> fetch_requests::next() {
  auto* at = frame_.data() + frame_.size() - behind_partitions - places_.size() * partition_bytes;
  for (std::size_t i = 0; i < places_.size(); ++i) {
    auto const& place = places_[(turn_ + i) % places_.size()];
    store_be(at, place.partition);
    store_be(at + offset_in_partition, place.next);
    at += partition_bytes;
  }
  ++turn_;
  return {frame_.data(), frame_.size()};
}

bool fetch_requests::move_on(fetched_partition const& answered) {
  auto place = std::ranges::find(places_, answered.index, &read_place::partition);
  if (place == places_.end()) return false;
  if (answered.error != 0) return true;
  if (answered.next_offset >= 0) place->next = answered.next_offset;
  if (place->next < answered.high_watermark) return true;
  if (mode_ == consume_mode::loop) place->next = place->first;
  if (mode_ == consume_mode::once) place->ended = true;
  return true;
}

buffer make_offsets_request(load_options const& options, std::vector<lane> const& lanes) {
  net::list_offsets_request request{.replica_id = -1};
  auto& topic = request.topics.emplace_back();
  topic.name = lanes.front().topic;
  auto const when =
      options.mode == consume_mode::tail ? net::latest_timestamp : net::earliest_timestamp;
  for (auto const& each : lanes) {
    topic.partitions.push_back({.index = each.partition, .timestamp = when});
  }
  return make_frame(std::move(request), net::api_key::list_offsets, list_offsets_version);
}

expected<std::vector<read_place>, std::string> read_offsets_answer(buffer_chain const& answer) {
  auto decoded =
      net::decode<net::list_offsets_response>(answer, list_offsets_version, correlation_id_bytes);
  if (!decoded) return std::unexpected(decoded.error());
  std::vector<read_place> places;
  for (auto const& topic : decoded->message.topics) {
    for (auto const& each : topic.partitions) {
      if (each.error != net::error_code::none) {
        return std::unexpected(fmt::format("asked where {}-{} begins, it said {}", topic.name,
                                           each.index, net::name_of(each.error)));
      }
      places.push_back({each.index, each.offset, each.offset});
    }
  }
  return places;
}

}  // namespace karst::bench
