#include "log/cleaned_segment.h"

#include <cstring>

namespace karst::log {
namespace {

constexpr std::size_t write_at_once = MiB;
constexpr std::uint64_t allocate_at_once = 16 * MiB;

}  // namespace

task<expected<>> cleaned_segment::create() {
  auto const flags = open_read | open_write | open_create | (direct_ ? open_direct : 0U);
  auto opened = co_await file::open(part_->path(segment_file::log, segment_suffix::cleaned), flags);
  if (!opened) co_return fail(opened.error());
  target_ = std::move(*opened);
  part_->start_indexes();
  buffer_ = aligned_memory{2 * write_at_once};
  co_return co_await target_.truncate(0);
}

bool cleaned_segment::add(std::span<std::byte const> batch, batch_header const& header) {
  part_->index_batch(header.last(), position{part_->size}, batch.size(), header.max_timestamp,
                     index_interval_);
  part_->size += batch.size();
  if (batch.size() > buffer_.size() - filled_) {
    aligned_memory larger{filled_ + batch.size() + write_at_once};
    std::memcpy(larger.data(), buffer_.data(), filled_);
    buffer_ = std::move(larger);
  }
  std::memcpy(buffer_.data() + filled_, batch.data(), batch.size());
  filled_ += batch.size();
  return filled_ >= write_at_once;
}

// Space first: a write never meets a full disk, and what does is a refusal.
task<expected<>> cleaned_segment::write_blocks(std::size_t bytes) {
  if (written_ + bytes > allocated_) {
    auto const more = align_up(written_ + bytes - allocated_, allocate_at_once);
    if (auto done = co_await target_.allocate(allocated_, more); !done) co_return done;
    allocated_ += more;
  }
  std::span<std::byte const> const blocks{buffer_.data(), bytes};
  co_return co_await target_.write(written_, blocks, false, io_class::idle);
}

task<expected<>> cleaned_segment::write_out() {
  auto const whole = align_down(filled_, block_size);
  if (whole == 0) co_return expected<>{};
  if (auto done = co_await write_blocks(whole); !done) co_return done;
  written_ += whole;
  filled_ -= whole;
  std::memmove(buffer_.data(), buffer_.data() + whole, filled_);
  co_return expected<>{};
}

task<expected<>> cleaned_segment::finish() {
  if (auto done = co_await write_out(); !done) co_return done;
  if (filled_ != 0) {
    auto const padded = align_up(filled_, block_size);
    std::memset(buffer_.data() + filled_, 0, padded - filled_);
    if (auto done = co_await write_blocks(padded); !done) co_return done;
  }
  buffer_ = {};
  auto done = co_await target_.truncate(part_->size);
  if (done) done = co_await target_.sync();
  (void)co_await target_.close();
  if (done) done = co_await part_->write_cleaned_indexes();
  if (!done) co_return done;
  part_->sealed = true;
  part_->allocated = part_->size;
  part_->written = align_up(part_->size, block_size);
  co_return expected<>{};
}

task<> cleaned_segment::discard() {
  if (target_) (void)co_await target_.close();
  for (auto kind : {segment_file::offset_index, segment_file::time_index, segment_file::log}) {
    (void)co_await unlink_file(part_->path(kind, segment_suffix::cleaned));
  }
}

}  // namespace karst::log
