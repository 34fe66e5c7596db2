#pragma once

#include "tools/client_command.h"
#include "tools/record_printer.h"

namespace karst::tools {

// Where to begin in a partition, as the command line says it: earliest, latest, an offset, -N for
// the last N, or a time.
struct start_choice {
  std::string offset = "earliest";
  std::string from_time;
};
task<expected<std::int64_t, error>> first_offset(net::client& client, net::topic_partition where,
                                                 start_choice const& choice);

struct consume_settings {
  client_settings client;
  print_settings print;
  std::vector<std::int32_t> partitions;
  start_choice start;
  std::int64_t count = -1;
  bool exit_at_end = false;
  std::string group;
  std::string instance;
};

// `karst consume TOPIC --group NAME`: reads as a member of a group until `stop`, the count or the
// end. Commits what has left for standard output, so a record may be printed twice after a failure
// and never goes missing; leaves the group at its end.
task<expected<void, error>> consume_in_group(net::client& client, consume_settings const& settings,
                                             abort_source& stop);

}  // namespace karst::tools
