#pragma once

#include <netinet/in.h>

#include <string>
#include <vector>

#include "bench/load_options.h"
#include "net/client.h"
#include "reactor/base/expected.h"
#include "reactor/task.h"

namespace karst::bench {

// A partition that a load writes or reads, and the broker that leads it.
struct lane {
  std::string topic;
  std::int32_t partition = 0;
  std::int32_t leader = -1;
  sockaddr_storage address{};
  std::string broker;  // HOST:PORT, for messages
};

// The lanes of the load's topics: with `make`, topics that are missing are made; of the others the
// number of partitions is what it is. The error says what the broker refused, or that a partition
// has no leader.
task<expected<std::vector<lane>, error>> find_lanes(net::client& client,
                                                    load_options const& options, bool make);

// What becomes of connections for which there is no partition that no other has.
enum class surplus : std::uint8_t { share, stay_idle };

// Which lanes each of `connections` connections serves. A connection goes to one broker and one
// topic, and these take turns; with fewer connections than partitions they divide them, with more
// several share one, or have none. The error: there are too few connections for that.
expected<std::vector<std::vector<lane>>, error> deal_lanes(std::vector<lane> const& lanes,
                                                           std::uint32_t connections,
                                                           surplus others = surplus::share);

// A connection to the leader of a lane. The error names it and what to do.
task<expected<std::unique_ptr<socket>, error>> connect_to(lane const& to);

}  // namespace karst::bench
