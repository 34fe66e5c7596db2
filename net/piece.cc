#include "net/piece.h"

namespace karst::net {

std::size_t size_of(response_piece const& piece) {
  if (auto const* bytes = std::get_if<buffer_chain>(&piece)) return bytes->size();
  if (auto const* bytes = std::get_if<foreign<buffer_chain>>(&piece)) return (*bytes)->size();
  return std::get<file_range>(piece).length;
}

std::size_t size_of(std::vector<response_piece> const& pieces) {
  std::size_t bytes = 0;
  for (auto const& piece : pieces) bytes += size_of(piece);
  return bytes;
}

buffer_chain join(std::vector<response_piece> pieces) {
  buffer_chain whole;
  for (auto& piece : pieces) {
    auto* bytes = std::get_if<buffer_chain>(&piece);
    KARST_ASSERT(bytes != nullptr);
    whole.append(std::move(*bytes));
  }
  return whole;
}

}  // namespace karst::net
