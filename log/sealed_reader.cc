#include "log/sealed_reader.h"

#include <cstring>

namespace karst::log {
namespace {

constexpr std::size_t read_at_once = MiB;

}  // namespace

task<expected<>> sealed_reader::open(std::string path, std::uint64_t from, std::uint64_t size) {
  co_await close();
  auto opened = co_await file::open(std::move(path), open_read | (direct_ ? open_direct : 0U));
  if (!opened) co_return fail(opened.error());
  source_ = std::move(*opened);
  size_ = size;
  position_ = from;
  read_to_ = align_down(from, block_size);
  if (memory_.size() < 2 * read_at_once) memory_ = aligned_memory{2 * read_at_once};
  // What was read always ends at a block's edge in memory too, with room for a read behind it.
  begin_ = end_ = memory_.size() - read_at_once;
  damaged_ = false;
  co_return expected<>{};
}

batch_view const* sealed_reader::next() {
  batch_cursor cursor{memory_.bytes().subspan(begin_, end_ - begin_)};
  auto batch = cursor.next();
  if (!batch || damaged_) {
    if (cursor.state() == cursor_state::malformed) damaged_ = true;
    return nullptr;
  }
  if (!crc_matches(batch->bytes)) {
    damaged_ = true;
    return nullptr;
  }
  begin_ += batch->bytes.size();
  position_ += batch->bytes.size();
  current_ = *batch;
  return &current_;
}

task<expected<bool>> sealed_reader::advance() {
  if (damaged_) co_return fail(karst::errc::corrupt);
  if (position_ == size_) co_return false;
  if (read_to_ >= size_) co_return fail(karst::errc::corrupt);  // the end lies inside a batch
  if (auto read = co_await read_more(); !read) co_return fail(read.error());
  co_return true;
}

// Moves what is left of the window to the place where the next bytes follow on, and reads them.
task<expected<>> sealed_reader::read_more() {
  auto const left = end_ - begin_;
  auto target = memory_.size() - read_at_once;
  if (left > target) {
    aligned_memory larger{align_up(left, block_size) * 2 + read_at_once};
    target = larger.size() - read_at_once;
    std::memcpy(larger.data() + target - left, memory_.data() + begin_, left);
    memory_ = std::move(larger);
  } else {
    std::memmove(memory_.data() + target - left, memory_.data() + begin_, left);
  }
  // The segment's first bytes may begin within a block.
  auto const skipped = left == 0 ? position_ - read_to_ : 0;
  auto got = co_await source_.read(read_to_, memory_.bytes().subspan(target), io_class::idle);
  if (!got) co_return fail(got.error());
  auto const wanted = std::min<std::uint64_t>(read_at_once, size_ - read_to_);
  if (*got < wanted || wanted <= skipped) co_return fail(karst::errc::end_of_file);
  bytes_read_ += wanted;
  begin_ = target - left + skipped;
  end_ = target + wanted;
  read_to_ += read_at_once;
  co_return expected<>{};
}

task<> sealed_reader::close() {
  if (source_) (void)co_await source_.close();
}

}  // namespace karst::log
