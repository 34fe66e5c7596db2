#include "net/client.h"

#include "net/messages/init_producer_id.h"
#include "reactor/core.h"

namespace karst::net {
namespace {

constexpr duration retry_pause = 100ms;
constexpr std::int32_t broker_timeout_ms = 30'000;

// Nothing was done, and another leader or a moment later may do it.
bool retriable(error_code code) {
  switch (code) {
    case error_code::unknown_topic_or_partition:
    case error_code::leader_not_available:
    case error_code::not_leader_or_follower:
    case error_code::not_enough_replicas:
    case error_code::fenced_leader_epoch:
    case error_code::unknown_leader_epoch:
    case error_code::not_controller:
    case error_code::coordinator_load_in_progress:
    case error_code::coordinator_not_available:
    case error_code::not_coordinator:
      return true;
    default:
      return false;
  }
}

errc category(error_code code) {
  switch (code) {
    case error_code::unknown_topic_or_partition:
    case error_code::group_id_not_found:
      return errc::not_found;
    case error_code::non_empty_group:
      return errc::busy;
    case error_code::topic_already_exists:
      return errc::exists;
    case error_code::request_timed_out:
      return errc::timed_out;
    default:
      return errc::invalid;
  }
}

struct explanation {
  std::string_view text;
  std::string_view remedy;
};

explanation explain_group(error_code code) {
  switch (code) {
    case error_code::group_id_not_found:
      return {"there is no such group", "see `karst group list`"};
    case error_code::non_empty_group:
      return {"the group has members", "stop them first; `karst group describe` names them"};
    case error_code::coordinator_not_available:
      return {"no broker coordinates the group at the moment", "try again; see the broker's log"};
    case error_code::coordinator_load_in_progress:
      return {"the coordinator still loads the groups", "try again in a moment"};
    case error_code::inconsistent_group_protocol:
      return {"its members use no assignor that we know (range, roundrobin), or another protocol",
              "configure one of these in the other members, or use another group"};
    case error_code::invalid_group_id:
      return {"the name is not a valid group name", "give a name that is not empty"};
    case error_code::group_max_size_reached:
      return {"the group has as many members as the broker allows",
              "stop one of them, or raise group.max.size"};
    case error_code::fenced_instance_id:
      return {"another member has taken over this instance id", "give each member its own"};
    case error_code::invalid_session_timeout:
      return {"the session time-out is outside of what the broker allows",
              "see group.min.session.timeout.ms and group.max.session.timeout.ms"};
    case error_code::unknown_member_id:
      return {"the group has members, and only they may commit",
              "stop them first; `karst group describe` names them"};
    default:
      return {"the broker refused", "see the broker's log"};
  }
}

explanation explain(error_code code) {
  switch (code) {
    case error_code::unknown_topic_or_partition:
      return {"there is no such topic or partition",
              "see `karst topic list`, or create it with `karst topic create`"};
    case error_code::topic_already_exists:
      return {"the topic exists already", "see `karst topic describe`"};
    case error_code::invalid_topic_exception:
      return {"the name is not a valid topic name",
              "use 1 to 249 of the characters a-z, A-Z, 0-9, '.', '_' and '-'"};
    case error_code::message_too_large:
      return {"a batch is larger than the topic's max.message.bytes",
              "send smaller batches, or raise max.message.bytes"};
    case error_code::offset_out_of_range:
      return {"the offset is not in the log any more, or not yet",
              "use --offset earliest or --offset latest"};
    case error_code::leader_not_available:
      return {"the partition has no leader at the moment", "try again; see the broker's log"};
    case error_code::not_enough_replicas:
      return {"too few replicas are in sync for min.insync.replicas", "see `karst topic describe`"};
    case error_code::kafka_storage_error:
      return {"the broker cannot write to its disk", "see the broker's log"};
    case error_code::topic_deletion_disabled:
      return {"the broker does not allow to delete topics", "set delete.topic.enable=true"};
    case error_code::request_timed_out:
      return {"the broker did not finish in time", "try again; see the broker's log"};
    default:
      return explain_group(code);
  }
}

std::optional<std::vector<metadata_request::topic>> to_topics(
    std::optional<std::vector<std::string>> const& names) {
  if (!names) return std::nullopt;
  std::vector<metadata_request::topic> topics;
  for (auto const& name : *names) topics.push_back({.name = name});
  return topics;
}

// With the record that was refused, when the broker names it.
error refusal(produce_response::partition const& result, topic_partition const& to) {
  auto message = result.error_message;
  for (auto const& record : result.record_errors) {
    if (!record.message) continue;
    message = fmt::format("record {}: {}", record.batch_index, *record.message);
  }
  return to_error(result.error, message, "cannot produce to " + to.text());
}

}  // namespace

error to_error(error_code code, std::optional<std::string> const& message, std::string_view what) {
  auto [text, remedy] = explain(code);
  auto detail = message && !message->empty() ? std::string_view{*message} : text;
  return {category(code), fmt::format("{}: {} ({})", what, detail, name_of(code)),
          std::string{message && !message->empty() ? std::string_view{} : remedy}};
}

bool lost(error const& failure) {
  return failure.code == errc::closed || failure.code == errc::refused ||
         failure.code == errc::reset;
}

unexpected<error> incomplete(client_connection const& broker, topic_partition const& asked) {
  return fail(errc::corrupt, "", "{} answered without partition {}", broker.name(), asked.text());
}

client::client(client_options options) : options_(std::move(options)) {}
client::~client() = default;

time_point client::patience() const { return core::current().now() + options_.request_timeout; }

task<> client::pause() { (void)co_await sleep_until{core::current().now() + retry_pause}; }

bool client::may_retry(error_code code, time_point attempts_until) const {
  return retriable(code) && core::current().now() < attempts_until;
}

// --- brokers and leaders

task<expected<client_connection*, error>> client::bootstrap() {
  error last{errc::invalid, "no bootstrap server is named", "give --bootstrap-server HOST:PORT"};
  for (auto const& server : options_.bootstrap) {
    nodes_[bootstrap_node] = server;
    auto connection = co_await connect_to(bootstrap_node);
    if (connection) co_return connection;
    last = connection.error();
  }
  co_return unexpected<error>(last);
}

task<expected<client_connection*, error>> client::connect_to(std::int32_t node) {
  (void)co_await connecting_.take(1);
  auto& slot = connections_[node];
  if (slot && slot->broken()) retired_.push_back(std::move(slot));
  expected<client_connection*, error> result{slot.get()};
  if (!slot) {
    auto opened = co_await client_connection::open(nodes_[node], options_);
    if (opened) {
      connections_[node] = std::move(*opened);
      result = connections_[node].get();
    } else {
      connections_.erase(node);
      result = unexpected<error>(opened.error());
    }
  }
  connecting_.give(1);
  co_return result;
}

task<expected<answer<metadata_response>, error>> client::metadata(
    std::optional<std::vector<std::string>> topics, bool create) {
  auto broker = co_await bootstrap();
  if (!broker) co_return unexpected<error>(broker.error());
  metadata_request request{.topics = to_topics(topics), .allow_auto_topic_creation = create};
  auto known = co_await (*broker)->ask<metadata_response>(std::move(request));
  if (known) {
    for (auto const& each : (*known)->brokers) {
      nodes_[each.node_id] = {each.host, static_cast<std::uint16_t>(each.port)};
    }
  }
  co_return known;
}

task<expected<void, error>> client::learn(std::string topic, bool create,
                                          time_point attempts_until) {
  while (true) {
    auto known = co_await metadata(std::vector{topic}, create);
    if (!known) co_return unexpected<error>(known.error());
    auto const& topics = (*known)->topics;
    auto code = topics.empty() ? error_code::unknown_topic_or_partition : topics.front().error;
    if (code == error_code::none) {
      known_topic learned;
      for (auto const& each : topics.front().partitions) {
        if (learned.leaders.size() <= static_cast<std::size_t>(each.index)) {
          learned.leaders.resize(static_cast<std::size_t>(each.index) + 1, -1);
        }
        learned.leaders[static_cast<std::size_t>(each.index)] = each.leader_id;
        if (each.leader_id < 0) code = error_code::leader_not_available;
      }
      topics_[topic] = std::move(learned);
      if (code == error_code::none) co_return expected<void, error>{};
    }
    // A topic that nobody will create does not appear by waiting.
    auto hopeless = code == error_code::unknown_topic_or_partition && !create;
    if (hopeless || !may_retry(code, attempts_until)) {
      co_return unexpected<error>(to_error(code, {}, fmt::format("topic {}", topic)));
    }
    co_await pause();
  }
}

task<expected<std::int32_t, error>> client::partition_count(std::string topic, bool create) {
  if (auto learned = co_await learn(topic, create, patience()); !learned) {
    co_return unexpected<error>(learned.error());
  }
  co_return static_cast<std::int32_t>(topics_[topic].leaders.size());
}

task<expected<client_connection*, error>> client::leader_of(topic_partition where, bool create,
                                                            time_point attempts_until) {
  auto const index = static_cast<std::size_t>(where.partition);
  auto known = topics_.find(where.topic);
  if (known == topics_.end() || index >= known->second.leaders.size() ||
      known->second.leaders[index] < 0) {
    if (auto learned = co_await learn(where.topic, create, attempts_until); !learned) {
      co_return unexpected<error>(learned.error());
    }
    known = topics_.find(where.topic);
  }
  auto const& leaders = known->second.leaders;
  if (where.partition < 0 || index >= leaders.size()) {
    co_return fail(errc::not_found, "", "topic {} has partitions 0 to {}, not {}", where.topic,
                   leaders.size() - 1, where.partition);
  }
  co_return co_await connect_to(leaders[index]);
}

void client::forget(topic_partition const& where) { topics_.erase(where.topic); }

// --- records

task<expected<producer_identity, error>> client::init_producer() {
  auto attempts_until = patience();
  while (true) {
    auto broker = co_await bootstrap();
    if (!broker) co_return unexpected<error>(broker.error());
    auto reply = co_await (*broker)->ask<init_producer_id_response>(
        init_producer_id_request{.transactional_id = std::nullopt});
    if (!reply) co_return unexpected<error>(reply.error());
    if ((*reply)->error == error_code::none) {
      co_return producer_identity{(*reply)->producer_id, (*reply)->producer_epoch};
    }
    if (!may_retry((*reply)->error, attempts_until)) {
      co_return unexpected<error>(to_error((*reply)->error, {}, "cannot get a producer id"));
    }
    co_await pause();
  }
}

task<expected<produced, error>> client::produce(topic_partition to, buffer_chain records,
                                                produce_options options) {
  auto attempts_until = patience();
  auto sent = false;  // and lost: the broker is expected back
  while (true) {
    auto leader = co_await leader_of(to, options.create, attempts_until);
    if (!leader && sent && core::current().now() < attempts_until) {
      co_await pause();
      continue;
    }
    if (!leader) co_return unexpected<error>(leader.error());
    produce_request request{.acks = options.acks, .timeout_ms = broker_timeout_ms};
    auto& topic = request.topics.emplace_back();
    topic.name = to.topic;
    topic.partitions.emplace_back().index = to.partition;
    topic.partitions.back().records = records.share();
    if (options.acks == 0) {
      auto told = co_await (*leader)->tell(std::move(request));
      if (!told) co_return unexpected<error>(told.error());
      co_return produced{};
    }
    auto reply = co_await (*leader)->ask<produce_response>(std::move(request));
    if (!reply) {
      forget(to);
      auto again = options.idempotent && core::current().now() < attempts_until;
      if (!again) co_return unexpected<error>(reply.error());
      sent = true;
      co_await pause();
      continue;
    }
    if ((*reply)->topics.empty() || (*reply)->topics.front().partitions.empty()) {
      co_return incomplete(**leader, to);
    }
    auto const& result = (*reply)->topics.front().partitions.front();
    if (result.error == error_code::none) {
      co_return produced{result.base_offset, result.log_append_time_ms};
    }
    if (!may_retry(result.error, attempts_until)) {
      co_return unexpected<error>(refusal(result, to));
    }
    forget(to);
    co_await pause();
  }
}

task<expected<std::int64_t, error>> client::offset_at(topic_partition of, std::int64_t timestamp) {
  auto attempts_until = patience();
  while (true) {
    auto leader = co_await leader_of(of, false, attempts_until);
    if (!leader) co_return unexpected<error>(leader.error());
    list_offsets_request request{.replica_id = -1, .isolation = isolation_level::read_committed};
    auto& topic = request.topics.emplace_back();
    topic.name = of.topic;
    topic.partitions.push_back({.index = of.partition, .timestamp = timestamp});
    auto reply = co_await (*leader)->ask<list_offsets_response>(std::move(request));
    if (!reply) {
      forget(of);
      co_return unexpected<error>(reply.error());
    }
    if ((*reply)->topics.empty() || (*reply)->topics.front().partitions.empty()) {
      co_return incomplete(**leader, of);
    }
    auto const& result = (*reply)->topics.front().partitions.front();
    if (result.error == error_code::none) co_return result.offset;
    if (!may_retry(result.error, attempts_until)) {
      co_return unexpected<error>(
          to_error(result.error, {}, "cannot look up an offset of " + of.text()));
    }
    forget(of);
    co_await pause();
  }
}

}  // namespace karst::net
