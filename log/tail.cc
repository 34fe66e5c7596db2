#include "log/tail.h"

#include "reactor/base/crc32c.h"

namespace karst::log {

bool tail::add_piece(offset segment, std::uint64_t start, std::size_t least) {
  auto size_class = std::max(next_class_, tail_cache::class_for(least));
  size_class = std::min(size_class, cache_.largest_class());
  auto* chunk = cache_.allocate(size_class);
  // Where memory is short, small pieces still fit.
  while (chunk == nullptr && size_class != 0) chunk = cache_.allocate(--size_class);
  if (chunk == nullptr) return false;
  // A log that fills pieces gets larger ones: few for a sparse log, few writes for a busy one.
  next_class_ = std::min(size_class + 1, tail_cache::sizes.size() - 1);
  pieces_.push_back({segment, start, 0, chunk, buffer{*chunk, chunk->data, chunk->capacity}});
  return true;
}

bool tail::start(log_position where, std::span<std::byte const> remainder) {
  auto const block = align_down(where.at.value, block_size);
  auto const filled = remainder.size();
  KARST_ASSERT(filled == where.at.value - block, "{} bytes for {}", filled, where.at.value);
  tail_chunk* chunk = nullptr;
  if (filled != 0) {
    chunk = cache_.allocate(0);
    if (chunk == nullptr) return false;
    std::memcpy(chunk->data, remainder.data(), filled);
  }
  clear();
  next_class_ = chunk == nullptr ? 0 : 1;
  end_ = where;
  written_ = where.at.value;
  started_ = true;
  if (chunk != nullptr) {
    pieces_.push_back({where.segment, block, static_cast<std::uint32_t>(filled), chunk,
                       buffer{*chunk, chunk->data, chunk->capacity}});
  }
  return true;
}

bool tail::reserve(std::size_t bytes) {
  auto const needed = written_ + bytes;
  auto have = written_;
  if (!pieces_.empty() && pieces_.back().segment == end_.segment) have = pieces_.back().limit();
  auto const class_before = next_class_;
  std::size_t added = 0;
  while (have < needed) {
    if (!add_piece(end_.segment, have, needed - have)) {
      while (added-- != 0) pieces_.pop_back();
      next_class_ = class_before;
      return false;
    }
    ++added;
    have = pieces_.back().limit();
  }
  return true;
}

template <typename Copy>
void tail::write_pieces(std::span<std::byte const> bytes, Copy copy) {
  auto index = find({end_.segment, position{written_}});
  while (!bytes.empty()) {
    auto& into = pieces_[index];
    auto const at = written_ - into.start;
    auto const part = std::min<std::size_t>(bytes.size(), into.chunk->capacity - at);
    into.chunk->expect_writes(at + part);
    copy(into.chunk->data + at, bytes.first(part));
    written_ += part;
    bytes = bytes.subspan(part);
    ++index;
  }
}

void tail::write(std::span<std::byte const> bytes) {
  write_pieces(bytes, [](std::byte* to, std::span<std::byte const> from) {
    std::memcpy(to, from.data(), from.size());
  });
}

std::uint32_t tail::write_crc(std::uint32_t crc, std::span<std::byte const> bytes) {
  write_pieces(bytes, [&crc](std::byte* to, std::span<std::byte const> from) {
    crc = copy_crc32c(crc, to, from.data(), from.size());
  });
  return crc;
}

void tail::commit() {
  for (auto index = pieces_.size(); index-- > 0;) {
    auto& touched = pieces_[index];
    if (touched.segment != end_.segment || touched.limit() <= end_.at.value) break;
    if (touched.start >= written_) continue;
    touched.filled =
        static_cast<std::uint32_t>(std::min(written_, touched.limit()) - touched.start);
  }
  end_.at.value = written_;
}

void tail::rollback() { written_ = end_.at.value; }

void tail::roll(offset segment) {
  // Pieces reserved for the old segment but not used would lie beyond its end.
  while (!pieces_.empty() && pieces_.back().filled == 0) pieces_.pop_back();
  end_ = {segment, position{0}};
  written_ = 0;
}

std::size_t tail::find(log_position from) const {
  // Writers and caught-up readers want the newest piece; others any of thousands.
  auto before = [&from](piece const& candidate) {
    return candidate.segment < from.segment ||
           (candidate.segment == from.segment && candidate.start <= from.at.value);
  };
  auto end = pieces_.end();
  if (pieces_.empty() || !before(pieces_.back()))
    end = std::ranges::partition_point(pieces_, before);
  auto const index = static_cast<std::size_t>(end - pieces_.begin());
  if (index == 0 || pieces_[index - 1].segment != from.segment) return pieces_.size();
  return index - 1;
}

bool tail::holds(log_position from) const {
  auto index = find(from);
  return index < pieces_.size() && from.at.value < pieces_[index].limit();
}

log_position tail::first() const {
  if (pieces_.empty()) return end_;
  return {pieces_.front().segment, position{pieces_.front().start}};
}

buffer_chain tail::slice(log_position from, std::size_t bytes) const {
  buffer_chain chain;
  auto at = from.at.value;
  for (auto index = find(from); bytes != 0; ++index) {
    KARST_ASSERT(index < pieces_.size(), "{} bytes at {} are not in the tail", bytes, at);
    auto const& part = pieces_[index];
    auto const skip = at - part.start;
    auto const size = std::min<std::size_t>(bytes, part.chunk->capacity - skip);
    chain.append(part.memory.slice(skip, size));
    at += size;
    bytes -= size;
  }
  return chain;
}

void tail::copy_to(log_position from, std::span<std::byte> to) const {
  auto at = from.at.value;
  for (auto index = find(from); !to.empty(); ++index) {
    KARST_ASSERT(index < pieces_.size(), "{} bytes at {} are not in the tail", to.size(), at);
    auto const& part = pieces_[index];
    auto const skip = at - part.start;
    auto const size = std::min<std::size_t>(to.size(), part.chunk->capacity - skip);
    std::memcpy(to.data(), part.chunk->data + skip, size);
    at += size;
    to = to.subspan(size);
  }
}

void tail::durable_through(log_position durable) {
  while (evictable_ < pieces_.size()) {
    auto& candidate = pieces_[evictable_];
    auto const past =
        candidate.segment < durable.segment ||
        (candidate.segment == durable.segment && candidate.limit() <= durable.at.value);
    if (!past) return;
    cache_.make_evictable(*candidate.chunk, *this);
    ++evictable_;
  }
}

bool tail::forget_through(offset segment, std::size_t most) {
  while (evictable_ != 0 && pieces_.front().segment <= segment) {
    if (most-- == 0) return false;
    drop_front();
  }
  return true;
}

void tail::compact() {
  if (!started_ || pieces_.empty() || written_ != end_.at.value) return;
  auto const block = align_down(end_.at.value, block_size);
  auto const small = pieces_.size() == 1 && pieces_.front().chunk->capacity == block_size;
  if (small) return;
  auto* chunk = cache_.allocate(0);
  if (chunk == nullptr) return;
  piece last{end_.segment, block, static_cast<std::uint32_t>(end_.at.value - block), chunk,
             buffer{*chunk, chunk->data, chunk->capacity}};
  copy_to({end_.segment, position{block}}, {chunk->data, last.filled});
  clear();
  started_ = true;
  next_class_ = 0;
  if (last.filled != 0) pieces_.push_back(std::move(last));
}

void tail::drop(tail_chunk& chunk) {
  KARST_ASSERT(!pieces_.empty() && pieces_.front().chunk == &chunk);
  drop_front();
}

void tail::drop_front() {
  if (evictable_ != 0) {
    cache_.forget(*pieces_.front().chunk);
    --evictable_;
  }
  pieces_.pop_front();
}

void tail::clear() {
  while (!pieces_.empty()) drop_front();
  evictable_ = 0;
  started_ = false;
}

}  // namespace karst::log
