#pragma once

#include <string>
#include <vector>

#include "tools/client_command.h"
#include "tools/group_report.h"

namespace karst::tools {

// One line for a person: what is the matter, and what to do about it.
struct finding {
  std::string about;  // "broker", "topic", "group", "disk", "host"
  std::string what;
  std::string remedy;
};

// What `karst doctor` has seen and found so far. Each check adds its findings; a check that cannot
// be made adds that as a finding.
struct examination {
  net::client& client;
  net::host_and_port connected_to;
  net::metadata_response cluster;
  std::vector<finding> findings;
  bool reachable = true;  // every broker, by the address that it tells
  std::size_t topics = 0;
  std::size_t groups = 0;

  void add(std::string about, std::string what, std::string remedy) {
    findings.push_back({std::move(about), std::move(what), std::move(remedy)});
  }
};

// The addresses that the brokers tell their clients: that they resolve, answer, and are no loopback
// address told to other hosts.
void check_addresses(examination& of);
// Partitions without a leader or with too few replicas; names that look like typos of others.
task<> check_topics(examination& of);
// Offline directories and disks that are nearly full.
task<> check_disks(examination& of);
// Lag that nobody reads, members without partitions, commits that lead nowhere.
task<> check_groups(examination& of);
// What the kernel of this host denies, where the broker is on this host.
void check_host(examination& of);

// What there is to say about one group from its report alone; pure.
std::vector<finding> findings_of(group_report const& report);

}  // namespace karst::tools
