#include <map>

#include "cluster/api/handlers.h"
#include "cluster/api/owners.h"
#include "reactor/file_facts.h"

namespace karst::cluster {
namespace {

using directory_answer = net::describe_log_dirs_response::directory;

// A partition in the answer that is being built, and how much it has on the disk.
struct described_partition {
  directory_index directory = 0;
  std::string_view topic;
  std::int32_t index = 0;
};

task<std::vector<std::uint64_t>> sizes_of(broker& broker, std::span<log::log_id const> logs) {
  std::vector<std::uint64_t> sizes;
  for (auto const& id : logs) {
    auto* partition = broker.partitions().find(id);
    sizes.push_back(partition == nullptr ? 0 : partition->log().size_bytes());
  }
  co_return sizes;
}

// The directories alone, as the controller's core knows them; by directory_index.
std::vector<directory_answer> describe_directories(broker& broker) {
  std::vector<directory_answer> described;
  auto* directories = broker.directories();
  if (directories == nullptr) return described;
  for (auto const& entry : directories->all()) {
    auto& answer = described.emplace_back();
    answer.log_dir = absolute_path(entry.path);
    auto space = free_space(entry.path);
    if (!entry.offline.empty() || !space) {
      answer.error = net::error_code::kafka_storage_error;
      continue;
    }
    answer.total_bytes = static_cast<std::int64_t>(space->total_bytes);
    answer.usable_bytes = static_cast<std::int64_t>(space->available_bytes);
  }
  return described;
}

// Which partitions a request names; all without a list.
class wanted_partitions {
 public:
  explicit wanted_partitions(net::describe_log_dirs_request const& request)
      : all_(!request.topics) {
    if (all_) return;
    for (auto const& topic : *request.topics) {
      for (auto index : topic.partitions) named_[{topic.topic, index}] = true;
    }
  }
  bool contain(std::string_view topic, std::int32_t index) const {
    return all_ || named_.contains({topic, index});
  }

 private:
  bool all_;
  std::map<std::pair<std::string_view, std::int32_t>, bool> named_;
};

void add(directory_answer& directory, described_partition const& partition, std::uint64_t size) {
  if (directory.topics.empty() || directory.topics.back().name != partition.topic) {
    directory.topics.emplace_back().name = partition.topic;
  }
  directory.topics.back().partitions.push_back(
      {.index = partition.index, .partition_size = static_cast<std::int64_t>(size)});
}

}  // namespace

task<net::describe_log_dirs_response> handle(request_context& context,
                                             net::describe_log_dirs_request const& request) {
  auto& broker = context.broker;
  net::describe_log_dirs_response response;
  response.results =
      co_await submit_to(controller_core, [&broker] { return describe_directories(broker); });
  auto snapshot = broker.metadata().current();
  wanted_partitions wanted{request};
  std::vector<described_partition> partitions;
  std::vector<owned_job<log::log_id>> jobs;
  for (auto const& [name, topic] : snapshot->topics) {
    for (auto const& each : topic->partitions) {
      if (each.core == no_core || each.offline || !wanted.contain(name, each.index)) continue;
      jobs.push_back({each.core, partitions.size(), each.log});
      partitions.push_back({each.directory, name, each.index});
    }
  }
  std::vector<std::uint64_t> sizes(partitions.size());
  if (!jobs.empty()) {
    co_await on_owners<std::uint64_t>(broker, std::move(jobs), &sizes_of, sizes);
  }
  for (std::size_t i = 0; i < partitions.size(); ++i) {
    auto directory = partitions[i].directory;
    if (directory < response.results.size()) {
      add(response.results[directory], partitions[i], sizes[i]);
    }
  }
  co_return response;
}

}  // namespace karst::cluster
