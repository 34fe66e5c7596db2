#pragma once

#include "cluster/broker_life.h"
#include "cluster/config_loader.h"
#include "reactor/machine.h"

namespace karst::tools {

// What `karst serve` tells the person who starts it, on standard output, which the log does not
// use. The last line, "karst ready: listening on HOST:PORT", is stable: scripts wait for it.

// Notices and warnings of the configuration, on standard error.
void print_remarks(cluster::loaded_config const& loaded);
// Every setting that is not the default, with its source.
void print_settings(cluster::broker_config const& config);
void print_before_start(machine const& cores, cluster::broker_options const& options);
void print_after_start(cluster::broker_life& life);

}  // namespace karst::tools
