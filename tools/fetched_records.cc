#include "tools/fetched_records.h"

#include <algorithm>

#include "log/decompressor.h"

namespace karst::tools {
namespace {

// What one batch may inflate to here: no broker's max.message.bytes allows near as much.
constexpr std::size_t inflated_bytes_max = 1 * GiB;

}  // namespace

fetched_records::fetched_records(net::topic_partition where, std::int64_t from,
                                 buffer_chain const& records)
    : where_(std::move(where)),
      position_(from),
      bytes_(records.linearize()),
      batches_(bytes_.bytes()) {}

expected<consumed_record const*, error> fetched_records::next() {
  while (true) {
    if (!records_) {
      auto opened = open_batch();
      if (!opened) return unexpected<error>(opened.error());
      if (!*opened) return nullptr;
      continue;
    }
    auto const* content = records_->next();
    if (content == nullptr) {
      if (records_->failed()) {
        return fail(errc::corrupt, "see the broker's log",
                    "{}: the batch at offset {} holds what is no record", where_.text(),
                    header_->base.value);
      }
      position_ = std::max(position_, header_->next().value);
      records_.reset();
      continue;
    }
    auto offset = header_->base.value + content->offset_delta;
    if (offset < position_) continue;
    position_ = offset + 1;
    auto appended = header_->time() == log::timestamp_type::log_append_time;
    current_ = {
        where_.partition, offset,
        appended ? header_->max_timestamp : header_->base_timestamp + content->timestamp_delta,
        content};
    return &current_;
  }
}

// False: there is no other.
expected<bool, error> fetched_records::open_batch() {
  while (auto batch = batches_.next()) {
    header_ = batch->header;
    if (!log::crc_matches(batch->bytes)) {
      return fail(errc::corrupt, "see the broker's log; `karst dump` shows a segment's batches",
                  "{}: the batch at offset {} is damaged (wrong CRC)", where_.text(),
                  header_->base.value);
    }
    // Control batches hold transaction markers, nothing for a reader.
    if (header_->control() || header_->next().value <= position_) {
      position_ = std::max(position_, header_->next().value);
      continue;
    }
    buffer_chain packed{buffer::copy_of(batch->bytes.subspan(log::batch_layout::header_bytes))};
    auto inflated =
        log::decompress(header_->compression(), packed, 0, packed.size(), inflated_bytes_max);
    if (!inflated) {
      return fail(errc::corrupt, "see the broker's log",
                  "{}: the batch at offset {} cannot be inflated", where_.text(),
                  header_->base.value);
    }
    inflated_ = std::move(*inflated);
    records_.emplace(inflated_.bytes(), header_->record_count);
    return true;
  }
  if (batches_.state() == log::cursor_state::malformed) {
    return fail(errc::corrupt, "see the broker's log", "{}: what follows offset {} is no batch",
                where_.text(), position_);
  }
  return false;
}

}  // namespace karst::tools
