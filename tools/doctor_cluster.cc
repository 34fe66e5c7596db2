#include <algorithm>
#include <thread>

#include "cluster/topic_typo.h"
#include "net/messages/describe_log_dirs.h"
#include "reactor/io/make_io.h"
#include "tools/advertised.h"
#include "tools/doctor_checks.h"

namespace karst::tools {
namespace {

constexpr std::chrono::milliseconds dial_patience{2000};
// Below this share of a disk free something is soon the matter.
constexpr double low_share = 0.1;
// Names are compared two by two: of more topics only the first.
constexpr std::size_t topics_compared = 2000;

std::string told(net::metadata_response::broker const& broker) {
  return fmt::format("{}:{}", broker.host, broker.port);
}

// Whether nothing was ever left in it.
task<bool> is_empty(net::client& client, net::metadata_response::topic const& topic) {
  for (auto const& each : topic.partitions) {
    net::topic_partition where{topic.name.value_or(""), each.index};
    auto first = co_await client.offset_at(where, net::earliest_timestamp);
    auto end = co_await client.offset_at(where, net::latest_timestamp);
    if (!first || !end || *first != *end) co_return false;
  }
  co_return true;
}

void check_replicas(examination& of, net::metadata_response::topic const& topic) {
  std::size_t leaderless = 0;
  std::size_t behind = 0;
  for (auto const& each : topic.partitions) {
    leaderless += each.leader_id < 0 ? 1 : 0;
    behind += each.isr_nodes.size() < each.replica_nodes.size() ? 1 : 0;
  }
  auto name = topic.name.value_or("");
  if (leaderless > 0) {
    of.add("topic",
           fmt::format("{} of {} partitions of topic {} have no leader: they can be neither read "
                       "nor written",
                       leaderless, topic.partitions.size(), name),
           "see the broker's log for its directories, and `karst topic describe " + name + "`");
  } else if (behind > 0) {
    of.add("topic",
           fmt::format("{} of {} partitions of topic {} have too few replicas in sync", behind,
                       topic.partitions.size(), name),
           "see which broker is away with `karst topic describe " + name + "`");
  }
}

task<> check_typo(examination& of, net::metadata_response::topic const& one,
                  net::metadata_response::topic const& other) {
  auto first_is_empty = co_await is_empty(of.client, one);
  auto second_is_empty = co_await is_empty(of.client, other);
  if (first_is_empty == second_is_empty) co_return;
  auto const& empty = (first_is_empty ? one : other).name.value_or("");
  auto const& used = (first_is_empty ? other : one).name.value_or("");
  of.add("topic",
         fmt::format("topic {} is empty, and {}, of nearly the same name, is not: does a client "
                     "have a typo in its configuration?",
                     empty, used),
         "then correct it, and delete the topic that nobody means with `karst topic delete NAME`; "
         "auto.create.topics.enable=false refuses names that do not exist");
}

void check_directory(examination& of, std::string const& broker,
                     net::describe_log_dirs_response::directory const& directory) {
  if (directory.error != net::error_code::none) {
    return of.add("disk",
                  fmt::format("{}: directory {} is offline ({})", broker, directory.log_dir,
                              name_of(directory.error)),
                  "see the broker's log for why; its partitions come back with a restart that can "
                  "use it");
  }
  if (directory.total_bytes <= 0 || directory.usable_bytes < 0) return;
  auto share =
      static_cast<double>(directory.usable_bytes) / static_cast<double>(directory.total_bytes);
  if (share >= low_share) return;
  of.add("disk",
         fmt::format("{}: the disk of {} has {:.1f} % free, {:.1f} GiB", broker, directory.log_dir,
                     100 * share, static_cast<double>(directory.usable_bytes) / GiB),
         "shorten retention.ms or retention.bytes of large topics, or add room; a full disk "
         "refuses to take records");
}

}  // namespace

void check_addresses(examination& of) {
  auto other_host = !is_loopback(of.connected_to.host);
  for (auto const& broker : of.cluster.brokers) {
    auto remedy = fmt::format(
        "set advertised.listeners=PLAINTEXT://HOST:PORT of broker {} to what its clients reach, "
        "for example {}",
        broker.node_id, of.connected_to.text());
    auto problem = dial(broker.host, static_cast<std::uint16_t>(broker.port), dial_patience);
    if (problem) of.reachable = false;
    if (other_host && is_loopback(broker.host)) {
      problem = fmt::format("is this host's own address on every host, though it answers at {}",
                            of.connected_to.text());
    }
    if (!problem) continue;
    of.add("broker",
           fmt::format("broker {} tells clients to connect to {}, which {}", broker.node_id,
                       told(broker), *problem),
           remedy);
  }
}

task<> check_topics(examination& of) {
  of.topics = of.cluster.topics.size();
  auto const& topics = of.cluster.topics;
  for (auto const& each : topics) check_replicas(of, each);
  auto const compared = std::min(topics.size(), topics_compared);
  for (std::size_t i = 0; i < compared; ++i) {
    for (auto j = i + 1; j < compared; ++j) {
      if (topics[i].is_internal || topics[j].is_internal) continue;
      if (!cluster::may_be_typo(topics[i].name.value_or(""), topics[j].name.value_or(""))) continue;
      co_await check_typo(of, topics[i], topics[j]);
    }
  }
}

task<> check_disks(examination& of) {
  auto brokers = co_await of.client.every_broker();
  if (!brokers) co_return;  // the addresses have been complained of
  for (auto* broker : *brokers) {
    if (!broker->version_of(net::describe_log_dirs_request::info)) continue;
    auto reply =
        co_await broker->ask<net::describe_log_dirs_response>(net::describe_log_dirs_request{});
    if (!reply) {
      of.add("disk", reply.error().what, reply.error().remedy);
      continue;
    }
    for (auto const& each : (*reply)->results) check_directory(of, broker->name(), each);
  }
}

void check_host(examination& of) {
  if (!is_loopback(of.connected_to.host)) return;
  // What a node on this host would find at its start.
  io_report report;
  std::thread{[&report] {
    if (auto made = make_io(io_choice::automatic)) report = made->report;
  }}.join();
  if (report.reason.empty()) return;
  of.add(
      "host",
      fmt::format("a node on this host uses {}, which is slower: {}", report.name, report.reason),
      "`karst serve` works all the same");
}

}  // namespace karst::tools
