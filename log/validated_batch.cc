#include "log/validated_batch.h"

namespace karst::log {

validated_batch validated_batch::trusted(buffer_chain bytes) {
  KARST_ASSERT(bytes.size() >= batch_layout::header_bytes, "{} bytes", bytes.size());
  std::array<std::byte, batch_layout::header_bytes> scratch;
  auto header = batch_header::decode(bytes.contiguous(0, scratch.size(), scratch.data()));
  KARST_ASSERT(header.magic == 2 && header.size_bytes() == bytes.size(), "magic {}, {} of {}",
               header.magic, header.size_bytes(), bytes.size());
  return {std::move(bytes), header};
}

}  // namespace karst::log
