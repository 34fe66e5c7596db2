#include <limits>
#include <nlohmann/json.hpp>

#include "log/batch_cursor.h"
#include "log/decompressor.h"
#include "log/limits.h"
#include "tools/dump.h"
#include "tools/json_bytes.h"
#include "tools/time_text.h"

namespace karst::tools {
namespace {

using json = nlohmann::json;

constexpr std::string_view row = "{:>24}  {:>8}  {:>11}  {:>9}  {:<6}  {:<24}  {:>5}  {:<20}  {}\n";

std::string_view codec_text(log::batch_header const& header) {
  return header.codec_bits() < log::codec_count ? log::name(header.compression()) : "?";
}

// "producer/epoch first..last", or "-".
std::string producer_text(log::batch_header const& header) {
  if (!header.has_producer()) return "-";
  if (header.base_sequence < 0) {
    return fmt::format("{}/{}", header.producer.value, header.producer_epoch);
  }
  return fmt::format("{}/{} {}..{}", header.producer.value, header.producer_epoch,
                     header.base_sequence, header.last_sequence());
}

std::string flags_text(log::batch_header const& header, bool crc_right) {
  std::string flags = crc_right ? "ok" : "BAD CRC";
  if (header.time() == log::timestamp_type::log_append_time) flags += " append-time";
  if (header.transactional()) flags += " transactional";
  if (header.control()) flags += " control";
  return flags;
}

// Bytes as a person can read them: what is not printable ASCII as \xNN, except well-formed UTF-8.
std::string readable(std::optional<std::string_view> bytes) {
  if (!bytes) return "null";
  std::string text;
  for (char c : *bytes) {
    auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f) {
      text += fmt::format("\\x{:02x}", byte);
    } else {
      text += c;
    }
  }
  return text;
}

void print_line(json const& object) {
  fmt::print("{}\n", object.dump(-1, ' ', false, json::error_handler_t::replace));
}

wall_ms timestamp_of(log::batch_header const& header, log::record const& entry) {
  return header.time() == log::timestamp_type::log_append_time
             ? header.max_timestamp
             : header.base_timestamp + entry.timestamp_delta;
}

void print_record(log::batch_header const& header, log::record const& entry, bool as_object) {
  auto at = header.base + entry.offset_delta;
  auto timestamp = timestamp_of(header, entry);
  if (!as_object) {
    std::string headers;
    for (auto const& each : entry.headers) {
      headers += fmt::format(" {}={}", readable(each.key), readable(each.value));
    }
    fmt::print("{:>24}  {}  key {}  value {}{}{}\n", at.value, time_text(timestamp),
               readable(entry.key), readable(entry.value), headers.empty() ? "" : "  headers",
               headers);
    return;
  }
  json object{{"offset", at.value}, {"timestamp", timestamp}, {"headers", json::array()}};
  put_bytes(object, "key", entry.key);
  put_bytes(object, "value", entry.value);
  for (auto const& each : entry.headers) {
    json header{{"name", std::string{each.key}}};
    put_bytes(header, "value", each.value);
    object["headers"].push_back(std::move(header));
  }
  print_line(object);
}

}  // namespace

void batch_printer::heading() const {
  if (settings_.json) return;
  fmt::print(row, "OFFSETS", "RECORDS", "POSITION", "BYTES", "CODEC", "NEWEST TIMESTAMP", "EPOCH",
             "PRODUCER", "CRC");
}

bool batch_printer::print(log::batch_header const& header, std::span<std::byte const> bytes,
                          std::int64_t position) const {
  bool crc_right = log::crc_matches(bytes);
  if (settings_.json) {
    json object{{"first_offset", header.base.value},
                {"last_offset", header.last().value},
                {"records", header.record_count},
                {"bytes", bytes.size()},
                {"codec", codec_text(header)},
                {"base_timestamp", header.base_timestamp},
                {"max_timestamp", header.max_timestamp},
                {"log_append_time", header.time() == log::timestamp_type::log_append_time},
                {"leader_epoch", header.leader_epoch.value},
                {"producer_id", header.producer.value},
                {"producer_epoch", header.producer_epoch},
                {"base_sequence", header.base_sequence},
                {"last_sequence", header.last_sequence()},
                {"transactional", header.transactional()},
                {"control", header.control()},
                {"crc", header.crc},
                {"crc_ok", crc_right}};
    if (position >= 0) object["position"] = position;
    print_line(object);
  } else {
    fmt::print(row, fmt::format("{}..{}", header.base.value, header.last().value),
               header.record_count, position < 0 ? "-" : fmt::to_string(position), bytes.size(),
               codec_text(header), time_text(header.max_timestamp), header.leader_epoch.value,
               producer_text(header), flags_text(header, crc_right));
  }
  auto read = !settings_.records || !crc_right || print_records(header, bytes);
  return crc_right && read;
}

bool batch_printer::print_records(log::batch_header const& header,
                                  std::span<std::byte const> bytes) const {
  if (header.codec_bits() >= log::codec_count) return false;
  buffer_chain chain{buffer::copy_of(bytes)};
  auto records =
      log::decompress(header.compression(), chain, log::batch_layout::records,
                      chain.size() - log::batch_layout::records, std::numeric_limits<int>::max());
  if (!records) {
    fmt::print(stderr, "karst dump: the records from offset {} on cannot be inflated: {}\n",
               header.base.value, describe(records.error()));
    return false;
  }
  log::record_cursor cursor{records->bytes(), header.record_count};
  while (auto const* entry = cursor.next()) print_record(header, *entry, settings_.json);
  if (cursor.failed()) {
    fmt::print(stderr, "karst dump: the records from offset {} on are not {} well-formed records\n",
               header.base.value, header.record_count);
  }
  return !cursor.failed();
}

}  // namespace karst::tools
