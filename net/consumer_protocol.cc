#include "net/consumer_protocol.h"

#include <algorithm>

#include "reactor/base/assert.h"
#include "reactor/base/endian.h"

namespace karst::net {
namespace {

constexpr std::int16_t highest_version = 3;

// Reads from the front; once it has failed, everything it gives is empty.
class cursor {
 public:
  explicit cursor(std::string_view bytes) : rest_(bytes) {}
  bool failed() const { return failed_; }

  template <typename T>
  T integer() {
    auto bytes = take(sizeof(T));
    return bytes.empty() ? T{} : load_be<T>(bytes.data());
  }
  std::string_view text() {
    auto size = integer<std::int16_t>();
    if (size < 0) failed_ = true;
    return take(static_cast<std::size_t>(std::max<std::int16_t>(size, 0)));
  }
  std::optional<std::string> nullable_text() {
    auto size = integer<std::int16_t>();
    if (failed_ || size < 0) return std::nullopt;
    return std::string{take(static_cast<std::size_t>(size))};
  }
  std::optional<std::string_view> nullable_bytes() {
    auto size = integer<std::int32_t>();
    if (failed_ || size < 0) return std::nullopt;
    return take(static_cast<std::size_t>(size));
  }
  // How many elements follow, each of which takes `least` bytes.
  std::size_t count(std::size_t least) {
    auto count = integer<std::int32_t>();
    if (count < 0 || static_cast<std::size_t>(count) > rest_.size() / least) failed_ = true;
    return failed_ ? 0 : static_cast<std::size_t>(count);
  }
  std::vector<topic_partitions> topics_with_partitions() {
    std::vector<topic_partitions> all(count(sizeof(std::int16_t) + sizeof(std::int32_t)));
    for (auto& each : all) {
      each.topic = text();
      each.partitions.resize(count(sizeof(std::int32_t)));
      for (auto& partition : each.partitions) partition = integer<std::int32_t>();
      if (failed_) break;
    }
    return all;
  }

 private:
  std::string_view take(std::size_t size) {
    if (size > rest_.size()) failed_ = true;
    if (failed_) return {};
    auto taken = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return taken;
  }
  std::string_view rest_;
  bool failed_ = false;
};

std::vector<std::string_view> read_topics(cursor& in) {
  std::vector<std::string_view> topics(in.count(sizeof(std::int16_t)));
  for (auto& topic : topics) topic = in.text();
  return topics;
}

std::optional<std::string> owned(std::optional<std::string_view> bytes) {
  return bytes ? std::optional<std::string>{*bytes} : std::nullopt;
}

template <typename T>
void put(std::string& out, T value) {
  char bytes[sizeof(T)];
  store_be(bytes, value);
  out.append(bytes, sizeof bytes);
}

void put_text(std::string& out, std::string_view text) {
  KARST_ASSERT(text.size() <= INT16_MAX, "{}", text.size());
  put(out, static_cast<std::int16_t>(text.size()));
  out += text;
}

void put_bytes(std::string& out, std::optional<std::string> const& bytes) {
  put(out, bytes ? static_cast<std::int32_t>(bytes->size()) : std::int32_t{-1});
  if (bytes) out += *bytes;
}

void put_partitions(std::string& out, std::vector<topic_partitions> const& all) {
  put(out, static_cast<std::int32_t>(all.size()));
  for (auto const& each : all) {
    put_text(out, each.topic);
    put(out, static_cast<std::int32_t>(each.partitions.size()));
    for (auto partition : each.partitions) put(out, partition);
  }
}

}  // namespace

std::optional<consumer_subscription> parse_subscription(std::string_view bytes) {
  cursor in{bytes};
  consumer_subscription read{.version = in.integer<std::int16_t>()};
  if (read.version < 0) return std::nullopt;
  for (auto topic : read_topics(in)) read.topics.emplace_back(topic);
  read.user_data = owned(in.nullable_bytes());
  if (read.version >= 1) read.owned = in.topics_with_partitions();
  if (read.version >= 2) read.generation = in.integer<std::int32_t>();
  if (read.version >= 3) read.rack = in.nullable_text();
  if (in.failed()) return std::nullopt;
  return read;
}

std::optional<consumer_assignment> parse_assignment(std::string_view bytes) {
  cursor in{bytes};
  consumer_assignment read{.version = in.integer<std::int16_t>()};
  if (read.version < 0) return std::nullopt;
  read.partitions = in.topics_with_partitions();
  read.user_data = owned(in.nullable_bytes());
  if (in.failed()) return std::nullopt;
  return read;
}

std::optional<std::vector<std::string_view>> parse_subscribed_topics(std::string_view bytes) {
  cursor in{bytes};
  in.integer<std::int16_t>();
  auto topics = read_topics(in);
  (void)in.nullable_bytes();
  if (in.failed()) return std::nullopt;
  return topics;
}

std::string to_bytes(consumer_subscription const& subscription) {
  auto version = std::min(subscription.version, highest_version);
  std::string out;
  put(out, version);
  put(out, static_cast<std::int32_t>(subscription.topics.size()));
  for (auto const& topic : subscription.topics) put_text(out, topic);
  put_bytes(out, subscription.user_data);
  if (version >= 1) put_partitions(out, subscription.owned);
  if (version >= 2) put(out, subscription.generation);
  if (version >= 3) {
    if (subscription.rack) {
      put_text(out, *subscription.rack);
    } else {
      put(out, std::int16_t{-1});
    }
  }
  return out;
}

std::string to_bytes(consumer_assignment const& assignment) {
  std::string out;
  put(out, std::min(assignment.version, highest_version));
  put_partitions(out, assignment.partitions);
  put_bytes(out, assignment.user_data);
  return out;
}

}  // namespace karst::net
