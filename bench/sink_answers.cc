#include "bench/sink_answers.h"

#include "bench/load_batches.h"
#include "log/batch_builder.h"
#include "reactor/base/endian.h"

namespace karst::bench {
namespace {

using net::api_key;

constexpr std::size_t length_bytes = 4;
constexpr std::int32_t node = 1;
constexpr std::string_view host = "127.0.0.1";
// What each partition holds: batches of 64 records of 1,000 bytes, about a megabyte.
constexpr std::int64_t batches = 16;
constexpr std::uint32_t records_per_batch = 64;
constexpr std::uint32_t record_bytes = 1000;

struct offered_version {
  api_key key;
  std::int16_t lowest;
  std::int16_t highest;
};
// The newest without flexible encoding; Produce up to what answer_produce writes.
constexpr offered_version offered[] = {
    {api_key::produce, 3, 7},          {api_key::fetch, 4, 11},
    {api_key::list_offsets, 1, 5},     {api_key::metadata, 0, 8},
    {api_key::api_versions, 0, 3},     {api_key::create_topics, 2, 4},
    {api_key::init_producer_id, 0, 1},
};

// Reads big-endian fields one after another; past the end it reads zeros and says so.
class field_reader {
 public:
  explicit field_reader(std::span<std::byte const> bytes) : bytes_(bytes) {}

  template <typename T>
  T take() {
    if (bytes_.size() < sizeof(T)) return fail<T>();
    auto value = load_be<T>(bytes_.data());
    bytes_ = bytes_.subspan(sizeof(T));
    return value;
  }
  // A length of -1 is null: nothing follows.
  template <typename Length>
  std::span<std::byte const> take_bytes() {
    auto length = static_cast<std::size_t>(std::max<Length>(take<Length>(), 0));
    if (bytes_.size() < length) return fail<std::span<std::byte const>>();
    auto taken = bytes_.first(length);
    bytes_ = bytes_.subspan(length);
    return taken;
  }
  bool failed() const { return failed_; }

 private:
  template <typename T>
  T fail() {
    failed_ = true;
    bytes_ = {};
    return {};
  }
  std::span<std::byte const> bytes_;
  bool failed_ = false;
};

template <typename T>
void put(std::vector<std::byte>& to, T value) {
  auto at = to.size();
  to.resize(at + sizeof value);
  store_be(to.data() + at, value);
}

}  // namespace

sink_answers::sink_answers(std::uint16_t port, std::int32_t partitions)
    : port_(port), partitions_(partitions), records_per_batch_(records_per_batch) {
  load_options options;
  options.record_bytes = record_bytes;
  log::batch_builder builder;
  for (std::int64_t i = 0; i < batches; ++i) {
    for (std::uint32_t j = 0; j < records_per_batch; ++j) {
      builder.add(0, std::nullopt, build_value(options, 0));
    }
    auto batch = builder.finish();
    log::stamp(batch.data(), log::offset{i * records_per_batch_}, log::leader_epoch{0});
    batches_.push_back(std::move(batch));
  }
}

bool sink_answers::is_produce(std::span<std::byte const> frame) {
  return frame.size() >= 2 &&
         load_be<std::int16_t>(frame.data()) == static_cast<std::int16_t>(api_key::produce);
}

bool sink_answers::answer_produce(std::span<std::byte const> frame,
                                  std::vector<std::byte>& to) const {
  field_reader fields{frame};
  fields.take<std::int16_t>();
  auto const version = fields.take<std::int16_t>();
  auto const begin = to.size();
  put(to, std::int32_t{0});              // the length, set below
  put(to, fields.take<std::int32_t>());  // correlation id
  fields.take_bytes<std::int16_t>();     // client id
  fields.take_bytes<std::int16_t>();     // transactional id
  auto const acks = fields.take<std::int16_t>();
  fields.take<std::int32_t>();  // time-out
  auto topics = fields.take<std::int32_t>();
  put(to, topics);
  for (; topics > 0 && !fields.failed(); --topics) {
    auto name = fields.take_bytes<std::int16_t>();
    put(to, static_cast<std::int16_t>(name.size()));
    to.insert(to.end(), name.begin(), name.end());
    auto partitions = fields.take<std::int32_t>();
    put(to, partitions);
    for (; partitions > 0 && !fields.failed(); --partitions) {
      put(to, fields.take<std::int32_t>());
      fields.take_bytes<std::int32_t>();           // records
      put(to, std::int16_t{0});                    // no error
      put(to, std::int64_t{0});                    // base offset
      put(to, std::int64_t{-1});                   // no append time
      if (version >= 5) put(to, std::int64_t{0});  // log start offset
    }
  }
  put(to, std::int32_t{0});  // not throttled
  store_be(to.data() + begin, static_cast<std::int32_t>(to.size() - begin - length_bytes));
  if (acks == 0) to.resize(begin);
  return !fields.failed() && version >= offered[0].lowest && version <= offered[0].highest;
}

net::api_versions_response sink_answers::respond(net::api_versions_request const&) {
  net::api_versions_response response;
  for (auto const& each : offered) {
    response.api_keys.push_back({each.key, each.lowest, each.highest});
  }
  return response;
}

net::metadata_response::topic sink_answers::describe(std::string_view topic) {
  auto count = topics_.try_emplace(std::string{topic}, partitions_).first->second;
  net::metadata_response::topic described{.name = std::string{topic}};
  for (std::int32_t i = 0; i < count; ++i) {
    described.partitions.push_back({.index = i,
                                    .leader_id = node,
                                    .leader_epoch = 0,
                                    .replica_nodes = {node},
                                    .isr_nodes = {node}});
  }
  return described;
}

net::metadata_response sink_answers::respond(net::metadata_request const& asked) {
  net::metadata_response response{.cluster_id = "sink", .controller_id = node};
  response.brokers.push_back({.node_id = node, .host = std::string{host}, .port = port_});
  if (asked.topics) {
    for (auto const& topic : *asked.topics) response.topics.push_back(describe(*topic.name));
    return response;
  }
  for (auto const& [topic, count] : topics_) response.topics.push_back(describe(topic));
  return response;
}

net::create_topics_response sink_answers::respond(net::create_topics_request const& asked) {
  net::create_topics_response response;
  for (auto const& topic : asked.topics) {
    auto count = topic.partitions > 0 ? topic.partitions : partitions_;
    topics_.insert_or_assign(std::string{topic.name}, count);
    response.topics.push_back({.name = std::string{topic.name}});
  }
  return response;
}

net::init_producer_id_response sink_answers::respond(net::init_producer_id_request const&) {
  return {.producer_id = next_producer_id_++};
}

net::list_offsets_response sink_answers::respond(net::list_offsets_request const& asked) {
  net::list_offsets_response response;
  for (auto const& topic : asked.topics) {
    auto& found = response.topics.emplace_back();
    found.name = topic.name;
    for (auto const& each : topic.partitions) {
      auto latest = each.timestamp == net::latest_timestamp;
      found.partitions.push_back(
          {.index = each.index, .offset = latest ? batches * records_per_batch_ : 0});
    }
  }
  return response;
}

net::fetch_response::partition sink_answers::read(
    net::fetch_request::partition const& asked) const {
  auto const end = batches * records_per_batch_;
  net::fetch_response::partition found{.index = asked.index,
                                       .high_watermark = end,
                                       .last_stable_offset = end,
                                       .log_start_offset = 0};
  if (asked.fetch_offset < 0 || asked.fetch_offset > end) {
    found.error = net::error_code::offset_out_of_range;
    return found;
  }
  buffer_chain records;
  for (auto i = asked.fetch_offset / records_per_batch_; i < batches; ++i) {
    auto const& batch = batches_[static_cast<std::size_t>(i)];
    auto const limit = static_cast<std::size_t>(std::max(asked.max_bytes, 0));
    if (!records.empty() && records.size() + batch.size() > limit) break;
    records.append(batch.share());
  }
  found.records.emplace(std::move(records));
  return found;
}

net::fetch_response sink_answers::respond(net::fetch_request const& asked) {
  net::fetch_response response;
  for (auto const& topic : asked.topics) {
    auto& found = response.topics.emplace_back();
    found.name = topic.name;
    for (auto const& each : topic.partitions) found.partitions.push_back(read(each));
  }
  return response;
}

template <typename Request>
expected<sink_answers::answer, std::string> sink_answers::answer_as(buffer_chain const& frame,
                                                                    net::request_header const& from,
                                                                    std::size_t body_position) {
  auto const version = from.api_version;
  auto asked = net::decode<Request>(frame, version, body_position);
  if (!asked) return std::unexpected(asked.error());
  auto response = respond(asked->message);
  answer result;
  if constexpr (std::is_same_v<Request, net::fetch_request>) {
    auto empty = [](auto const& topic) {
      return std::ranges::all_of(topic.partitions, [](auto const& each) {
        return each.error == net::error_code::none && each.records->empty();
      });
    };
    if (std::ranges::all_of(response.topics, empty)) {
      result.after = std::chrono::milliseconds{asked->message.max_wait_ms};
    }
  }
  auto body = net::join(net::encode(std::move(response), version));
  auto head = buffer::allocate(length_bytes + 4);
  store_be(head.data(), static_cast<std::int32_t>(4 + body.size()));
  store_be(head.data() + length_bytes, from.correlation_id);
  result.bytes.append(std::move(head));
  result.bytes.append(std::move(body));
  return result;
}

expected<sink_answers::answer, std::string> sink_answers::answer_other(buffer_chain const& frame) {
  std::size_t body = 0;
  auto header = net::read_request_header(frame, body);
  if (!header) return std::unexpected(header.error());
  auto const key = static_cast<api_key>(header->api_key);
  auto known = std::ranges::find(offered, key, &offered_version::key);
  if (known == std::end(offered) || header->api_version < known->lowest ||
      header->api_version > known->highest) {
    return std::unexpected(fmt::format("the sink does not offer version {} of request {}",
                                       header->api_version, header->api_key));
  }
  switch (key) {
    case api_key::api_versions:
      return answer_as<net::api_versions_request>(frame, *header, body);
    case api_key::metadata:
      return answer_as<net::metadata_request>(frame, *header, body);
    case api_key::create_topics:
      return answer_as<net::create_topics_request>(frame, *header, body);
    case api_key::init_producer_id:
      return answer_as<net::init_producer_id_request>(frame, *header, body);
    case api_key::list_offsets:
      return answer_as<net::list_offsets_request>(frame, *header, body);
    default:
      return answer_as<net::fetch_request>(frame, *header, body);
  }
}

}  // namespace karst::bench
