#pragma once

#include <optional>
#include <string>

#include "cluster/broker_config.h"
#include "cluster/meta_properties.h"
#include "cluster/start_failure.h"
#include "reactor/task.h"

namespace karst::cluster {

// What is known of the data directory before it is opened and locked.
struct data_directory {
  std::string path;
  std::optional<meta_properties> meta;
  std::int32_t broker_id = -1;  // the configured one, else the directory's, else 1001
};

// log.dirs (or log.dir) must name exactly one directory: several come later.
expected<std::string, start_failure> check_one_directory(broker_config const& config);

// Takes the one directory of log.dirs (or log.dir), makes it if it is missing, and refuses what is
// not ours: several directories, one that Kafka has written, one of another broker. Changes nothing
// in a directory that exists.
task<expected<data_directory, start_failure>> find_data_directory(broker_config const& config);

// Refuses a directory whose meta.properties and coordination tree belong to different clusters.
expected<void, start_failure> check_cluster_id(data_directory const& directory,
                                               std::string const& tree_cluster_id);

}  // namespace karst::cluster
