#include "net/frame.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "reactor/base/endian.h"
#include "reactor/base/units.h"

namespace karst::net {
namespace {

constexpr std::size_t max_bytes = 1 * MiB;
constexpr std::size_t small_bytes = 4 * KiB;

std::string framed(std::string_view content) {
  std::string bytes(4, '\0');
  store_be(bytes.data(), static_cast<std::int32_t>(content.size()));
  return bytes + std::string{content};
}

buffer as_buffer(std::string_view text) {
  return buffer::copy_of(std::as_bytes(std::span{text.data(), text.size()}));
}

std::string reason_for(std::string_view bytes) {
  frame_reader reader{max_bytes, small_bytes};
  reader.feed(as_buffer(bytes));
  auto step = reader.next();
  auto* bad = std::get_if<frame_reader::bad>(&step);
  return bad == nullptr ? "" : bad->reason;
}

TEST(frame_reader, cuts_frames_wherever_the_stream_is_cut) {
  auto seed = std::random_device{}();
  SCOPED_TRACE(fmt::format("seed {}", seed));
  std::mt19937 random{seed};
  for (int round = 0; round < 300; ++round) {
    std::vector<std::string> sent;
    std::string stream;
    for (int i = 0; i < 20; ++i) {
      // Some longer than small_bytes: these come as `large` unless whole.
      sent.emplace_back(10 + random() % (i % 5 == 0 ? 20'000 : 300), static_cast<char>('a' + i));
      stream += framed(sent.back());
    }
    frame_reader reader{max_bytes, small_bytes, 16 * KiB};
    std::vector<std::string> got;
    std::size_t at = 0;
    while (got.size() < sent.size()) {
      // Now and then another reader goes on with what this one has left.
      if (random() % 8 == 0) {
        auto rest = reader.take_rest().to_string();
        EXPECT_FALSE(reader.in_frame());
        reader = frame_reader{max_bytes, small_bytes, 16 * KiB};
        if (!rest.empty()) reader.feed(as_buffer(rest));
      }
      auto step = reader.next(random() % 2 == 0);
      if (auto* whole = std::get_if<frame_reader::whole>(&step)) {
        got.push_back(whole->frame.to_string());
      } else if (auto* large = std::get_if<frame_reader::large>(&step)) {
        auto text = reader.take_large().to_string();
        ASSERT_LT(text.size(), large->bytes);
        auto rest = large->bytes - text.size();
        got.push_back(text + stream.substr(at, rest));
        at += rest;
      } else {
        ASSERT_TRUE(std::holds_alternative<frame_reader::more>(step));
        ASSERT_LT(at, stream.size());
        auto part =
            std::min<std::size_t>(1 + random() % (round % 2 == 0 ? 7 : 5'000), stream.size() - at);
        reader.feed(as_buffer(std::string_view{stream}.substr(at, part)));
        at += part;
      }
    }
    EXPECT_EQ(got, sent);
    EXPECT_FALSE(reader.in_frame());
  }
}

TEST(frame_reader, holds_a_medium_frame_in_received_buffers_while_they_are_plenty) {
  frame_reader reader{max_bytes, small_bytes, 64 * KiB};
  auto stream = framed(std::string(20'000, 'x'));
  auto first = as_buffer(std::string_view{stream}.substr(0, 15'000));
  auto const* where = first.data();
  reader.feed(std::move(first));
  EXPECT_TRUE(std::holds_alternative<frame_reader::more>(reader.next(true)));
  EXPECT_TRUE(reader.in_frame());
  reader.feed(as_buffer(std::string_view{stream}.substr(15'000)));
  auto step = reader.next(true);
  auto* whole = std::get_if<frame_reader::whole>(&step);
  ASSERT_NE(whole, nullptr);
  EXPECT_EQ(whole->frame.pieces().front().data(), where + frame_prefix_bytes);
}

TEST(frame_reader, lets_go_of_a_medium_frame_when_buffers_are_short_or_it_comes_in_crumbs) {
  auto stream = framed(std::string(20'000, 'x'));
  frame_reader reader{max_bytes, small_bytes, 64 * KiB};
  reader.feed(as_buffer(std::string_view{stream}.substr(0, 15'000)));
  EXPECT_TRUE(std::holds_alternative<frame_reader::more>(reader.next(true)));
  EXPECT_TRUE(std::holds_alternative<frame_reader::large>(reader.next(false)));

  frame_reader slow{max_bytes, small_bytes, 64 * KiB};
  for (std::size_t at = 0; at != 5; ++at)
    slow.feed(as_buffer(std::string_view{stream}.substr(at, 1)));
  EXPECT_TRUE(std::holds_alternative<frame_reader::large>(slow.next(true)));
}

TEST(frame_reader, keeps_no_receive_buffer_for_a_half_sent_frame) {
  static int released = 0;
  released = 0;
  auto* memory = new std::byte[64]{};
  buffer_block block{.data = memory, .capacity = 64, .release = [](buffer_block& done) {
                       ++released;
                       delete[] done.data;
                     }};
  frame_reader reader{max_bytes, small_bytes};
  store_be(memory, std::int32_t{100});
  reader.feed(buffer{block, memory, 64});
  EXPECT_TRUE(std::holds_alternative<frame_reader::more>(reader.next()));
  EXPECT_EQ(released, 1);
  EXPECT_TRUE(reader.in_frame());
}

TEST(frame_reader, refuses_impossible_lengths_before_it_allocates) {
  EXPECT_EQ(reason_for(std::string("\xff\xff\xff\xff", 4)), "a frame has the negative length -1");
  EXPECT_EQ(reason_for(std::string("\x00\x00\x00\x00", 4)),
            "a frame of 0 bytes is too short for a request header");
  EXPECT_EQ(reason_for(std::string("\x00\x00\x00\x09", 4)),
            "a frame of 9 bytes is too short for a request header");
  EXPECT_EQ(reason_for(std::string("\x00\x10\x00\x01", 4)),
            "a frame of 1048577 bytes is larger than socket.request.max.bytes=1048576");
  EXPECT_EQ(reason_for(std::string("\x7f\xff\xff\xff", 4)),
            "a frame of 2147483647 bytes is larger than socket.request.max.bytes=1048576");
}

TEST(frame_reader, guesses_what_else_speaks_on_the_port) {
  EXPECT_THAT(reason_for("GET / HTTP/1.1\r\n"), testing::HasSubstr("an HTTP request"));
  EXPECT_THAT(reason_for("POST / HTTP/1.1\r\n"), testing::HasSubstr("an HTTP request"));
  EXPECT_THAT(reason_for(std::string("\x16\x03\x01\x02\x00\x01", 6)),
              testing::HasSubstr("a TLS handshake"));
  EXPECT_THAT(reason_for("SSH-2.0-OpenSSH_9.2\r\n"), testing::HasSubstr("an SSH client"));
}

}  // namespace
}  // namespace karst::net
