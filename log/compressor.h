#pragma once

#include <memory>
#include <span>
#include <vector>

#include "log/batch.h"

namespace karst::log {

// Deflates record bytes piece by piece, in the framings that every Kafka client reads: gzip; snappy
// in xerial blocks of 32 KiB, as Java writes it; an lz4 frame of independent 64 KiB blocks; a zstd
// frame. For batch_builder and batch_rewriter. Lives on one core; contexts are kept for the next
// batch. Compression cannot fail but for lack of memory, which ends the process.
class compressor {
 public:
  // The level means what the codec's own library says; gzip 6, lz4 9 and zstd 3 are Kafka's
  // defaults.
  static constexpr int default_level = -1'000'000;

  compressor();
  ~compressor();
  compressor(compressor&&) noexcept;
  compressor& operator=(compressor&&) noexcept;

  // The output is appended to `to`, which must live until finish().
  void start(codec compression, std::vector<std::byte>& to, int level = default_level);
  void write(std::span<std::byte const> bytes);
  void finish();

 private:
  struct state;
  std::unique_ptr<state> state_;
};

}  // namespace karst::log
