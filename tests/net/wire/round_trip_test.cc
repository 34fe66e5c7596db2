// Every message, every version: what is written is read back the same, whole, in any cut of the
// bytes.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "net/wire/equal.h"
#include "tests/net/wire/all_messages.h"
#include "tests/net/wire/random_message.h"

namespace karst::net {
namespace {

constexpr int rounds = 60;

std::uint64_t seed_of_run() {
  if (auto const* text = std::getenv("KARST_SEED")) return std::strtoull(text, nullptr, 10);
  return 20260921;
}

// The same bytes in buffers of random sizes, so that fields straddle them.
buffer_chain cut(std::string const& bytes, std::mt19937_64& random) {
  buffer_chain chain;
  for (std::size_t at = 0; at < bytes.size();) {
    auto size = std::min<std::size_t>(1 + random() % 9, bytes.size() - at);
    chain.append(buffer::copy_of(std::as_bytes(std::span{bytes.data() + at, size})));
    at += size;
  }
  return chain;
}

template <wire_message Message>
void round_trip(std::uint64_t seed, std::int16_t version) {
  SCOPED_TRACE(fmt::format("{} v{}, KARST_SEED={}", name_of_message<Message>(), version, seed));
  std::mt19937_64 random{seed};
  random_message generator{seed, version};
  Message original;
  generator.fill(original);
  auto text = print(original, version);
  auto size = encoded_size(original, version);
  random_message again{seed, version};
  Message copy;
  again.fill(copy);
  auto bytes = join(encode(std::move(copy), version)).to_string();
  ASSERT_EQ(size, bytes.size());

  auto pieces = cut(bytes, random);
  auto back = decode<Message>(pieces, version);
  ASSERT_TRUE(back.has_value()) << back.error();
  EXPECT_TRUE(equal(original, back->message, version));
  EXPECT_EQ(text, print(back->message, version));
  EXPECT_EQ(bytes, join(encode(std::move(back->message), version)).to_string());

  // No prefix and no longer form is the message.
  auto shorter = bytes.substr(0, random() % std::max<std::size_t>(bytes.size(), 1));
  if (shorter.size() < bytes.size()) {
    EXPECT_FALSE(decode<Message>(cut(shorter, random), version).has_value());
  }
  EXPECT_FALSE(decode<Message>(cut(bytes + '\0', random), version).has_value());
}

TEST(round_trip, every_message_and_version) {
  for_each_message([]<typename Message> {
    for (auto version = Message::info.valid.lowest; version <= Message::info.valid.highest;
         ++version) {
      for (int round = 0; round < rounds; ++round) {
        round_trip<Message>(seed_of_run() + static_cast<std::uint64_t>(round), version);
        if (::testing::Test::HasFailure()) return;
      }
    }
  });
}

TEST(round_trip, defaults_take_the_fewest_bytes) {
  // A tagged field at its default is not written: ApiVersionsResponse v3 is error, no keys,
  // throttle, no tags.
  EXPECT_EQ(encoded_size(api_versions_response{}, 3), 2u + 1 + 4 + 1);
  EXPECT_EQ(encoded_size(api_versions_response{}, 0), 2u + 4);
}

}  // namespace
}  // namespace karst::net
