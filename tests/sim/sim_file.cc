#include "tests/sim/sim_file.h"

#include <algorithm>
#include <cstring>

#include "reactor/base/assert.h"

namespace karst::sim {

std::uint64_t file_content::allocated_blocks() const {
  return static_cast<std::uint64_t>(
      std::ranges::count_if(blocks_, [](block const& one) { return one.state != extent::hole; }));
}

std::uint64_t file_content::holes(std::uint64_t offset, std::uint64_t length) const {
  std::uint64_t count = 0;
  for (auto i = offset / block_size; i * block_size < offset + length; ++i) {
    if (i >= blocks_.size() || blocks_[i].state == extent::hole) ++count;
  }
  return count;
}

bool file_content::straddles(std::uint64_t offset, std::uint64_t length) const {
  auto written = false;
  auto other = false;
  for (auto i = offset / block_size; i * block_size < offset + length; ++i) {
    auto is_written = i < blocks_.size() && blocks_[i].state == extent::written;
    (is_written ? written : other) = true;
  }
  return written && other;
}

std::size_t file_content::read(std::uint64_t offset, std::span<std::byte> to) const {
  if (offset >= size_) return 0;
  auto const bytes = static_cast<std::size_t>(std::min<std::uint64_t>(to.size(), size_ - offset));
  for (std::size_t done = 0; done < bytes;) {
    auto index = (offset + done) / block_size;
    auto at = static_cast<std::size_t>((offset + done) % block_size);
    auto piece = std::min(bytes - done, block_size - at);
    if (index < blocks_.size() && blocks_[index].bytes) {
      std::memcpy(to.data() + done, blocks_[index].bytes->data() + at, piece);
    } else {
      std::memset(to.data() + done, 0, piece);
    }
    done += piece;
  }
  return bytes;
}

void file_content::write_in_block(std::uint64_t index, std::size_t at,
                                  std::span<std::byte const> bytes) {
  auto& target = blocks_[index];
  target.state = extent::written;
  auto zeros = std::ranges::all_of(bytes, [](std::byte byte) { return byte == std::byte{}; });
  if (zeros && (!target.bytes || bytes.size() == block_size)) {
    target.bytes = nullptr;
    return;
  }
  auto changed = target.bytes ? std::make_shared<page>(*target.bytes) : std::make_shared<page>();
  std::memcpy(changed->data() + at, bytes.data(), bytes.size());
  target.bytes = std::move(changed);
}

void file_content::write(std::uint64_t offset, std::span<std::byte const> bytes) {
  if (bytes.empty()) return;
  auto const end = offset + bytes.size();
  size_ = std::max(size_, end);
  blocks_.resize(std::max<std::size_t>(blocks_.size(), (end + block_size - 1) / block_size));
  for (std::size_t done = 0; done < bytes.size();) {
    auto at = static_cast<std::size_t>((offset + done) % block_size);
    auto piece = std::min(bytes.size() - done, block_size - at);
    write_in_block((offset + done) / block_size, at, bytes.subspan(done, piece));
    done += piece;
  }
}

void file_content::allocate(std::uint64_t offset, std::uint64_t length) {
  auto const end = offset + length;
  size_ = std::max(size_, end);
  blocks_.resize(std::max<std::size_t>(blocks_.size(), (end + block_size - 1) / block_size));
  for (auto i = offset / block_size; i * block_size < end; ++i) {
    if (blocks_[i].state == extent::hole) blocks_[i].state = extent::unwritten;
  }
}

void file_content::zero(std::uint64_t offset, std::uint64_t length) {
  auto const end = std::min(offset + length, align_up(size_, block_size));
  static constexpr page zeros{};
  for (auto at = offset; at < end;) {
    auto in_block = static_cast<std::size_t>(at % block_size);
    auto piece = std::min<std::uint64_t>(end - at, block_size - in_block);
    auto& target = blocks_[at / block_size];
    if (piece == block_size) {
      target = {.bytes = nullptr, .state = extent::unwritten};
    } else if (target.bytes) {
      write_in_block(at / block_size, in_block, std::span{zeros}.first(piece));
    }
    at += piece;
  }
}

void file_content::truncate(std::uint64_t length) {
  if (length < size_) {
    blocks_.resize((length + block_size - 1) / block_size);
    auto rest = static_cast<std::size_t>(length % block_size);
    if (rest != 0 && blocks_.back().bytes) {
      auto changed = std::make_shared<page>(*blocks_.back().bytes);
      std::memset(changed->data() + rest, 0, block_size - rest);
      blocks_.back().bytes = std::move(changed);
    }
  } else {
    blocks_.resize((length + block_size - 1) / block_size);
  }
  size_ = length;
}

std::uint64_t sim_file::begin_write(std::uint64_t offset, std::vector<std::byte> bytes) {
  in_flight_.push_back({.kind = change_kind::write,
                        .number = next_++,
                        .offset = offset,
                        .length = bytes.size(),
                        .bytes = std::move(bytes)});
  return in_flight_.back().number;
}

sim_file::change sim_file::take_in_flight(std::uint64_t token) {
  auto found = std::ranges::find(in_flight_, token, &change::number);
  KARST_ASSERT(found != in_flight_.end(), "write {}", token);
  auto taken = std::move(*found);
  in_flight_.erase(found);
  return taken;
}

void sim_file::record(change what) {
  what.number = next_++;
  changes_.push_back(std::move(what));
}

void sim_file::finish_write(std::uint64_t token, bool durable) {
  auto done = take_in_flight(token);
  done.durable = durable;
  apply(done, current_);
  record(std::move(done));
  if (!durable) return;
  // Data integrity (open(2), O_DSYNC) brings along what is needed to find the bytes again: the
  // allocation and the size.
  for (auto& earlier : changes_)
    earlier.durable |= earlier.kind == change_kind::allocate && !earlier.forgotten;
  fold();
}

void sim_file::fail_write(std::uint64_t token, random_source& random, bool forgotten) {
  auto failed = take_in_flight(token);
  for (std::size_t at = 0; at < failed.bytes.size(); at += sector_bytes) {
    if (!random.percent(50)) continue;
    auto piece = std::min(sector_bytes, failed.bytes.size() - at);
    auto bytes = std::span{failed.bytes}.subspan(at, piece);
    change part{.kind = change_kind::write,
                .offset = failed.offset + at,
                .length = piece,
                .bytes = {bytes.begin(), bytes.end()},
                .forgotten = forgotten};
    apply(part, current_);
    record(std::move(part));
  }
}

void sim_file::allocate(std::uint64_t offset, std::uint64_t length) {
  change what{.kind = change_kind::allocate, .offset = offset, .length = length};
  apply(what, current_);
  record(std::move(what));
}

void sim_file::zero(std::uint64_t offset, std::uint64_t length) {
  change what{.kind = change_kind::zero, .offset = offset, .length = length};
  apply(what, current_);
  record(std::move(what));
}

void sim_file::truncate(std::uint64_t length) {
  change what{.kind = change_kind::truncate, .length = length};
  apply(what, current_);
  record(std::move(what));
}

void sim_file::finish_sync(std::uint64_t mark) {
  for (auto& one : changes_) one.durable |= one.number < mark && !one.forgotten;
  fold();
}

void sim_file::fail_sync(std::uint64_t mark) {
  for (auto& one : changes_) one.forgotten |= one.number < mark && !one.durable;
}

void sim_file::fold() {
  while (!changes_.empty() && changes_.front().durable) {
    apply(changes_.front(), durable_);
    changes_.pop_front();
  }
}

void sim_file::damage(std::uint64_t offset, std::uint8_t mask) {
  for (auto* content : {&durable_, &current_}) {
    std::array<std::byte, 1> byte{};
    if (content->read(offset, byte) == 0) continue;
    byte[0] ^= std::byte{mask};
    content->write(offset, byte);
  }
}

void sim_file::apply(change const& what, file_content& to) {
  switch (what.kind) {
    case change_kind::write:
      to.write(what.offset, what.bytes);
      break;
    case change_kind::allocate:
      to.allocate(what.offset, what.length);
      break;
    case change_kind::zero:
      to.zero(what.offset, what.length);
      break;
    case change_kind::truncate:
      to.truncate(what.length);
      break;
  }
}

// Sector by sector; a write that begins inside a sector keeps or drops that part of it as one.
void sim_file::apply_torn(change const& what, file_content& to, random_source& random) {
  auto rest = std::span<std::byte const>{what.bytes};
  for (auto at = what.offset; !rest.empty();) {
    auto piece = std::min<std::size_t>(rest.size(), sector_bytes - at % sector_bytes);
    if (random.percent(50)) to.write(at, rest.first(piece));
    rest = rest.subspan(piece);
    at += piece;
  }
}

file_content sim_file::after_power_cut(random_source& random, unsigned keep_percent) const {
  auto content = durable_;
  auto decide = [&](change const& what) {
    if (what.durable) return apply(what, content);
    auto fate = random.below(3);
    if (what.kind == change_kind::write && fate == 0 && keep_percent != 0 && keep_percent != 100) {
      return apply_torn(what, content, random);
    }
    if (random.percent(keep_percent)) apply(what, content);
  };
  for (auto const& one : changes_) decide(one);
  for (auto const& one : in_flight_) decide(one);
  return content;
}

sim_file sim_file::of(file_content content) {
  sim_file made;
  made.durable_ = content;
  made.current_ = std::move(content);
  return made;
}

}  // namespace karst::sim
