#pragma once

#include "log/batch.h"

namespace karst::log {

// One record batch, whole, and checked by batch_validator for everything but its CRC, which append
// computes while it copies the bytes. Owns (shares) the bytes; a value of one core, like its
// buffers. The header is the decoded form of the first 61 bytes, so that append looks at facts and
// never parses: the base offset and leader epoch in it are the producer's, not yet stamped.
struct validated_batch {
  buffer_chain bytes;
  batch_header header;

  std::size_t size() const { return bytes.size(); }
  // The same bytes again; counts references.
  validated_batch share() const { return {bytes.share(), header}; }

  // For batches that this process built (batch_builder, markers, tests): decodes the header and
  // asserts that the bytes are one batch.
  static validated_batch trusted(buffer_chain bytes);
};

}  // namespace karst::log
