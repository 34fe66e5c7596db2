#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "reactor/base/expected.h"
#include "reactor/file.h"
#include "reactor/task.h"

namespace karst::cluster {

// The new data of a node, or its removal.
struct tree_change {
  std::string path;
  std::optional<std::string> data;
};

using tree_contents = std::map<std::string, std::string, std::less<>>;

// The two files in which local_coordination keeps its tree. Snapshot: all nodes as of a sequence
// number, under one checksum, replaced by rename. Journal: groups of changes, each with the next
// sequence number, a length and a checksum, appended with durable writes, one at a time. Groups
// that the snapshot already has are skipped, so a crash between replacing the snapshot and emptying
// the journal does no harm. A group is answered only when it is durable, hence a broken group at
// the end is a write that a crash tore and is cut off; a broken group with a whole one behind it is
// damage: an error, never cut. One core; one call at a time.
class tree_journal {
 public:
  struct opened {
    std::unique_ptr<tree_journal> journal;
    tree_contents contents;
    bool existed = false;
  };
  static task<expected<opened, error>> open(std::string directory);

  // Durable when done, all or nothing.
  task<expected<>> append(std::vector<tree_change> const& changes);
  // True when the journal is so much larger than the snapshot that replacing the snapshot pays.
  bool is_long() const;
  // Makes `contents`, which has every appended change, the new snapshot and empties the journal.
  task<expected<>> replace_snapshot(tree_contents const& contents);
  task<> close();

 private:
  explicit tree_journal(std::string directory) : directory_(std::move(directory)) {}
  task<> allocate_ahead(std::uint64_t bytes);
  task<expected<void, error>> read_snapshot(opened& into);
  task<expected<void, error>> read_journal(opened& into);

  std::string directory_;
  file file_;
  std::uint64_t end_ = 0;  // bytes of whole groups in the journal; zeros behind
  std::uint64_t allocated_ = 0;
  std::uint64_t sequence_ = 0;  // of the last group
  std::uint64_t snapshot_bytes_ = 0;
};

}  // namespace karst::cluster
