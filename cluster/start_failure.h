#pragma once

#include "reactor/base/expected.h"

namespace karst::cluster {

// The exit statuses of `karst serve`: one for each kind of failure, so that scripts and service
// managers can tell them apart. Part of the user interface: never renumbered. `karst serve --help`
// and the README list them.
enum class exit_status : int {
  success = 0,
  failure = 1,            // anything without a status of its own
  bad_configuration = 2,  // unknown keys, illegal values, what is not served yet; bad command lines
  port_busy = 3,
  directory_locked = 4,  // by a live process, which the text names
  wrong_identity = 5,    // meta.properties belongs to another broker or cluster
  no_permission = 6,
  no_space = 7,               // for the journal
  unsupported_directory = 8,  // a directory written by Kafka
  memlock_too_low = 9,
  damaged = 10,              // stored data that cannot be trusted
  address_unavailable = 11,  // the listener's host is not an address of this machine
};

// Why the broker did not start: one line with what, why and what to do, and how to exit.
struct start_failure {
  exit_status status = exit_status::failure;
  error problem;
};

// The status that an error's code stands for, where its source does not say better.
exit_status status_of(errc code);

inline std::unexpected<start_failure> cannot_start(error problem) {
  auto status = status_of(problem.code);
  return std::unexpected<start_failure>(start_failure{status, std::move(problem)});
}
inline std::unexpected<start_failure> cannot_start(exit_status status, error problem) {
  return std::unexpected<start_failure>(start_failure{status, std::move(problem)});
}

}  // namespace karst::cluster
