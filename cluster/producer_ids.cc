#include "cluster/producer_ids.h"

#include "cluster/coordination.h"
#include "cluster/tree_nodes.h"

namespace karst::cluster {

task<expected<log::producer_id, refusal>> producer_ids::next() {
  if (next_ == end_) {
    (void)co_await claiming_.take(1);
    auto claimed = next_ == end_ ? co_await claim_block() : expected<void, refusal>{};
    claiming_.give(1);
    if (!claimed) co_return unexpected<refusal>(claimed.error());
  }
  co_return log::producer_id{next_++};
}

task<expected<void, refusal>> producer_ids::claim_block() {
  auto refuse = [](std::string message) {
    return unexpected<refusal>(
        refusal{net::error_code::coordinator_not_available, std::move(message)});
  };
  auto found = co_await tree_.get(tree_path::producer_id_block);
  if (!found) co_return refuse(std::string{describe(found.error())});
  producer_id_block block{.broker = broker_id_};
  if (!found->data.empty()) {
    auto last = parse_producer_id_block(found->data);
    if (!last) co_return refuse("the last block of producer ids cannot be read");
    block.first = last->last + 1;
  }
  // Kafka's Long.MAX: at a million blocks per second that is 300 years away, but never wrap.
  if (block.first > std::numeric_limits<std::int64_t>::max() - producer_id_block::size) {
    co_return refuse("all producer ids have been given out");
  }
  block.last = block.first + producer_id_block::size - 1;
  std::vector<node_operation> change;
  change.push_back(set_node{tree_path::producer_id_block, to_json(block), found->version});
  if (auto set = co_await tree_.multi(std::move(change)); !set) {
    co_return refuse(std::string{describe(set.error())});
  }
  next_ = block.first;
  end_ = block.last + 1;
  co_return expected<void, refusal>{};
}

}  // namespace karst::cluster
