#include "tests/sim/sim_disk.h"

#include <algorithm>
#include <functional>

#include "reactor/base/assert.h"
#include "reactor/base/hash.h"

namespace karst::sim {
namespace {

std::vector<std::string> parts_of(std::string_view path) {
  std::vector<std::string> parts;
  while (!path.empty()) {
    auto slash = std::min(path.find('/'), path.size());
    auto part = path.substr(0, slash);
    if (!part.empty() && part != ".") parts.emplace_back(part);
    path.remove_prefix(std::min(slash + 1, path.size()));
  }
  return parts;
}

node_ptr make_node(bool directory) {
  auto made = std::make_shared<disk_node>();
  made->directory = directory;
  return made;
}

void assign(std::map<std::string, node_ptr>& names, std::string const& name,
            node_ptr const& target) {
  if (target) {
    names[name] = target;
  } else {
    names.erase(name);
  }
}

}  // namespace

bool disk::name_change::durable() const {
  return std::ranges::all_of(assignments, &assignment::synced);
}

disk::disk(std::uint64_t capacity_bytes)
    : capacity_blocks_(capacity_bytes / block_size), root_(make_node(true)) {}

disk::place disk::look_up(std::string_view path) const {
  auto parts = parts_of(path);
  place at{.directory = nullptr, .name = {}, .target = root_};
  for (auto& part : parts) {
    if (!at.target) return {};
    if (!at.target->directory)
      return {.directory = {}, .name = {}, .target = {}, .missing = errc::not_a_directory};
    at.directory = at.target;
    at.name = std::move(part);
    auto found = at.directory->names.find(at.name);
    at.target = found == at.directory->names.end() ? nullptr : found->second;
  }
  return at;
}

node_ptr disk::find(std::string_view path) const { return look_up(path).target; }

void disk::change_names(std::vector<name_change::assignment> assignments) {
  for (auto const& one : assignments) assign(one.directory->names, one.name, one.target);
  changes_.push_back({.number = next_++, .assignments = std::move(assignments)});
}

disk disk::with_directory(std::string_view path) {
  disk made;
  made.prepare_directory(path);
  return made;
}

void disk::prepare_directory(std::string_view path) {
  auto at = root_;
  for (auto const& part : parts_of(path)) {
    auto& target = at->names[part];
    if (!target) target = make_node(true);
    at->durable_names[part] = target;
    at = target;
  }
}

expected<node_ptr> disk::open(std::string_view path, std::uint32_t open_flags, wall_ms now) {
  auto at = look_up(path);
  if (at.target) {
    if ((open_flags & open_exclusive) != 0) return fail(errc::exists);
    if ((open_flags & open_directory) != 0 && !at.target->directory)
      return fail(errc::not_a_directory);
    if ((open_flags & open_write) != 0 && at.target->directory) return fail(errc::is_a_directory);
    return at.target;
  }
  if ((open_flags & open_create) == 0 || !at.directory) return fail(at.missing);
  auto made = make_node(false);
  made->modified = now;
  change_names({{.directory = at.directory, .name = at.name, .target = made}});
  return made;
}

expected<> disk::rename(std::string_view from, std::string_view to) {
  auto source = look_up(from);
  auto target = look_up(to);
  if (!source.target || !source.directory) return fail(source.missing);
  if (!target.directory) return fail(target.missing);
  if (target.target == source.target) return {};
  if (target.target) {
    if (target.target->directory && !source.target->directory) return fail(errc::is_a_directory);
    if (!target.target->directory && source.target->directory) return fail(errc::not_a_directory);
    if (!target.target->names.empty()) return fail(errc::not_empty);
    lost_name(*target.target);
  }
  change_names({{.directory = source.directory, .name = source.name, .target = nullptr},
                {.directory = target.directory, .name = target.name, .target = source.target}});
  return {};
}

expected<> disk::unlink(std::string_view path) {
  auto at = look_up(path);
  if (!at.target || !at.directory) return fail(at.missing);
  if (at.target->directory) return fail(errc::is_a_directory);
  lost_name(*at.target);
  change_names({{.directory = at.directory, .name = at.name, .target = nullptr}});
  return {};
}

expected<> disk::make_directory(std::string_view path) {
  auto at = look_up(path);
  if (at.target) return fail(errc::exists);
  if (!at.directory) return fail(at.missing);
  change_names({{.directory = at.directory, .name = at.name, .target = make_node(true)}});
  return {};
}

expected<> disk::remove_directory(std::string_view path) {
  auto at = look_up(path);
  if (!at.target || !at.directory) return fail(at.missing);
  if (!at.target->directory) return fail(errc::not_a_directory);
  if (!at.target->names.empty()) return fail(errc::not_empty);
  change_names({{.directory = at.directory, .name = at.name, .target = nullptr}});
  return {};
}

void disk::sync_names(node_ptr const& directory, std::uint64_t mark) {
  for (auto& change : changes_) {
    if (change.number >= mark) break;
    for (auto& one : change.assignments) one.synced |= one.directory == directory;
  }
  while (!changes_.empty() && changes_.front().durable()) {
    for (auto const& one : changes_.front().assignments) {
      assign(one.directory->durable_names, one.name, one.target);
    }
    changes_.pop_front();
  }
}

bool disk::take_space(std::uint64_t blocks) {
  if (used_blocks_ + blocks > capacity_blocks_) return false;
  used_blocks_ += blocks;
  return true;
}

void disk::lost_name(disk_node& node) {
  node.nameless = true;
  if (node.descriptors == 0) give_space(node.data.current().allocated_blocks());
}

void disk::closed(disk_node& node) {
  KARST_ASSERT(node.descriptors != 0, "closed more often than opened");
  --node.descriptors;
  if (node.nameless && node.descriptors == 0) give_space(node.data.current().allocated_blocks());
}

disk disk::after_power_cut(random_source random, std::optional<unsigned> keep) const {
  // All kept and all dropped are the two states that chance alone would rarely show.
  static constexpr std::array<unsigned, 5> chances{0, 25, 50, 75, 100};
  auto const drawn = chances[random.below(chances.size())];
  auto const keep_percent = keep.value_or(drawn);
  std::map<disk_node const*, std::map<std::string, node_ptr>> changed;
  auto names_of = [&](node_ptr const& directory) -> std::map<std::string, node_ptr>& {
    return changed.try_emplace(directory.get(), directory->durable_names).first->second;
  };
  for (auto const& change : changes_) {
    if (!change.durable() && !random.percent(keep_percent)) continue;
    for (auto const& one : change.assignments)
      assign(names_of(one.directory), one.name, one.target);
  }
  auto copy = [&](auto const& self, node_ptr const& from) -> node_ptr {
    auto made = make_node(from->directory);
    made->modified = from->modified;
    if (!from->directory) {
      made->data = sim_file::of(from->data.after_power_cut(random, keep_percent));
      return made;
    }
    for (auto const& [name, target] : names_of(from)) made->names.emplace(name, self(self, target));
    made->durable_names = made->names;
    return made;
  };
  disk after{capacity_blocks_ * block_size};
  after.root_ = copy(copy, root_);
  after.closed_all();
  return after;
}

void disk::closed_all() {
  used_blocks_ = 0;
  auto count = [this](auto const& self, node_ptr const& node) -> void {
    node->descriptors = 0;
    used_blocks_ += node->data.current().allocated_blocks();
    for (auto const& [name, target] : node->names) self(self, target);
  };
  count(count, root_);
}

std::vector<std::string> disk::files(std::string_view path) const {
  std::vector<std::string> found;
  auto visit = [&](auto const& self, std::string const& at, node_ptr const& node) -> void {
    if (!node->directory) return found.push_back(at);
    for (auto const& [name, target] : node->names) self(self, at + "/" + name, target);
  };
  std::string start;
  for (auto const& part : parts_of(path)) start += "/" + part;
  if (auto top = find(path)) visit(visit, start, top);
  return found;
}

std::string disk::content(std::string_view path) const {
  auto node = find(path);
  KARST_ASSERT(node && !node->directory, "no file {}", path);
  std::string text(node->data.current().size(), '\0');
  node->data.current().read(0, std::as_writable_bytes(std::span{text}));
  return text;
}

std::uint64_t disk::fingerprint(std::string_view path) const {
  std::uint64_t hash = 0;
  for (auto const& file : files(path)) {
    auto bytes = content(file);
    hash = hash_bytes(file.data(), file.size(), hash);
    hash = hash_bytes(bytes.data(), bytes.size(), hash);
  }
  return hash;
}

}  // namespace karst::sim
