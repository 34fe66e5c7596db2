#pragma once

#include <map>
#include <memory>
#include <string>

#include "cluster/coordination.h"
#include "cluster/tree_journal.h"
#include "reactor/waiters.h"

namespace karst::cluster {

// The coordination tree of one node alone, durable in the data directory in two files:
// karst-tree-snapshot (replaced atomically) and karst-tree-journal (changes since, appended). Kafka
// ignores unknown files there. Changes take effect in memory in the order of the calls and are
// answered when they are durable; what comes while a write is under way is written together. After
// a failed write every change answers unavailable until restart. Lives on core 0.
class local_coordination final : public coordination {
 public:
  // Reads the tree of `directory`, or begins one with the nodes that Kafka expects at the top. The
  // error says what is damaged.
  static task<expected<std::unique_ptr<local_coordination>, error>> open(std::string directory);

  task<expected<node, coordination_errc>> get(std::string path) override;
  task<expected<std::vector<std::string>, coordination_errc>> children(std::string path) override;
  task<expected<void, coordination_errc>> multi(std::vector<node_operation> operations) override;

  // After the last change: waits for writes under way.
  task<> close();

 private:
  using tree = std::map<std::string, node, std::less<>>;
  // What the nodes were before the parts of a multi that have been applied.
  using undo_list = std::vector<std::pair<std::string, std::optional<node>>>;
  explicit local_coordination(std::unique_ptr<tree_journal> journal);

  expected<void, coordination_errc> apply(node_operation const& operation, undo_list& undo);
  bool has_children(std::string_view path) const;
  void take_back(undo_list& undo);
  task<> write_pending();
  tree_contents contents() const;

  tree nodes_;
  std::unique_ptr<tree_journal> journal_;
  // Changes claimed in memory, numbered; `written_` of them are durable.
  std::vector<tree_change> pending_;
  std::uint64_t claimed_ = 0;
  std::uint64_t written_ = 0;
  bool writing_ = false;
  bool failed_ = false;
  waiters progress_;
};

}  // namespace karst::cluster
