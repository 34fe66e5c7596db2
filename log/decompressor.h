#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "log/batch.h"
#include "log/errc.h"
#include "reactor/base/expected.h"
#include "reactor/buffer_chain.h"

namespace karst::log {

// Inflates the record bytes of one batch after another, in slices, so that its user can yield the
// core between them and needs no memory for the whole. What comes from clients is bounded three
// ways: the output by the caller's limit, memory by the slice and the codec's window (zstd at most
// limit::zstd_window_log), and each call's work by the slice; there is no limit on the ratio,
// because real logs compress 100:1. One piece of a snappy stream is inflated at once, because the
// format has no smaller unit: at most 22 times its size. Lives on one core, one batch at a time;
// codec contexts are kept for the next batch. After an error only start() is allowed.
class decompressor {
 public:
  decompressor();
  ~decompressor();
  decompressor(decompressor&&) noexcept;
  decompressor& operator=(decompressor&&) noexcept;

  // Begins with the bytes [position, position + size) of `input`, which must outlive the last
  // next(). Codec none is passed through.
  void start(codec compression, buffer_chain const& input, std::size_t position, std::size_t size,
             std::size_t most_output);
  // The next bytes, valid until the next call; empty at the end. Errors: corrupt_batch (the stream
  // is damaged, cut, followed by garbage, or of a kind that Kafka's clients cannot read),
  // batch_too_large (more output than allowed, or too large a window).
  expected<std::span<std::byte const>, errc> next();
  // Bytes given so far.
  std::size_t produced() const;

 private:
  struct state;
  std::unique_ptr<state> state_;
};

// All of it at once, for tools, clients and tests: at most `most_output` bytes.
expected<buffer, errc> decompress(codec compression, buffer_chain const& input,
                                  std::size_t position, std::size_t size, std::size_t most_output);

}  // namespace karst::log
