#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "reactor/base/errc.h"
#include "reactor/base/expected.h"
#include "reactor/io/io.h"
#include "tests/sim/sim_file.h"

namespace karst::sim {

// A file or directory. Lives as long as a name, an open descriptor or an unsure change of names
// refers to it.
struct disk_node {
  bool directory = false;
  bool nameless = false;     // its last name is removed
  unsigned descriptors = 0;  // that are open for it
  wall_ms modified = 0;
  sim_file data;                                            // files
  std::map<std::string, std::shared_ptr<disk_node>> names;  // directories: what lookups see
  std::map<std::string, std::shared_ptr<disk_node>>
      durable_names;  // and what is surely on the device
};
using node_ptr = std::shared_ptr<disk_node>;

// A disk with one file system in memory. Pessimistic about power cuts, as POSIX allows: a name
// (created, renamed, removed) is sure only after a sync of its directory, bytes only after a sync
// or a durable write, and unsure changes survive or not independently of each other; a rename is
// one change. Synchronous: the simulated io adds time and order.
class disk {
 public:
  explicit disk(std::uint64_t capacity_bytes = 64 * GiB);
  disk(disk&&) = default;
  disk& operator=(disk&&) = default;

  // For tests: a disk with one empty directory.
  static disk with_directory(std::string_view path);
  // For tests: makes `path` and all above it, durably.
  void prepare_directory(std::string_view path);

  // Names, from the root; the working directory is the root.
  node_ptr find(std::string_view path) const;
  expected<node_ptr> open(std::string_view path, std::uint32_t open_flags, wall_ms now);
  expected<> rename(std::string_view from, std::string_view to);
  expected<> unlink(std::string_view path);
  expected<> make_directory(std::string_view path);
  expected<> remove_directory(std::string_view path);
  std::uint64_t names_mark() const { return next_; }
  // A sync of `directory` that began at `mark`.
  void sync_names(node_ptr const& directory, std::uint64_t mark);

  // A descriptor for it was opened or closed: the blocks of a file without a name are freed with
  // its last descriptor.
  static void opened(disk_node& node) { ++node.descriptors; }
  void closed(disk_node& node);
  void closed_all();  // the process that had them has ended

  // True, and the space is taken, when `blocks` more fit.
  bool take_space(std::uint64_t blocks);
  void give_space(std::uint64_t blocks) { used_blocks_ -= std::min(used_blocks_, blocks); }
  std::uint64_t free_bytes() const { return (capacity_blocks_ - used_blocks_) * block_size; }
  std::uint64_t capacity_bytes() const { return capacity_blocks_ * block_size; }
  void set_capacity(std::uint64_t bytes) { capacity_blocks_ = bytes / block_size; }

  // The disk as the next start finds it, when the power goes now. This one is unchanged: many cuts
  // can be taken of one run. Unsure changes survive with this chance; drawn as well if not given.
  disk after_power_cut(random_source random,
                       std::optional<unsigned> keep_percent = std::nullopt) const;
  // For tests: all regular files under `path`, sorted, and a whole file's bytes.
  std::vector<std::string> files(std::string_view path) const;
  std::string content(std::string_view path) const;
  // A hash of all names and bytes under `path`.
  std::uint64_t fingerprint(std::string_view path) const;

 private:
  struct name_change {
    struct assignment {
      node_ptr directory;
      std::string name;
      node_ptr target;  // null: removed
      bool synced = false;
    };
    std::uint64_t number = 0;
    std::vector<assignment> assignments;
    bool durable() const;
  };
  struct place {
    node_ptr directory;  // null: no such directory, for the reason in `missing`
    std::string name;
    node_ptr target;  // null: no such name
    errc missing = errc::not_found;
  };
  place look_up(std::string_view path) const;
  void change_names(std::vector<name_change::assignment> assignments);
  void lost_name(disk_node& node);

  std::uint64_t capacity_blocks_;
  std::uint64_t used_blocks_ = 0;
  node_ptr root_;
  std::deque<name_change> changes_;
  std::uint64_t next_ = 1;
};

}  // namespace karst::sim
