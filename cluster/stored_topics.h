#pragma once

#include <string>
#include <vector>

#include "cluster/coordination.h"
#include "cluster/metadata_cache.h"
#include "reactor/task.h"

namespace karst::cluster {

// What the coordination tree says at start.
struct stored_topics {
  std::string cluster_id;
  std::int32_t controller_epoch = 0;
  std::vector<topic_metadata> topics;     // sorted by name; cores and log ids are not set
  std::vector<topic_metadata> deletions;  // marked for deletion: still to be completed
};

// Begins this node's term as the one broker and controller: reads the tree, raises the controller
// epoch and every partition's leader epoch by one, and makes this broker leader of what it has a
// replica of, in one durable change. Gives a new tree its cluster id. A topic whose nodes cannot be
// read is reported in the log and left out: its records stay untouched.
task<expected<stored_topics, error>> begin_term(coordination& tree, std::int32_t broker_id);

}  // namespace karst::cluster
