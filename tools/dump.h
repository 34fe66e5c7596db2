#pragma once

#include <cstdint>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "log/batch.h"
#include "reactor/base/expected.h"

namespace karst::tools {

struct dump_settings {
  std::string path;
  bool json = false;
  bool records = false;     // every record, inflated
  std::uint64_t limit = 0;  // batches or groups at most; 0: all
};

// One batch as both forms of output show it: its line, and with --records its records behind it.
// `position` is where it begins in its file; -1 leaves it out.
class batch_printer {
 public:
  explicit batch_printer(dump_settings const& settings) : settings_(settings) {}
  void heading() const;
  // Returns whether the batch is sound: its CRC right and, when records are wanted, every one read.
  bool print(log::batch_header const& header, std::span<std::byte const> bytes,
             std::int64_t position) const;

 private:
  bool print_records(log::batch_header const& header, std::span<std::byte const> bytes) const;

  dump_settings const& settings_;
};

// Each prints one file to stdout and what is wrong with it to stderr; true when nothing is.
expected<bool, error> dump_segment(std::FILE* file, dump_settings const& settings);
expected<bool, error> dump_journal(std::FILE* file, dump_settings const& settings);

}  // namespace karst::tools
