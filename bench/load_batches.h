#pragma once

#include <vector>

#include "bench/load_options.h"
#include "reactor/base/expected.h"
#include "reactor/buffer.h"

namespace karst::bench {

// The record batches that a load sends over and over: built once, so that sending costs no more
// than the sending. Without keys all are alike, and there is one. With keys there are as many as it
// takes to hold each key once. CreateTime is the time of building. The error: the keys would not
// fit into memory.
expected<std::vector<buffer>, error> build_batches(load_options const& options);

// The value of the record with this number.
std::string build_value(load_options const& options, std::uint64_t number);

}  // namespace karst::bench
