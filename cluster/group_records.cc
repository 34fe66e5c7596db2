#include "cluster/group_records.h"

#include "reactor/base/assert.h"
#include "reactor/base/endian.h"

namespace karst::cluster {
namespace {

constexpr std::int16_t old_offset_key = 0;  // the same fields as offset_key
constexpr std::int16_t offset_key = 1;
constexpr std::int16_t group_key = 2;

constexpr std::int16_t value_with_expiry = 1;
constexpr std::int16_t newest_value = 3;  // of offsets and of groups

class record_writer {
 public:
  template <std::integral T>
  void integer(T value) {
    char bytes[sizeof value];
    store_be(bytes, value);
    text_.append(bytes, sizeof bytes);
  }
  void string(std::string_view value) {
    KARST_ASSERT(value.size() <= longest_group_text, "{} bytes", value.size());
    integer(static_cast<std::int16_t>(value.size()));
    text_ += value;
  }
  void nullable(std::optional<std::string> const& value) {
    if (value) {
      string(*value);
    } else {
      integer<std::int16_t>(-1);
    }
  }
  void bytes(std::string_view value) {
    integer(static_cast<std::int32_t>(value.size()));
    text_ += value;
  }
  std::string take() { return std::move(text_); }

 private:
  std::string text_;
};

// After the first thing that is not there it gives zeros; failed() tells.
class record_reader {
 public:
  explicit record_reader(std::string_view bytes) : left_(bytes) {}

  template <std::integral T>
  T integer() {
    auto bytes = take(sizeof(T));
    return failed_ ? T{} : load_be<T>(bytes.data());
  }
  std::string_view string() { return take(integer<std::int16_t>()); }
  std::optional<std::string> nullable() {
    auto size = integer<std::int16_t>();
    if (size == -1) return std::nullopt;
    return std::string{take(size)};
  }
  std::string_view bytes() { return take(integer<std::int32_t>()); }
  bool failed() const { return failed_; }
  std::size_t left() const { return left_.size(); }

 private:
  std::string_view take(std::int64_t size) {
    if (failed_ || size < 0 || static_cast<std::size_t>(size) > left_.size()) {
      failed_ = true;
      return {};
    }
    auto bytes = left_.substr(0, static_cast<std::size_t>(size));
    left_.remove_prefix(bytes.size());
    return bytes;
  }
  std::string_view left_;
  bool failed_ = false;
};

std::optional<committed_offset> read_offset_value(std::string_view bytes) {
  record_reader in{bytes};
  auto version = in.integer<std::int16_t>();
  if (version < 0 || version > newest_value) return std::nullopt;
  committed_offset read;
  read.offset = in.integer<std::int64_t>();
  if (version >= 3) read.leader_epoch = in.integer<std::int32_t>();
  read.metadata = in.string();
  read.commit_timestamp = in.integer<std::int64_t>();
  if (version == value_with_expiry) read.expire_timestamp = in.integer<std::int64_t>();
  if (in.failed()) return std::nullopt;
  return read;
}

group_member_image read_member(record_reader& in, std::int16_t version) {
  group_member_image member;
  member.id = in.string();
  if (version >= 3) member.instance_id = in.nullable();
  member.client_id = in.string();
  member.client_host = in.string();
  if (version >= 1) member.rebalance_timeout_ms = in.integer<std::int32_t>();
  member.session_timeout_ms = in.integer<std::int32_t>();
  if (version == 0) member.rebalance_timeout_ms = member.session_timeout_ms;
  member.subscription = in.bytes();
  member.assignment = in.bytes();
  return member;
}

std::optional<group_image> read_group_value(std::string_view bytes) {
  record_reader in{bytes};
  auto version = in.integer<std::int16_t>();
  if (version < 0 || version > newest_value) return std::nullopt;
  group_image read;
  read.protocol_type = in.string();
  read.generation = in.integer<std::int32_t>();
  read.protocol = in.nullable();
  read.leader = in.nullable();
  if (version >= 2) read.state_timestamp = in.integer<std::int64_t>();
  auto count = in.integer<std::int32_t>();
  for (std::int32_t i = 0; i < count && !in.failed(); ++i) {
    read.members.push_back(read_member(in, version));
  }
  if (in.failed() || count < 0) return std::nullopt;
  return read;
}

}  // namespace

std::string offset_record_key(std::string_view group, std::string_view topic,
                              std::int32_t partition) {
  record_writer out;
  out.integer(offset_key);
  out.string(group);
  out.string(topic);
  out.integer(partition);
  return out.take();
}

std::string offset_record_value(committed_offset const& committed) {
  record_writer out;
  auto expires = committed.expire_timestamp >= 0;
  out.integer(expires ? value_with_expiry : newest_value);
  out.integer(committed.offset);
  if (!expires) out.integer(committed.leader_epoch);
  out.string(committed.metadata);
  out.integer(committed.commit_timestamp);
  if (expires) out.integer(committed.expire_timestamp);
  return out.take();
}

std::string group_record_key(std::string_view group) {
  record_writer out;
  out.integer(group_key);
  out.string(group);
  return out.take();
}

std::string group_record_value(group_image const& group) {
  record_writer out;
  out.integer(newest_value);
  out.string(group.protocol_type);
  out.integer(group.generation);
  out.nullable(group.protocol);
  out.nullable(group.leader);
  out.integer(group.state_timestamp);
  out.integer(static_cast<std::int32_t>(group.members.size()));
  for (auto const& member : group.members) {
    out.string(member.id);
    out.nullable(member.instance_id);
    out.string(member.client_id);
    out.string(member.client_host);
    out.integer(member.rebalance_timeout_ms);
    out.integer(member.session_timeout_ms);
    out.bytes(member.subscription);
    out.bytes(member.assignment);
  }
  return out.take();
}

expected<any_group_record, std::string> read_group_record(std::string_view key,
                                                          std::optional<std::string_view> value) {
  record_reader in{key};
  auto type = in.integer<std::int16_t>();
  if (in.failed()) return unexpected<std::string>("a key without a type");
  if (type == old_offset_key || type == offset_key) {
    offset_record read;
    read.group = in.string();
    read.topic = in.string();
    read.partition = in.integer<std::int32_t>();
    if (in.failed()) return unexpected<std::string>("the key of an offset is cut short");
    if (!value) return read;
    read.value = read_offset_value(*value);
    if (!read.value) return unexpected<std::string>("the value of an offset cannot be read");
    return read;
  }
  if (type != group_key) return unknown_group_record{type};
  group_record read;
  read.group = in.string();
  if (in.failed()) return unexpected<std::string>("the key of a group is cut short");
  if (!value) return read;
  read.value = read_group_value(*value);
  if (!read.value) return unexpected<std::string>("the value of a group cannot be read");
  return read;
}

std::int32_t partition_of_group(std::string_view group, std::int32_t partitions) {
  std::uint32_t hash = 0;
  auto add = [&hash](std::uint32_t unit) { hash = hash * 31 + unit; };
  constexpr std::uint32_t replacement = 0xfffd;  // as Java decodes what is not UTF-8
  for (std::size_t at = 0; at < group.size();) {
    auto lead = static_cast<unsigned char>(group[at]);
    std::size_t const length = lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
    auto valid = lead < 0x80 || (lead >= 0xc2 && lead <= 0xf4 && at + length <= group.size());
    std::uint32_t point = length == 1 ? lead : lead & (0xffU >> (length + 1));
    for (std::size_t i = 1; valid && i < length; ++i) {
      auto next = static_cast<unsigned char>(group[at + i]);
      valid = (next & 0xc0U) == 0x80U;
      point = point << 6 | (next & 0x3fU);
    }
    at += valid ? length : 1;
    if (!valid) {
      add(replacement);
    } else if (point < 0x10000) {
      add(point);
    } else {
      add(0xd800 + ((point - 0x10000) >> 10));
      add(0xdc00 + ((point - 0x10000) & 0x3ff));
    }
  }
  return static_cast<std::int32_t>((hash & 0x7fffffffU) % static_cast<std::uint32_t>(partitions));
}

}  // namespace karst::cluster
