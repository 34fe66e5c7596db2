#include "cluster/group_members.h"

#include <algorithm>

#include "reactor/base/assert.h"

namespace karst::cluster {

std::string_view group_member::metadata(std::string_view protocol) const {
  auto found = std::ranges::find(protocols, protocol, &group_protocol::name);
  return found == protocols.end() ? std::string_view{} : std::string_view{found->metadata};
}

group_member* group_members::find(std::string_view id) {
  auto found = all_.find(id);
  return found == all_.end() ? nullptr : &found->second;
}

group_member const* group_members::find(std::string_view id) const {
  auto found = all_.find(id);
  return found == all_.end() ? nullptr : &found->second;
}

std::string const* group_members::holder(std::string_view instance_id) const {
  auto found = holders_.find(instance_id);
  return found == holders_.end() ? nullptr : &found->second;
}

group_member& group_members::add(std::string id, group_member member) {
  if (member.instance_id) {
    auto fresh = holders_.emplace(*member.instance_id, id).second;
    KARST_ASSERT(fresh, "instance {}", *member.instance_id);
  }
  if (leader_.empty()) leader_ = id;
  count_protocols(member, 1);
  auto [added, fresh] = all_.emplace(std::move(id), std::move(member));
  KARST_ASSERT(fresh, "member {}", added->first);
  return added->second;
}

group_member group_members::remove(std::string_view id) {
  auto found = all_.find(id);
  KARST_ASSERT(found != all_.end(), "member {}", id);
  auto was_leader = leader_ == found->first;
  auto member = std::move(found->second);
  all_.erase(found);
  count_protocols(member, -1);
  if (member.join) --joining_;
  if (member.owes_sync) --owing_sync_;
  if (member.instance_id) holders_.erase(*member.instance_id);
  if (was_leader) leader_ = all_.empty() ? std::string{} : all_.begin()->first;
  return member;
}

group_member& group_members::rename(std::string const& old_id, std::string new_id) {
  auto node = all_.extract(old_id);
  KARST_ASSERT(!node.empty() && node.mapped().instance_id, "member {}", old_id);
  if (leader_ == old_id) leader_ = new_id;
  holders_.insert_or_assign(*node.mapped().instance_id, new_id);
  node.key() = std::move(new_id);
  auto inserted = all_.insert(std::move(node));
  KARST_ASSERT(inserted.inserted, "member {}", inserted.position->first);
  return inserted.position->second;
}

bool group_members::elect_joined_leader() {
  auto const* leader = find(leader_);
  if (leader == nullptr) return false;
  if (leader->join) return true;
  auto joined = std::ranges::find_if(all_, [](auto const& each) { return !!each.second.join; });
  if (joined == all_.end()) return false;
  leader_ = joined->first;
  return true;
}

void group_members::set_protocols(group_member& member, std::vector<group_protocol> protocols) {
  count_protocols(member, -1);
  member.protocols = std::move(protocols);
  count_protocols(member, 1);
}

void group_members::count_protocols(group_member const& member, std::int32_t by) {
  for (auto const& protocol : member.protocols) {
    auto entry = have_protocol_.try_emplace(protocol.name, 0).first;
    if ((entry.value() += by) == 0) have_protocol_.erase(entry);
    auto const bytes = protocol.name.size() + protocol.metadata.size();
    text_bytes_ = by > 0 ? text_bytes_ + bytes : text_bytes_ - bytes;
  }
}

bool group_members::share_one_of(std::vector<group_protocol> const& protocols) const {
  return std::ranges::any_of(protocols, [this](auto const& protocol) {
    auto found = have_protocol_.find(protocol.name);
    auto have = found == have_protocol_.end() ? 0 : found->second;
    return static_cast<std::size_t>(have) == all_.size();
  });
}

std::string group_members::select_protocol() const {
  auto common = [this](group_protocol const& protocol) {
    return static_cast<std::size_t>(have_protocol_.at(protocol.name)) == all_.size();
  };
  hash_map<std::string_view, std::size_t> votes;
  for (auto const& [id, member] : all_) {
    auto choice = std::ranges::find_if(member.protocols, common);
    KARST_ASSERT(choice != member.protocols.end(), "member {}", id);
    ++votes[choice->name];
  }
  std::string_view chosen;
  std::size_t most = 0;
  for (auto const& protocol : all_.find(leader_)->second.protocols) {
    auto found = votes.find(std::string_view{protocol.name});
    if (found == votes.end() || found->second <= most) continue;
    chosen = protocol.name;
    most = found->second;
  }
  return std::string{chosen};
}

void group_members::park_join(group_member& member, group_ticket ticket) {
  KARST_ASSERT(!member.join);
  member.join = ticket;
  ++joining_;
}

std::optional<group_ticket> group_members::take_join(group_member& member) {
  if (member.join) --joining_;
  return std::exchange(member.join, std::nullopt);
}

void group_members::set_owes_sync(group_member& member, bool owes) {
  if (member.owes_sync == owes) return;
  member.owes_sync = owes;
  owing_sync_ += owes ? 1 : -1;
}

std::int32_t group_members::rebalance_timeout_ms() const {
  std::int32_t longest = 0;
  for (auto const& [id, member] : all_) longest = std::max(longest, member.rebalance_timeout_ms);
  return longest;
}

}  // namespace karst::cluster
