#include "log/batch_validator.h"

#include <limits>

#include "log/limits.h"
#include "log/record_walk.h"
#include "reactor/yield.h"

namespace karst::log {
namespace {

using refusal = std::unexpected<batch_error>;

template <typename... Args>
refusal refuse(errc code, fmt::format_string<Args...> format, Args&&... args) {
  return refusal{batch_error{code, fmt::format(format, std::forward<Args>(args)...), {}}};
}

std::int64_t saturating_add(std::int64_t a, std::int64_t b) {
  std::int64_t sum = 0;
  if (!__builtin_add_overflow(a, b, &sum)) return sum;
  return b < 0 ? std::numeric_limits<std::int64_t>::min()
               : std::numeric_limits<std::int64_t>::max();
}

batch_header header_of(buffer_chain const& records) {
  std::array<std::byte, batch_layout::header_bytes> scratch;
  return batch_header::decode(records.contiguous(0, scratch.size(), scratch.data()));
}

std::size_t most_inflated(validation_rules const& rules) {
  auto scaled = static_cast<std::uint64_t>(std::max<std::int64_t>(rules.max_message_bytes, 0)) *
                limit::inflate_factor;
  return std::max<std::uint64_t>(scaled, limit::inflate_least);
}

// Framing: are these bytes one batch v2 at all? Nothing else may be looked at before.
expected<batch_header, batch_error> check_framing(buffer_chain const& records) {
  if (records.empty()) {
    return refuse(errc::invalid_record, "the partition's produce data has no record batch");
  }
  std::array<std::byte, batch_layout::magic_end> scratch;
  if (records.size() < scratch.size()) {
    return refuse(errc::corrupt_batch, "the record batch is cut: {} bytes", records.size());
  }
  auto const* head = records.contiguous(0, scratch.size(), scratch.data());
  auto magic = load_be<std::int8_t>(head + batch_layout::magic);
  if (magic == 0 || magic == 1) {
    return refuse(errc::unsupported_magic,
                  "message format v{} is not supported; use a client of Kafka 0.11 or later",
                  magic);
  }
  if (magic != 2) return refuse(errc::corrupt_batch, "unknown magic {}", magic);
  if (records.size() < batch_layout::header_bytes) {
    return refuse(errc::corrupt_batch, "the record batch is cut: {} bytes", records.size());
  }
  auto header = header_of(records);
  auto length = std::int64_t{header.length} + static_cast<std::int64_t>(batch_layout::length_end);
  if (length != static_cast<std::int64_t>(records.size())) {
    return refuse(errc::corrupt_batch,
                  "the record batch says {} bytes, the request holds {}: one batch per partition",
                  length, records.size());
  }
  return header;
}

expected<void, batch_error> check_attributes(batch_header const& header,
                                             validation_rules const& rules) {
  if (header.codec_bits() >= codec_count) {
    return refuse(errc::unsupported_compression, "unknown compression codec {}",
                  header.codec_bits());
  }
  if (header.compression() == codec::zstd && !rules.zstd_allowed) {
    return refuse(errc::unsupported_compression,
                  "zstd needs Produce v7 or later; use a newer client or another codec");
  }
  if (header.control()) {
    return refuse(errc::invalid_record, "clients are not allowed to write control records");
  }
  if ((header.attributes & batch_attributes::delete_horizon) != 0) {
    return refuse(errc::invalid_record, "clients are not allowed to set a delete horizon");
  }
  if (header.transactional() && !rules.transactional_allowed) {
    return refuse(errc::invalid_transaction_state,
                  "a transactional record batch in a request without a transactional id");
  }
  if (header.time() == timestamp_type::log_append_time) {
    return refuse(errc::invalid_timestamp,
                  "producers must not set the timestamp type to LogAppendTime");
  }
  return {};
}

expected<void, batch_error> check_counts(batch_header const& header) {
  if (header.base.value != 0) {
    return refuse(errc::invalid_record,
                  "the base offset of the record batch should be 0, but is {}", header.base.value);
  }
  if (header.record_count <= 0) {
    return refuse(errc::invalid_record, "invalid record count {}", header.record_count);
  }
  if (header.last_offset_delta != header.record_count - 1) {
    return refuse(errc::invalid_record, "the last offset delta {} does not match {} records",
                  header.last_offset_delta, header.record_count);
  }
  if (header.has_producer() && (header.base_sequence < 0 || header.producer_epoch < 0)) {
    return refuse(errc::invalid_record, "invalid sequence number {} or epoch {} for producer {}",
                  header.base_sequence, header.producer_epoch, header.producer.value);
  }
  return {};
}

expected<batch_header, batch_error> check_header(buffer_chain const& records,
                                                 validation_rules const& rules) {
  auto header = check_framing(records);
  if (!header) return header;
  auto size = static_cast<std::int64_t>(records.size());
  if (size > rules.max_message_bytes) {
    return refuse(errc::batch_too_large,
                  "the record batch has {} bytes, max.message.bytes allows {}", size,
                  rules.max_message_bytes);
  }
  if (auto checked = check_attributes(*header, rules); !checked) {
    return refusal{std::move(checked.error())};
  }
  if (auto checked = check_counts(*header); !checked) return refusal{std::move(checked.error())};
  return header;
}

// What the records of one batch add up to, and what is wrong with them.
class record_checks {
 public:
  record_checks(batch_header const& header, validation_rules const& rules)
      : header_(header),
        earliest_(saturating_add(rules.now, -rules.timestamp_before_max_ms)),
        latest_(saturating_add(rules.now, rules.timestamp_after_max_ms)),
        check_time_(rules.time == timestamp_type::create_time),
        keys_required_(rules.keys_required) {}

  bool operator()(record_facts const& facts) {
    auto timestamp = static_cast<std::int64_t>(static_cast<std::uint64_t>(header_.base_timestamp) +
                                               static_cast<std::uint64_t>(facts.timestamp_delta));
    gaps_ |= facts.offset_delta != index_;
    max_timestamp_ = std::max(max_timestamp_, timestamp);
    bool in_time = (timestamp >= earliest_ && timestamp <= latest_) || timestamp == -1;
    if (keys_required_ && !facts.has_key) [[unlikely]] {
      note("a compacted topic takes no record without a key");
    } else if (check_time_ && !in_time) [[unlikely]] {
      bad_time(timestamp);
    }
    ++index_;
    return true;
  }

  bool gaps() const { return gaps_; }
  wall_ms max_timestamp() const { return max_timestamp_; }

  // As Kafka: a wrong timestamp anywhere names the whole.
  expected<void, batch_error> verdict() {
    if (total_ == 0) return {};
    auto const* why =
        code_ == errc::invalid_timestamp ? "timestamps out of range" : "record errors";
    return refusal{batch_error{
        code_, fmt::format("{} of {} records rejected: {}", total_, header_.record_count, why),
        std::move(errors_)}};
  }

 private:
  void bad_time(wall_ms timestamp) {
    code_ = errc::invalid_timestamp;
    note(fmt::format("timestamp {} is out of range: it should be within [{}, {}]", timestamp,
                     earliest_, latest_));
  }
  void note(std::string message) {
    ++total_;
    if (errors_.size() < limit::record_errors) errors_.push_back({index_, std::move(message)});
  }

  batch_header const& header_;
  std::int64_t earliest_;
  std::int64_t latest_;
  bool check_time_;
  bool keys_required_;
  bool gaps_ = false;
  std::int32_t index_ = 0;
  wall_ms max_timestamp_ = -1;
  std::size_t total_ = 0;
  errc code_ = errc::invalid_record;
  std::vector<record_error> errors_;
};

refusal walk_failed(errc code, record_walk const& walk, batch_header const& header,
                    std::size_t most) {
  switch (code) {
    case errc::invalid_record: {
      auto error =
          batch_error{code,
                      fmt::format("record {} of {} is malformed, or the record count is wrong",
                                  walk.seen(), header.record_count),
                      {}};
      if (walk.seen() < header.record_count) {
        error.records.push_back({walk.seen(), "the record is malformed or missing"});
      }
      return refusal{std::move(error)};
    }
    case errc::batch_too_large:
      return refuse(code, "the {} data inflates beyond {} bytes, or needs too large a window",
                    name(header.compression()), most);
    default:
      return refuse(code, "the {} data is damaged, or of a kind that Kafka clients cannot read",
                    name(header.compression()));
  }
}

rewrite_plan plan_rewrite(batch_header const& header, record_checks const& checks,
                          validation_rules const& rules) {
  rewrite_plan plan;
  if (rules.time == timestamp_type::log_append_time) {
    plan.log_append_time = rules.now;
  } else if (checks.max_timestamp() != header.max_timestamp) {
    plan.max_timestamp = checks.max_timestamp();
  }
  if (rules.recompress_to >= 0 && rules.recompress_to != header.codec_bits()) {
    plan.recompress_to = static_cast<codec>(rules.recompress_to);
  }
  plan.renumber = checks.gaps();
  return plan;
}

// A batch that was damaged on its way is damaged, whatever else looks wrong with it.
batch_error blame(buffer_chain const& records, batch_error error) {
  if (error.code == errc::corrupt_batch || error.code == errc::unsupported_magic ||
      records.size() < batch_layout::header_bytes || crc_matches(records)) {
    return error;
  }
  return {errc::corrupt_batch, "the record batch does not match its CRC-32C", {}};
}

}  // namespace

validation_rules validation_rules::of(log_config const& config, wall_ms now) {
  return {.max_message_bytes = config.max_message_bytes,
          .time = config.message_timestamp_type,
          .timestamp_before_max_ms = config.timestamp_before_max_ms,
          .timestamp_after_max_ms = config.timestamp_after_max_ms,
          .recompress_to = config.recompress_to,
          .keys_required = config.compact,
          .now = now};
}

bool batch_validator::quick(buffer_chain const& records, validation_rules const& rules) {
  if (records.size() > limit::validated_at_once || rules.recompress_to > 0) return false;
  if (rules.time == timestamp_type::log_append_time) return false;
  // What is too short for a header is refused at once.
  return records.size() < batch_layout::header_bytes || header_of(records).codec_bits() == 0;
}

std::optional<batch_validator::result> batch_validator::validate_now(
    buffer_chain& records, validation_rules const& rules) {
  auto header = check_header(records, rules);
  if (!header) return refusal{blame(records, std::move(header.error()))};
  record_checks checks{*header, rules};
  record_walk walk{pass_through_, records, *header, records.size()};
  while (true) {
    auto state = walk.step(checks);
    if (!state) {
      auto failed = walk_failed(state.error(), walk, *header, records.size());
      return refusal{blame(records, std::move(failed.error()))};
    }
    if (*state == walk_state::done) break;
  }
  if (auto good = checks.verdict(); !good) return refusal{blame(records, std::move(good.error()))};
  if (plan_rewrite(*header, checks, rules).needed()) return std::nullopt;
  return validated_batch{std::move(records), *header};
}

task<batch_validator::result> batch_validator::validate(buffer_chain records,
                                                        validation_rules rules) {
  auto header = check_header(records, rules);
  if (!header) co_return refusal{blame(records, std::move(header.error()))};
  record_checks checks{*header, rules};
  auto most = most_inflated(rules);
  auto lease = co_await pool_.take();
  record_walk walk{*lease, records, *header, most};
  while (true) {
    auto state = walk.step(checks);
    if (!state) {
      auto failed = walk_failed(state.error(), walk, *header, most);
      co_return refusal{blame(records, std::move(failed.error()))};
    }
    if (*state == walk_state::done) break;
    co_await yield{};
  }
  if (auto good = checks.verdict(); !good) {
    co_return refusal{blame(records, std::move(good.error()))};
  }
  validated_batch batch{std::move(records), *header};
  auto plan = plan_rewrite(batch.header, checks, rules);
  if (!plan.needed()) co_return batch;
  if (!crc_matches(batch.bytes)) {
    co_return refuse(errc::corrupt_batch, "the record batch does not match its CRC-32C");
  }
  auto rewritten = co_await rewrite(std::move(batch), plan, *lease, most);
  if (!rewritten) co_return refuse(rewritten.error(), "{}", describe(rewritten.error()));
  auto size = static_cast<std::int64_t>(rewritten->size());
  if (size > rules.max_message_bytes) {
    co_return refuse(
        errc::batch_too_large,
        "the record batch has {} bytes after recompression, max.message.bytes allows {}", size,
        rules.max_message_bytes);
  }
  co_return std::move(*rewritten);
}

}  // namespace karst::log
