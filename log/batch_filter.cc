#include "log/batch_filter.h"

#include <limits>

#include "log/limits.h"
#include "reactor/base/varint.h"

namespace karst::log {
namespace {

// Memory for a batch written anew that is kept for the next one.
constexpr std::size_t kept_result = 4 * MiB;

bool has_horizon(batch_header const& header) {
  return (header.attributes & batch_attributes::delete_horizon) != 0;
}

// Timestamps are whatever producers sent: differences of them wrap, and wrap back.
wall_ms plus(wall_ms time, std::int64_t delta) {
  return static_cast<wall_ms>(static_cast<std::uint64_t>(time) + static_cast<std::uint64_t>(delta));
}
std::int64_t minus(wall_ms time, wall_ms base) {
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(time) -
                                   static_cast<std::uint64_t>(base));
}

// The horizon stands in the place of the base timestamp.
wall_ms horizon_from(filter_rules const& rules) {
  constexpr auto most = std::numeric_limits<wall_ms>::max();
  return rules.delete_retention_ms > most - rules.now ? most
                                                      : rules.now + rules.delete_retention_ms;
}

}  // namespace

void batch_filter::start(buffer_chain const& batch, batch_header const& header,
                         filter_rules const& rules, bool keep_when_empty) {
  batch_ = &batch;
  header_ = header;
  rules_ = rules;
  keep_when_empty_ = keep_when_empty;
  writing_ = false;
  kept_.clear();
  if (result_.capacity() > kept_result) result_ = {};
  kept_count_ = 0;
  has_tombstones_ = false;
  first_time_ = max_time_ = -1;
  if (header.record_count != 0) {
    records_.start(batch, header, most_inflated(rules.max_message_bytes, batch.size()));
  }
}

expected<filter_verdict, errc> batch_filter::step() {
  // What a transaction wrote is decided by its end, which is not looked at.
  if (header_.control() || header_.transactional()) return filter_verdict::keep;
  if (header_.record_count == 0) return leave_empty();
  auto done = records_.step([this](raw_record const& record) {
    writing_ ? write(record) : decide_on(record);
    return true;
  });
  if (!done) return std::unexpected(done.error());
  if (*done == walk_state::more) return filter_verdict::more;
  if (!writing_) return decide();
  finish();
  return filter_verdict::rewrite;
}

bool batch_filter::retains(raw_record const& record) const {
  auto const at = header_.base + record.offset_delta;
  if (at > rules_.map->latest()) return true;
  if (!record.key || at < rules_.map->find(*record.key)) return false;
  return record.has_value || !has_horizon(header_) || rules_.now < header_.base_timestamp;
}

wall_ms batch_filter::time_of(raw_record const& record) const {
  return header_.time() == timestamp_type::log_append_time
             ? header_.max_timestamp
             : plus(header_.base_timestamp, record.timestamp_delta);
}

void batch_filter::decide_on(raw_record const& record) {
  auto const stays = retains(record);
  kept_.push_back(stays);
  ++counts_.records;
  if (!record.key && !stays) ++counts_.without_key;
  if (!stays) return;
  ++counts_.kept;
  auto const time = time_of(record);
  if (kept_count_++ == 0) first_time_ = time;
  max_time_ = std::max(max_time_, time);
  if (!record.has_value) has_tombstones_ = true;
}

// All records were looked at once. Those that stay are inflated a second time, if the batch has to
// be written anew, so that memory is bounded by one record.
filter_verdict batch_filter::decide() {
  if (kept_count_ == 0) return leave_empty();
  auto const stamps = has_tombstones_ && !has_horizon(header_);
  if (kept_count_ == header_.record_count && !stamps) return filter_verdict::keep;
  made_ = header_;
  made_.record_count = kept_count_;
  if (header_.time() == timestamp_type::create_time) made_.max_timestamp = max_time_;
  if (stamps) {
    made_.attributes |= batch_attributes::delete_horizon;
    made_.base_timestamp = horizon_from(rules_);
  } else if (!has_horizon(header_)) {
    made_.base_timestamp = first_time_;
  }
  writing_ = true;
  at_ = 0;
  result_.resize(batch_layout::header_bytes);
  deflate_.start(header_.compression(), result_);
  records_.start(*batch_, header_, most_inflated(rules_.max_message_bytes, batch_->size()));
  return filter_verdict::more;
}

filter_verdict batch_filter::leave_empty() {
  if (!keep_when_empty_) return filter_verdict::drop;
  if (header_.record_count == 0) return filter_verdict::keep;
  made_ = header_;
  made_.record_count = 0;
  made_.attributes &=
      static_cast<std::int16_t>(~(batch_attributes::codec_mask | batch_attributes::delete_horizon));
  made_.base_timestamp = -1;
  result_.resize(batch_layout::header_bytes);
  finish();
  return filter_verdict::rewrite;
}

void batch_filter::write(raw_record const& record) {
  if (!kept_[at_++]) return;
  auto const delta = minus(time_of(record), made_.base_timestamp);
  if (delta == record.timestamp_delta) return deflate_.write(record.bytes);
  // Only the timestamp's delta changes, and with it the length.
  auto const rest = record.bytes.subspan(record.after_timestamp);
  std::array<std::uint8_t, max_varint32_bytes + 1 + max_varint64_bytes> head;
  auto const body = 1 + varint_size(zigzag(delta)) + rest.size();
  auto used = write_varint(head.data(), zigzag(static_cast<std::int64_t>(body)));
  head[used++] = 0;  // attributes: none are defined
  used += write_varint(head.data() + used, zigzag(delta));
  deflate_.write(std::as_bytes(std::span{head}).first(used));
  deflate_.write(rest);
}

void batch_filter::finish() {
  if (writing_) deflate_.finish();
  made_.length = static_cast<std::int32_t>(result_.size() - batch_layout::length_end);
  made_.encode(result_.data());
  made_.crc = compute_crc(std::span<std::byte const>{result_});
  store_be(result_.data() + batch_layout::crc, made_.crc);
}

}  // namespace karst::log
