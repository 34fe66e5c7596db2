#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cluster/broker_config.h"
#include "cluster/meta_properties.h"
#include "cluster/start_failure.h"
#include "reactor/task.h"

namespace karst::cluster {

// What is known of one of log.dirs before it is opened and locked.
struct data_directory {
  std::string path;
  std::optional<meta_properties> meta;
  bool has_tree = false;         // the coordination tree
  bool has_records = false;      // journals
  std::optional<error> problem;  // it cannot be made or read: offline
};

struct data_directories {
  std::vector<data_directory> all;  // in the order of log.dirs
  std::size_t tree = 0;             // the one that has the coordination tree, or shall have it
  std::int32_t broker_id = -1;      // the configured one, else the directories', else 1001
};

// The paths of log.dirs (or log.dir). Refuses one that is named twice or lies inside another.
expected<std::vector<std::string>, start_failure> directory_paths(broker_config const& config);

// Looks at the directories of log.dirs, makes those that are missing, and refuses what is not ours:
// one that Kafka has written, one of another broker or cluster, records without a coordination
// tree. One that cannot be made or read is left out with its problem, as long as another has the
// tree. Changes nothing in a directory that exists.
task<expected<data_directories, start_failure>> find_data_directories(broker_config const& config);

// Refuses directories whose meta.properties and coordination tree belong to different clusters.
expected<void, start_failure> check_cluster_id(data_directories const& directories,
                                               std::string const& tree_cluster_id);

}  // namespace karst::cluster
