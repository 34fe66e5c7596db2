#pragma once

#include <cstddef>
#include <variant>
#include <vector>

#include "reactor/buffer_chain.h"
#include "reactor/file_range.h"
#include "reactor/foreign.h"

namespace karst::net {

// A stretch of the bytes of an answer. Memory that belongs to another core (log tails) comes as
// foreign<buffer_chain>, whose bytes are sent from where they lie and which goes home when sent. A
// file_range is sent by the socket on the core that opened it.
using response_piece = std::variant<buffer_chain, foreign<buffer_chain>, file_range>;

std::size_t size_of(response_piece const& piece);
std::size_t size_of(std::vector<response_piece> const& pieces);

// Record batches of one partition on their way out (Fetch) or as they came in (our client reading a
// Fetch answer: one buffer_chain). Move-only, like what it holds.
struct piece_list {
  std::vector<response_piece> pieces;

  piece_list() = default;
  explicit piece_list(buffer_chain bytes) {
    if (!bytes.empty()) pieces.emplace_back(std::move(bytes));
  }
  std::size_t size() const { return size_of(pieces); }
  bool empty() const { return pieces.empty(); }
};

// All pieces joined; every one of them must be a buffer_chain. For requests that our client sends,
// and tests.
buffer_chain join(std::vector<response_piece> pieces);

}  // namespace karst::net
