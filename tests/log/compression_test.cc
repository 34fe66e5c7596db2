#include <gtest/gtest.h>
#include <lz4frame.h>
#include <snappy.h>
#include <zlib.h>
#include <zstd.h>

#include <random>

#include "log/batch_cursor.h"
#include "log/compressor.h"
#include "log/decompressor.h"
#include "log/limits.h"
#include "log/xerial.h"
#include "tests/log/batches.h"
#include "tests/log/kafka_vectors.h"

namespace karst::log {
namespace {

constexpr codec all_codecs[] = {codec::none, codec::gzip, codec::snappy, codec::lz4, codec::zstd};

std::vector<std::byte> deflated(codec compression, std::span<std::byte const> bytes,
                                std::size_t piece = 1 << 20) {
  std::vector<std::byte> out;
  compressor deflate;
  deflate.start(compression, out);
  for (; !bytes.empty(); bytes = bytes.subspan(std::min(piece, bytes.size()))) {
    deflate.write(bytes.first(std::min(piece, bytes.size())));
  }
  deflate.finish();
  return out;
}

expected<buffer, errc> inflated(codec compression, buffer_chain const& chain,
                                std::size_t most = 256 * MiB) {
  return decompress(compression, chain, 0, chain.size(), most);
}

// Text-like bytes: words in a random order.
std::vector<std::byte> sample_text(std::size_t size) {
  std::mt19937 random{7};
  std::vector<std::byte> text;
  while (text.size() < size) {
    auto word = fmt::format("word{} ", random() % 50);
    for (char c : word) text.push_back(static_cast<std::byte>(c));
  }
  text.resize(size);
  return text;
}

TEST(compression, round_trip_of_every_codec_and_size) {
  for (auto compression : all_codecs) {
    for (std::size_t size :
         {std::size_t{1}, std::size_t{100}, 32 * KiB, 64 * KiB, 64 * KiB + 1, 1 * MiB}) {
      auto text = sample_text(size);
      auto packed = deflated(compression, text, 5000);
      for (std::size_t piece : {packed.size(), std::size_t{1000}, std::size_t{1}}) {
        if (piece == 1 && size > 64 * KiB) continue;
        auto again = inflated(compression, in_pieces(packed, piece));
        ASSERT_TRUE(again) << name(compression) << " " << size << " " << piece;
        EXPECT_TRUE(std::ranges::equal(again->bytes(), text)) << name(compression) << " " << size;
      }
    }
  }
}

TEST(compression, contexts_are_reused_after_success_and_failure) {
  decompressor inflate;
  for (int round = 0; round < 3; ++round) {
    for (auto compression : all_codecs) {
      auto text = sample_text(100'000);
      auto packed = deflated(compression, text);
      if (round == 1 && compression != codec::none) packed.resize(packed.size() / 2);
      auto chain = in_pieces(packed, 4096);
      inflate.start(compression, chain, 0, chain.size(), 1 * MiB);
      bool failed = false;
      while (true) {
        auto slice = inflate.next();
        failed = !slice;
        if (failed || slice->empty()) break;
        EXPECT_LE(slice->size(), limit::inflate_slice);
      }
      EXPECT_EQ(failed, round == 1 && compression != codec::none) << name(compression);
    }
  }
}

struct client_vector {
  std::string_view hex;
  codec compression;
  std::int32_t records;  // of all batches together
};

TEST(compression, reads_what_java_and_kcat_compressed) {
  client_vector const all[] = {
      {vectors::java_gzip, codec::gzip, 6}, {vectors::java_snappy, codec::snappy, 6},
      {vectors::java_lz4, codec::lz4, 6},   {vectors::java_zstd, codec::zstd, 6},
      {vectors::kcat_gzip, codec::gzip, 2}, {vectors::kcat_snappy, codec::snappy, 2},
      {vectors::kcat_lz4, codec::lz4, 2},   {vectors::kcat_zstd, codec::zstd, 2},
  };
  for (auto const& vector : all) {
    auto bytes = from_hex(vector.hex);
    auto batches = batches_in(bytes);
    std::int32_t records_in_all = 0;
    for (auto const& batch : batches) {
      // librdkafka sends a batch as it is when compressing it would not make it smaller.
      auto compression = batch.header.compression();
      EXPECT_TRUE(compression == vector.compression || compression == codec::none);
      EXPECT_TRUE(crc_matches(batch.bytes));
      auto chain = in_pieces(batch.bytes, 11);
      auto records = decompress(compression, chain, batch_layout::records,
                                chain.size() - batch_layout::records, 1 * MiB);
      ASSERT_TRUE(records) << name(vector.compression);
      record_cursor cursor{records->bytes(), batch.header.record_count};
      std::int32_t count = 0;
      while (auto const* next = cursor.next()) EXPECT_EQ(next->offset_delta, count++);
      EXPECT_FALSE(cursor.failed());
      EXPECT_EQ(count, batch.header.record_count);
      records_in_all += count;
    }
    EXPECT_EQ(records_in_all, vector.records) << name(vector.compression);
  }
}

TEST(compression, every_cut_is_noticed) {
  for (auto compression : {codec::gzip, codec::snappy, codec::lz4, codec::zstd}) {
    auto packed = deflated(compression, sample_text(2000));
    for (std::size_t size = 0; size < packed.size(); ++size) {
      auto result = inflated(compression, in_one(std::span{packed}.first(size)));
      // What xerial's header alone says is an empty stream, and the record count will not agree.
      if (compression == codec::snappy && size == xerial::header_bytes) continue;
      if (compression == codec::snappy && size == 0) continue;
      EXPECT_FALSE(result) << name(compression) << " cut at " << size;
    }
  }
}

TEST(compression, garbage_behind_the_stream_is_noticed) {
  for (auto compression : {codec::gzip, codec::snappy, codec::lz4, codec::zstd}) {
    auto packed = deflated(compression, sample_text(2000));
    packed.insert(packed.end(), 20, std::byte{0x5a});
    auto result = inflated(compression, in_one(packed));
    ASSERT_FALSE(result) << name(compression);
    EXPECT_EQ(result.error(), errc::corrupt_batch);
  }
}

TEST(compression, gzip_members_and_zstd_frames_may_follow_each_other) {
  for (auto compression : {codec::gzip, codec::zstd}) {
    auto text = sample_text(1000);
    auto packed = deflated(compression, text);
    auto twice = packed;
    twice.insert(twice.end(), packed.begin(), packed.end());
    auto result = inflated(compression, in_pieces(twice, 9));
    ASSERT_TRUE(result) << name(compression);
    EXPECT_EQ(result->size(), 2 * text.size());
  }
}

// A bomb costs at most the limit's output and one slice's memory, and is refused.
TEST(compression, bombs_are_refused_at_the_limit) {
  std::vector<std::byte> zeros(8 * MiB);
  for (auto compression : {codec::gzip, codec::snappy, codec::lz4, codec::zstd}) {
    auto packed = deflated(compression, zeros);
    auto chain = in_one(packed);
    decompressor inflate;
    inflate.start(compression, chain, 0, chain.size(), 1 * MiB);
    std::size_t given = 0;
    while (true) {
      auto slice = inflate.next();
      if (!slice) {
        EXPECT_EQ(slice.error(), errc::batch_too_large) << name(compression);
        break;
      }
      ASSERT_FALSE(slice->empty()) << name(compression);
      given += slice->size();
    }
    EXPECT_LE(given, 1 * MiB) << name(compression);
  }
}

TEST(compression, a_ratio_of_thousands_is_no_reason_to_refuse) {
  std::vector<std::byte> zeros(8 * MiB);
  auto packed = deflated(codec::zstd, zeros);
  EXPECT_GT(zeros.size() / packed.size(), 5000U);
  auto result = inflated(codec::zstd, in_one(packed), 16 * MiB);
  ASSERT_TRUE(result);
  EXPECT_EQ(result->size(), zeros.size());
}

TEST(compression, a_window_beyond_the_cap_is_refused_before_it_is_allocated) {
  // A frame header by hand (RFC 8878): no content size, window descriptor 31 - 10 = 21 -> 2^31
  // bytes.
  auto frame = from_hex(
      "28b52ffd"
      "00"
      "a8"
      "010000");
  auto result = inflated(codec::zstd, in_one(frame));
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error(), errc::batch_too_large);
}

TEST(compression, level_22_of_zstd_is_read) {
  auto text = sample_text(300'000);
  std::vector<std::byte> packed;
  compressor deflate;
  deflate.start(codec::zstd, packed, 22);
  deflate.write(text);
  deflate.finish();
  auto result = inflated(codec::zstd, in_pieces(packed, 1000));
  ASSERT_TRUE(result);
  EXPECT_TRUE(std::ranges::equal(result->bytes(), text));
}

TEST(compression, a_false_snappy_length_allocates_nothing) {
  // A raw block that claims 4 GiB - 1 in its first five bytes, and the same inside xerial's
  // framing.
  auto raw = from_hex(
      "ffffffff0f"
      "00ff");
  auto result = inflated(codec::snappy, in_one(raw), 1 * GiB);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error(), errc::corrupt_batch);
  auto framed = from_hex(
      "82534e4150505900"
      "00000001"
      "00000001"
      "00000007"
      "ffffffff0f"
      "00ff");
  result = inflated(codec::snappy, in_one(framed), 1 * GiB);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error(), errc::corrupt_batch);
  auto huge_block = from_hex(
      "82534e4150505900"
      "00000001"
      "00000001"
      "7fffffff"
      "00");
  result = inflated(codec::snappy, in_one(huge_block), 1 * GiB);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error(), errc::corrupt_batch);
}

// One raw block of 129 MiB, as a client might send it where max.message.bytes is large.
TEST(compression, a_snappy_block_beyond_the_cap_is_refused_before_it_is_allocated) {
  std::string block;
  {
    std::string zeros(129 * MiB, '\0');
    snappy::Compress(zeros.data(), zeros.size(), &block);
  }
  auto packed = std::as_bytes(std::span{block});
  auto chain = in_one({packed.begin(), packed.end()});
  decompressor inflate;
  inflate.start(codec::snappy, chain, 0, chain.size(), 1 * GiB);
  auto slice = inflate.next();
  ASSERT_FALSE(slice);
  EXPECT_EQ(slice.error(), errc::batch_too_large);
}

TEST(compression, lz4_blocks_that_depend_on_each_other_are_refused) {
  auto text = sample_text(200'000);
  LZ4F_preferences_t linked{
      .frameInfo = {.blockSizeID = LZ4F_max64KB, .blockMode = LZ4F_blockLinked}};
  std::vector<std::byte> packed(LZ4F_compressFrameBound(text.size(), &linked));
  packed.resize(
      LZ4F_compressFrame(packed.data(), packed.size(), text.data(), text.size(), &linked));
  auto result = inflated(codec::lz4, in_one(packed));
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error(), errc::corrupt_batch);
}

}  // namespace
}  // namespace karst::log
