#include "log/journal_group.h"

#include "log/group_hash.h"

namespace karst::log {
namespace {

// Entries of one group: the limit, and one that alone is longer (a state with many producers).
constexpr std::size_t usual_capacity = group_limit + block_size;

}  // namespace

journal_group::journal_group() : memory_(usual_capacity) {}

void journal_group::reset() {
  done = false;
  members.clear();
  entry_bytes_ = group_header::encoded_bytes;
  body_bytes_ = 0;
  bodies_.clear();
}

std::span<std::byte> journal_group::add(std::size_t inline_bytes) {
  auto const needed = align_up(entry_bytes_ + inline_bytes, block_size);
  if (needed > memory_.size()) {
    aligned_memory larger{needed};
    std::memcpy(larger.data(), memory_.data(), entry_bytes_);
    memory_ = std::move(larger);
  }
  std::span<std::byte> entry{memory_.data() + entry_bytes_, inline_bytes};
  entry_bytes_ += inline_bytes;
  return entry;
}

void journal_group::add_body(buffer_chain body) {
  body_bytes_ += body.size();
  bodies_.append(std::move(body));
}

std::uint64_t journal_group::seal(std::uint64_t run, std::uint64_t previous_hash, bool clean) {
  auto const padded = align_up(entry_bytes_, block_size);
  std::memset(memory_.data() + entry_bytes_, 0, padded - entry_bytes_);
  group_hash hash{previous_hash};
  hash.add(memory_.bytes().first(entry_bytes_).subspan(group_header::encoded_bytes));
  for (auto const& piece : bodies_.pieces()) hash.add(piece.bytes());
  group_header header{.run = run,
                      .sequence = sequence,
                      .live_from = live_from,
                      .bytes = static_cast<std::uint32_t>(size()),
                      .entry_bytes = static_cast<std::uint32_t>(entry_bytes_),
                      .previous_hash = previous_hash,
                      .hash = hash.value(),
                      .clean = clean};
  header.encode({memory_.data(), group_header::encoded_bytes});
  return header.hash;
}

std::vector<iovec> journal_group::vectors() {
  std::vector<iovec> all;
  all.reserve(1 + bodies_.pieces().size());
  all.push_back({memory_.data(), align_up(entry_bytes_, block_size)});
  bodies_.to_iovecs(all);
  return all;
}

}  // namespace karst::log
