#include "bench/fetch_answer.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "log/batch.h"
#include "reactor/base/endian.h"

namespace karst::bench {
namespace {

namespace layout = log::batch_layout;

// An aborted transaction: producer id and first offset.
constexpr std::int64_t aborted_bytes = 16;

}  // namespace

std::size_t fetch_answer::bytes_of(part next) {
  switch (next) {
    case part::head:
      return head_bytes;
    case part::topic_name:
      return 2;
    case part::topic:
      return 4;
    case part::partition:
      return 4 + 2 + 8 + 8 + 8 + 4;  // index, error, three offsets, number of aborted transactions
    case part::records:
      return 4 + 4;  // preferred replica, bytes of records
    case part::batch:
      return layout::header_bytes;
    case part::end:
      break;
  }
  return 0;
}

void fetch_answer::begin() {
  next_ = part::head;
  left_ = head_bytes;
  skipped_ = held_bytes_ = 0;
  error_ = 0;
  record_bytes_ = 0;
  malformed_ = false;
  partitions_.clear();
}

void fetch_answer::feed(std::span<std::byte const> bytes) {
  left_ -= bytes.size();
  while (!malformed_) {
    auto const passed = std::min(skipped_, bytes.size());
    skipped_ -= passed;
    bytes = bytes.subspan(passed);
    auto const wanted = bytes_of(next_);
    if (bytes.empty() || wanted == 0) break;
    if (held_bytes_ == 0 && bytes.size() >= wanted) {
      read(bytes.data());
      bytes = bytes.subspan(wanted);
      continue;
    }
    auto const taken = std::min(wanted - held_bytes_, bytes.size());
    std::memcpy(held_.data() + held_bytes_, bytes.data(), taken);
    held_bytes_ += taken;
    bytes = bytes.subspan(taken);
    if (held_bytes_ != wanted) break;
    held_bytes_ = 0;
    read(held_.data());
  }
  // The parts and the length must end at the same byte.
  auto const ended = next_ == part::end && skipped_ == 0;
  if (!bytes.empty() || (left_ == 0) != ended) malformed_ = true;
}

void fetch_answer::read(std::byte const* from) {
  switch (next_) {
    case part::head:
      return read_head(from);
    case part::topic_name:
      skip(load_be<std::int16_t>(from));
      next_ = part::topic;
      return;
    case part::topic:
      // One more, which next_partition takes off again.
      partitions_left_ = load_be<std::int32_t>(from) + 1;
      return next_partition();
    case part::partition:
      return read_partition(from);
    case part::records:
      records_left_ = static_cast<std::size_t>(std::max(load_be<std::int32_t>(from + 4), 0));
      record_bytes_ += records_left_;
      return next_batch();
    case part::batch:
      return read_batch(from);
    case part::end:
      return;
  }
}

void fetch_answer::read_head(std::byte const* from) {
  auto const length = load_be<std::int32_t>(from);
  constexpr std::int32_t counted = head_bytes - 4;  // the length does not count itself
  if (length < counted) {
    malformed_ = true;
    return;
  }
  left_ += static_cast<std::size_t>(length - counted);
  error_ = load_be<std::int16_t>(from + 12);
  topics_left_ = load_be<std::int32_t>(from + 18);
  next_ = topics_left_ > 0 ? part::topic_name : part::end;
}

void fetch_answer::read_partition(std::byte const* from) {
  partitions_.push_back({.index = load_be<std::int32_t>(from),
                         .error = load_be<std::int16_t>(from + 4),
                         .high_watermark = load_be<std::int64_t>(from + 6)});
  skip(aborted_bytes * std::max(load_be<std::int32_t>(from + 30), 0));
  next_ = part::records;
}

void fetch_answer::read_batch(std::byte const* from) {
  auto const header = log::batch_header::decode(from);
  records_left_ -= layout::header_bytes;
  auto const rest = static_cast<std::int64_t>(header.size_bytes()) - layout::header_bytes;
  if (rest < 0) {
    malformed_ = true;
    return;
  }
  if (static_cast<std::size_t>(rest) > records_left_) {
    // The last batch may be cut: the next request asks for it again.
    skip(static_cast<std::int64_t>(std::exchange(records_left_, 0)));
    return next_partition();
  }
  records_left_ -= static_cast<std::size_t>(rest);
  partitions_.back().next_offset = header.next().value;
  partitions_.back().records += static_cast<std::uint64_t>(std::max(header.record_count, 0));
  skip(rest);
  next_batch();
}

void fetch_answer::next_batch() {
  if (records_left_ >= layout::header_bytes) {
    next_ = part::batch;
    return;
  }
  skip(static_cast<std::int64_t>(std::exchange(records_left_, 0)));
  next_partition();
}

void fetch_answer::next_partition() {
  if (--partitions_left_ > 0) {
    next_ = part::partition;
  } else {
    next_ = --topics_left_ > 0 ? part::topic_name : part::end;
  }
}

void fetch_answer::skip(std::int64_t bytes) {
  if (bytes < 0) {
    malformed_ = true;
    return;
  }
  skipped_ += static_cast<std::size_t>(bytes);
}

}  // namespace karst::bench
