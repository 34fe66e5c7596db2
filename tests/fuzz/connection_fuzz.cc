#include "net/frame.h"
#include "net/wire/header.h"
#include "reactor/base/units.h"

// Bytes of a peer, cut into pieces as the input itself says, through the frame reader and the
// request header: whatever comes, frames stay within the limit, and no byte is lost or invented.
extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  using namespace karst;
  constexpr std::size_t frame_bytes_max = 4 * KiB;
  constexpr std::size_t small_bytes = 256;
  net::frame_reader reader{frame_bytes_max, small_bytes};
  auto const* bytes = reinterpret_cast<std::byte const*>(data);
  std::size_t at = 0;
  std::size_t cut = 0;  // into frames, their lengths included
  while (true) {
    auto step = reader.next();
    if (auto* whole = std::get_if<net::frame_reader::whole>(&step)) {
      KARST_ASSERT(!whole->frame.empty() && whole->frame.size() <= frame_bytes_max);
      cut += net::frame_prefix_bytes + whole->frame.size();
      KARST_ASSERT(cut <= at, "{} of {}", cut, at);
      std::size_t body = 0;
      auto header = net::read_request_header(whole->frame, body);
      KARST_ASSERT(!header || body <= whole->frame.size());
    } else if (auto* large = std::get_if<net::frame_reader::large>(&step)) {
      KARST_ASSERT(large->bytes > small_bytes && large->bytes <= frame_bytes_max);
      auto first = reader.take_large();
      auto rest = large->bytes - first.size();
      if (rest > size - at) return 0;
      at += rest;
      cut += net::frame_prefix_bytes + large->bytes;
    } else if (std::holds_alternative<net::frame_reader::bad>(step)) {
      return 0;
    } else {
      if (at == size) return 0;
      auto piece = std::min<std::size_t>(size - at, 1 + data[at] % 64);
      reader.feed(buffer::copy_of({bytes + at, piece}));
      at += piece;
    }
  }
}
