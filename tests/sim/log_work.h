#pragma once

#include <functional>

#include "tests/sim/log_node.h"

namespace karst::sim {

// Random work on the logs of a node, one step after another: appends of all sizes, one at a time
// and at once, by idempotent producers too, retries, truncations, removals, idle time. Four topics;
// one that was deleted is made again, with a log id that is a hundred higher. Drawn from one
// generator, so that a seed gives the same work again. A new kind of step is a row in the table in
// step().
class log_work {
 public:
  log_work(log_node& node, log_ledger& ledger, random_source& random)
      : node_(node), ledger_(ledger), random_(random) {}

  // Does something; the reason if it failed, empty for none. After a failed write or a power cut
  // everything fails.
  std::string step();

  // Segments and indexes of all sizes that a log may have here.
  static log::log_config any_config(random_source& random);

 private:
  std::string append();
  std::string append_largest();
  std::string append_at_once();
  std::string append_in_sequence();
  std::string retry();
  std::string truncate();
  std::string truncate_fully();
  std::string truncate_amid_appends();
  std::string remove();
  std::string idle();

  std::uint64_t newest(std::uint64_t topic) const;
  std::size_t some_bytes();
  log_cut some_cut(log_book const& book);

  log_node& node_;
  log_ledger& ledger_;
  random_source& random_;
  std::uint64_t id_ = 0;  // of the log that this step is about
};

}  // namespace karst::sim
