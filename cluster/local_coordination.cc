#include "cluster/local_coordination.h"

#include "reactor/base/logging.h"

namespace karst::cluster {
namespace {

// The persistent nodes that a Kafka 3.9 broker makes at its first start (ZkData.PersistentZkPaths).
constexpr std::string_view first_nodes[] = {
    "/",
    "/admin",
    "/admin/delete_topics",
    "/brokers",
    "/brokers/ids",
    "/brokers/seqid",
    "/brokers/topics",
    "/cluster",
    "/config",
    "/config/brokers",
    "/config/changes",
    "/config/clients",
    "/config/ips",
    "/config/topics",
    "/config/users",
    "/consumers",
    "/isr_change_notification",
    "/latest_producer_id_block",
    "/log_dir_event_notification",
};

std::string_view parent_of(std::string_view path) {
  auto slash = path.rfind('/');
  return slash == 0 ? path.substr(0, 1) : path.substr(0, slash);
}

// ZooKeeper's rule for paths, as far as Kafka's names need it.
bool is_valid_path(std::string_view path) {
  return path.size() > 1 && path.front() == '/' && path.back() != '/' && !path.contains("//") &&
         !path.contains('\0');
}

std::string const& path_of(node_operation const& operation) {
  return std::visit([](auto const& part) -> std::string const& { return part.path; }, operation);
}

}  // namespace

std::string_view describe(coordination_errc code) {
  switch (code) {
    case coordination_errc::no_node:
      return "no such node";
    case coordination_errc::node_exists:
      return "the node exists";
    case coordination_errc::bad_version:
      return "the node was changed meanwhile";
    case coordination_errc::not_empty:
      return "the node has children";
    case coordination_errc::invalid_path:
      return "not a path";
    case coordination_errc::unavailable:
      return "the coordination tree takes no changes";
  }
  return "unknown";
}

local_coordination::local_coordination(std::unique_ptr<tree_journal> journal)
    : journal_(std::move(journal)) {}

task<expected<std::unique_ptr<local_coordination>, error>> local_coordination::open(
    std::string directory) {
  auto opened = co_await tree_journal::open(directory);
  if (!opened) co_return unexpected<error>(opened.error());
  std::unique_ptr<local_coordination> tree{new local_coordination{std::move(opened->journal)}};
  for (auto& [path, data] : opened->contents) tree->nodes_[path] = {std::move(data), 0};
  if (!opened->existed) {
    for (auto path : first_nodes) tree->nodes_[std::string{path}] = {};
  }
  // A fresh snapshot at every start: a short journal, and early proof that the directory takes
  // writes.
  auto replaced = co_await tree->journal_->replace_snapshot(tree->contents());
  if (!replaced) {
    co_await tree->journal_->close();
    co_return fail(replaced.error(), "check the disk and the owner of the directory",
                   "cannot write the coordination tree in {}: {}", directory,
                   describe(replaced.error()));
  }
  co_return std::move(tree);
}

tree_contents local_coordination::contents() const {
  tree_contents all;
  for (auto const& [path, found] : nodes_) all.emplace(path, found.data);
  return all;
}

task<expected<node, coordination_errc>> local_coordination::get(std::string path) {
  auto found = nodes_.find(path);
  if (found == nodes_.end()) {
    co_return unexpected<coordination_errc>(coordination_errc::no_node);
  }
  co_return found->second;
}

task<expected<std::vector<std::string>, coordination_errc>> local_coordination::children(
    std::string path) {
  if (!nodes_.contains(path)) {
    co_return unexpected<coordination_errc>(coordination_errc::no_node);
  }
  auto prefix = path == "/" ? path : path + "/";
  std::vector<std::string> names;
  for (auto at = nodes_.upper_bound(prefix);
       at != nodes_.end() && std::string_view{at->first}.starts_with(prefix);) {
    auto name = std::string_view{at->first}.substr(prefix.size());
    auto slash = name.find('/');
    if (slash == std::string_view::npos) {
      names.emplace_back(name);
      ++at;
    } else {
      // Past everything below this child: '0' is the character after '/'.
      at = nodes_.lower_bound(prefix + std::string{name.substr(0, slash)} + "0");
    }
  }
  co_return names;
}

bool local_coordination::has_children(std::string_view path) const {
  auto prefix = std::string{path} + "/";
  auto next = nodes_.lower_bound(prefix);
  return next != nodes_.end() && next->first.starts_with(prefix);
}

expected<void, coordination_errc> local_coordination::apply(node_operation const& operation,
                                                            undo_list& undo) {
  auto refuse = [](coordination_errc code) { return unexpected<coordination_errc>(code); };
  auto const& path = path_of(operation);
  if (!is_valid_path(path)) return refuse(coordination_errc::invalid_path);
  auto found = nodes_.find(path);
  if (auto const* created = std::get_if<create_node>(&operation)) {
    if (!nodes_.contains(parent_of(path))) return refuse(coordination_errc::no_node);
    if (found != nodes_.end()) return refuse(coordination_errc::node_exists);
    undo.push_back({path, std::nullopt});
    nodes_[path] = {created->data, 0};
    return {};
  }
  if (found == nodes_.end()) return refuse(coordination_errc::no_node);
  auto matches = [&](node_version expected_version) {
    return expected_version == any_version || expected_version == found->second.version;
  };
  if (auto const* set = std::get_if<set_node>(&operation)) {
    if (!matches(set->expected)) return refuse(coordination_errc::bad_version);
    undo.push_back({path, found->second});
    found->second.data = set->data;
    ++found->second.version;
  } else if (auto const* removed = std::get_if<remove_node>(&operation)) {
    if (!matches(removed->expected)) return refuse(coordination_errc::bad_version);
    if (has_children(path)) return refuse(coordination_errc::not_empty);
    undo.push_back({path, found->second});
    nodes_.erase(found);
  } else if (!matches(std::get<check_node>(operation).expected)) {
    return refuse(coordination_errc::bad_version);
  }
  return {};
}

void local_coordination::take_back(undo_list& undo) {
  while (!undo.empty()) {
    auto& [path, before] = undo.back();
    if (before) {
      nodes_[path] = std::move(*before);
    } else {
      nodes_.erase(path);
    }
    undo.pop_back();
  }
}

task<expected<void, coordination_errc>> local_coordination::multi(
    std::vector<node_operation> operations) {
  if (failed_) co_return unexpected<coordination_errc>(coordination_errc::unavailable);
  undo_list undo;
  for (auto const& operation : operations) {
    if (auto applied = apply(operation, undo); !applied) {
      take_back(undo);
      co_return applied;
    }
  }
  for (auto& operation : operations) {
    if (auto* created = std::get_if<create_node>(&operation)) {
      pending_.push_back({std::move(created->path), std::move(created->data)});
    } else if (auto* set = std::get_if<set_node>(&operation)) {
      pending_.push_back({std::move(set->path), std::move(set->data)});
    } else if (auto* removed = std::get_if<remove_node>(&operation)) {
      pending_.push_back({std::move(removed->path), std::nullopt});
    }
  }
  auto mine = ++claimed_;
  if (!writing_) co_await write_pending();
  while (written_ < mine && !failed_) (void)co_await progress_.wait();
  if (written_ < mine) co_return unexpected<coordination_errc>(coordination_errc::unavailable);
  co_return expected<void, coordination_errc>{};
}

task<> local_coordination::write_pending() {
  writing_ = true;
  while (written_ < claimed_ && !failed_) {
    auto through = claimed_;
    auto changes = std::exchange(pending_, {});
    auto done = changes.empty() ? expected<>{} : co_await journal_->append(changes);
    // A new snapshot must not hold what is not durable: it waits for a moment without claims.
    if (done && journal_->is_long() && claimed_ == through) {
      done = co_await journal_->replace_snapshot(contents());
    }
    if (!done) {
      failed_ = true;
      logging::error("coordination",
                     "cannot write the coordination tree: {}; topics can be neither "
                     "created nor deleted until a restart",
                     describe(done.error()));
    } else {
      written_ = through;
    }
    progress_.wake_all();
  }
  writing_ = false;
  progress_.wake_all();
}

task<> local_coordination::close() {
  while (writing_) (void)co_await progress_.wait();
  failed_ = true;
  co_await journal_->close();
}

}  // namespace karst::cluster
