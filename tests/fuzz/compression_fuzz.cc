// Compressed bytes that clients send: never more output than allowed, never a read outside the
// input, and what we compress we can read.
#include "log/compressor.h"
#include "log/decompressor.h"
#include "reactor/base/assert.h"

namespace karst::log {
namespace {

constexpr std::size_t most_output = 1 * MiB;

void inflate(codec compression, std::span<std::byte const> bytes, std::size_t piece) {
  static decompressor reused;
  buffer_chain chain;
  for (; !bytes.empty(); bytes = bytes.subspan(std::min(piece, bytes.size()))) {
    chain.append(buffer::copy_of(bytes.first(std::min(piece, bytes.size()))));
  }
  reused.start(compression, chain, 0, chain.size(), most_output);
  while (true) {
    auto slice = reused.next();
    if (!slice || slice->empty()) break;
    KARST_ASSERT(reused.produced() <= most_output, "{}", reused.produced());
  }
}

void round_trip(codec compression, std::span<std::byte const> bytes, std::size_t piece) {
  std::vector<std::byte> packed;
  compressor deflate;
  deflate.start(compression, packed);
  for (auto rest = bytes; !rest.empty(); rest = rest.subspan(std::min(piece, rest.size()))) {
    deflate.write(rest.first(std::min(piece, rest.size())));
  }
  deflate.finish();
  buffer_chain chain{buffer::copy_of(packed)};
  auto again = decompress(compression, chain, 0, chain.size(), most_output);
  KARST_ASSERT(again && std::ranges::equal(again->bytes(), bytes));
}

}  // namespace
}  // namespace karst::log

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  if (size < 2) return 0;
  auto compression = static_cast<karst::log::codec>(data[0] % karst::log::codec_count);
  auto piece = static_cast<std::size_t>(data[1]) + 1;
  auto bytes = std::as_bytes(std::span{data + 2, size - 2});
  if ((data[0] & 0x80) != 0) {
    karst::log::round_trip(compression, bytes, piece);
  } else {
    karst::log::inflate(compression, bytes, piece);
  }
  return 0;
}
