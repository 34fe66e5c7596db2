#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cluster/data_directory.h"
#include "cluster/metadata_cache.h"
#include "cluster/tree_nodes.h"
#include "log/log_manager.h"

namespace karst::cluster {

class coordination;

// One of log.dirs as this broker uses it.
struct log_directory_entry {
  std::string path;
  std::string id;                            // directory.id of its meta.properties
  std::unique_ptr<log::log_directory> logs;  // nullptr: it could not be opened
  std::string offline;                       // why nothing in it is served; empty: in service
  std::size_t partitions = 0;                // that it has, or shall have
};

// What a choice among directories rests on.
struct directory_room {
  bool in_service = true;
  std::uint64_t free_bytes = 0;
  std::size_t partitions = 0;
};

// Directories for `count` new partitions, one after the other: each goes where the most room is,
// minus what the ones before it will take; where the room is about the same, to the directory with
// the fewest partitions. nullopt: none is in service.
std::optional<std::vector<directory_index>> choose_directories(std::vector<directory_room> rooms,
                                                               std::size_t count);

// The directories of log.dirs, in service or offline, and those that belong to this broker by the
// coordination tree but are not in log.dirs any more. Lives on core 0. A directory that goes
// offline stays so until the next start.
class log_directories {
 public:
  // Opens what can be opened; `shared` says what all have in common, memory and descriptors for all
  // together. An error: the directory with the coordination tree, or one that a live process has.
  task<expected<void, start_failure>> open(data_directories const& found,
                                           log::directory_options shared);
  // Writes meta.properties where it lacks something.
  task<expected<void, start_failure>> identify(data_directories const& found,
                                               std::string const& cluster_id);
  // Reads which directories belonged to the broker and adds those that are new, durably.
  task<expected<void, start_failure>> note_in_tree(coordination& tree, std::int32_t broker);
  // No partition is offline: directories that are not in log.dirs any more are forgotten.
  task<> forget_missing(coordination& tree, std::int32_t broker);

  std::vector<log_directory_entry>& all() { return all_; }
  log_directory_entry& at(directory_index directory) { return all_[directory]; }
  std::size_t in_service() const;
  bool any_offline() const { return in_service() < all_.size(); }
  // Directories of this broker that log.dirs does not name.
  std::vector<log_directory_node> const& missing() const { return missing_; }
  // Why a log that is found nowhere may still exist; empty: it does not.
  std::string why_not_anew() const;

  // Nothing in it is served any more, on any core; said once.
  void take_offline(directory_index directory, std::string why);
  // Called when a directory has gone offline, on core 0.
  std::function<void(directory_index)> on_offline;

  // For the partitions of a new topic; they are counted.
  std::optional<std::vector<directory_index>> choose(std::size_t count);
  void release(directory_index directory) { --all_[directory].partitions; }

  // After every core's log_managers are closed. The first failure, after having tried all.
  task<expected<void, error>> close();

 private:
  void watch(directory_index directory);
  std::vector<log_directory_node> present() const;
  task<expected<void, error>> store(coordination& tree, std::int32_t broker,
                                    std::vector<log_directory_node> const& nodes);

  std::vector<log_directory_entry> all_;
  std::vector<log_directory_node> missing_;
};

}  // namespace karst::cluster
