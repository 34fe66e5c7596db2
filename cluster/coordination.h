#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "reactor/base/expected.h"
#include "reactor/task.h"

namespace karst::cluster {

// How often a node's data was set since it was created in this run. Counted like ZooKeeper's, but
// never stored: a version means something only to who has read it from the same coordination.
using node_version = std::int32_t;
inline constexpr node_version any_version = -1;

struct node {
  std::string data;
  node_version version = 0;
};

// The parts of a multi. Paths are absolute, "/brokers/topics/t"; parents must exist.
struct create_node {
  std::string path;
  std::string data;
};
struct set_node {
  std::string path;
  std::string data;
  node_version expected = any_version;
};
struct remove_node {
  std::string path;  // without children, except those that an earlier part removed
  node_version expected = any_version;
};
struct check_node {
  std::string path;
  node_version expected = any_version;
};
using node_operation = std::variant<create_node, set_node, remove_node, check_node>;

enum class coordination_errc : std::uint8_t {
  no_node,  // the node, or the parent of a new one, does not exist
  node_exists,
  bad_version,  // someone else was faster
  not_empty,    // it has children
  invalid_path,
  unavailable,  // the tree takes no changes: storage failed, or the session is lost
};

std::string_view describe(coordination_errc code);

// ZooKeeper's model: a tree of small nodes that decides who leads what and which topics exist; one
// of the four seams by which nondeterminism enters. Used on core 0. Implementations:
// local_coordination (one node alone), later the ZooKeeper client and tests/sim.
class coordination {
 public:
  virtual ~coordination() = default;

  // Reads are of the state after every change that was answered before.
  virtual task<expected<node, coordination_errc>> get(std::string path) = 0;
  // Names of the children, sorted.
  virtual task<expected<std::vector<std::string>, coordination_errc>> children(
      std::string path) = 0;
  // All or nothing, durable when done. On an error the first part that failed decides it and
  // nothing has changed.
  virtual task<expected<void, coordination_errc>> multi(std::vector<node_operation> operations) = 0;
};

}  // namespace karst::cluster
