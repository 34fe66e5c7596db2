#include "bench/frame_splitter.h"

#include <gtest/gtest.h>

#include <string>

#include "reactor/base/endian.h"

namespace karst::bench {
namespace {

std::string framed(std::string const& body) {
  std::string frame(4, '\0');
  store_be(frame.data(), static_cast<std::int32_t>(body.size()));
  return frame + body;
}

struct collected {
  bool readable = true;
  std::vector<std::string> frames;
};

collected feed_in_pieces(std::string const& stream, std::size_t piece) {
  collected result;
  frame_splitter frames;
  for (std::size_t at = 0; at < stream.size() && result.readable; at += piece) {
    auto part = stream.substr(at, piece);
    result.readable =
        frames.feed(std::as_bytes(std::span{part}), [&](std::span<std::byte const> frame) {
          result.frames.emplace_back(reinterpret_cast<char const*>(frame.data()), frame.size());
        });
  }
  return result;
}

TEST(frame_splitter, frames_come_whole_however_the_stream_is_cut) {
  std::vector<std::string> sent{framed("one"), framed(""), framed(std::string(300, 'x')),
                                framed("four")};
  std::string stream;
  for (auto const& each : sent) stream += each;
  for (std::size_t piece = 1; piece <= stream.size(); ++piece) {
    auto got = feed_in_pieces(stream, piece);
    EXPECT_TRUE(got.readable);
    EXPECT_EQ(got.frames, sent) << "in pieces of " << piece;
  }
}

TEST(frame_splitter, a_length_that_no_answer_has_is_refused) {
  std::string stream = framed("one") + std::string("\x7f\xff\xff\xff", 4);
  for (std::size_t piece = 1; piece <= stream.size(); ++piece) {
    EXPECT_FALSE(feed_in_pieces(stream, piece).readable) << "in pieces of " << piece;
  }
}

}  // namespace
}  // namespace karst::bench
