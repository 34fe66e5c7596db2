#include "log/batch_cursor.h"

namespace karst::log {

std::optional<batch_view> batch_cursor::next() {
  auto rest = bytes_.subspan(consumed_);
  if (rest.size() < batch_layout::magic_end) {
    state_ = rest.empty() ? cursor_state::end : cursor_state::cut;
    return std::nullopt;
  }
  auto length = load_be<std::int32_t>(rest.data() + batch_layout::length);
  auto magic = load_be<std::int8_t>(rest.data() + batch_layout::magic);
  constexpr auto smallest = batch_layout::header_bytes - batch_layout::length_end;
  if (magic != 2 || length < static_cast<std::int32_t>(smallest)) {
    state_ = cursor_state::malformed;
    return std::nullopt;
  }
  auto size = batch_layout::length_end + static_cast<std::size_t>(length);
  if (size > rest.size()) {
    state_ = cursor_state::cut;
    return std::nullopt;
  }
  consumed_ += size;
  return batch_view{batch_header::decode(rest.data()), rest.first(size)};
}

record const* record_cursor::next() {
  if (failed_) return nullptr;
  if (left_ <= 0) {
    failed_ = !bytes_.empty();  // bytes after the last record: the count is wrong
    return nullptr;
  }
  --left_;
  failed_ = !decode(bytes_, current_);
  return failed_ ? nullptr : &current_;
}

}  // namespace karst::log
