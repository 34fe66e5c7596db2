#include "log/journal_entry.h"

#include <gtest/gtest.h>

#include "log/journal_format.h"
#include "log/journal_group.h"

namespace karst::log {
namespace {

log_state sample_state() {
  log_state state;
  state.id = log_id{77};
  state.generation = generation{3};
  state.topic_id = make_uuid(1, 2);
  state.topic = "orders";
  state.partition = 12;
  state.log_start = offset{5};
  state.end = offset{900};
  state.high_watermark = offset{899};
  state.end_position = {offset{400}, position{8200}};
  state.durable_through = {offset{400}, position{8192}};
  state.index_valid_through = position{4096};
  state.active_created = 111;
  state.active_max_timestamp = 222;
  state.epochs = {{leader_epoch{1}, offset{5}}, {leader_epoch{4}, offset{600}}};
  state.producers = {std::byte{1}, std::byte{2}};
  state.remainder.assign(8, std::byte{9});
  return state;
}

TEST(journal_entry, a_state_survives_the_journal) {
  auto const state = sample_state();
  std::vector<std::byte> bytes(encoded_bytes(state));
  encode_state(state, entry_type::state, bytes);
  entry_cursor cursor{bytes};
  auto entry = cursor.next();
  ASSERT_TRUE(entry);
  auto const* got = std::get_if<log_state>(&*entry);
  ASSERT_NE(got, nullptr);
  EXPECT_EQ(got->id, state.id);
  EXPECT_EQ(got->generation, state.generation);
  EXPECT_EQ(got->topic_id, state.topic_id);
  EXPECT_EQ(got->topic, state.topic);
  EXPECT_EQ(got->partition, state.partition);
  EXPECT_EQ(got->log_start, state.log_start);
  EXPECT_EQ(got->end, state.end);
  EXPECT_EQ(got->high_watermark, state.high_watermark);
  EXPECT_EQ(got->end_position, state.end_position);
  EXPECT_EQ(got->durable_through, state.durable_through);
  EXPECT_EQ(got->index_valid_through, state.index_valid_through);
  EXPECT_EQ(got->epochs, state.epochs);
  EXPECT_EQ(got->producers, state.producers);
  EXPECT_EQ(got->remainder, state.remainder);
  EXPECT_FALSE(cursor.next());
  EXPECT_FALSE(cursor.failed());
}

TEST(journal_entry, every_cut_of_a_state_is_refused) {
  auto const state = sample_state();
  std::vector<std::byte> bytes(encoded_bytes(state));
  encode_state(state, entry_type::state, bytes);
  for (std::size_t size = 1; size < bytes.size(); ++size) {
    entry_cursor cursor{std::span{bytes}.first(size)};
    EXPECT_FALSE(cursor.next()) << size;
    EXPECT_TRUE(cursor.failed()) << size;
  }
}

TEST(journal_entry, an_append_names_its_three_parts) {
  append_entry entry{.id = log_id{9},
                     .generation = generation{2},
                     .records = 3,
                     .base = offset{50},
                     .where = {offset{40}, position{100}},
                     .head_bytes = 5,
                     .body_bytes = 4096,
                     .end_bytes = 2};
  std::vector<std::byte> bytes(entry.inline_bytes(), std::byte{7});
  entry.encode(bytes);
  entry_cursor cursor{bytes};
  auto decoded = cursor.next();
  ASSERT_TRUE(decoded);
  auto const* got = std::get_if<decoded_append>(&*decoded);
  ASSERT_NE(got, nullptr);
  EXPECT_EQ(got->size(), 4103u);
  EXPECT_EQ(got->next(), offset{53});
  EXPECT_EQ(got->where, entry.where);
  EXPECT_EQ(got->head.size(), 5u);
  EXPECT_EQ(got->end.size(), 2u);
  EXPECT_EQ(got->head.front(), std::byte{7});
}

TEST(journal_group, a_header_with_one_bit_changed_does_not_count) {
  journal_group group;
  group.sequence = 6;
  auto entry = group.add(remove_entry_bytes);
  encode(remove_entry{log_id{1}, generation{1}}, entry);
  group.seal(42, 41, false);
  auto vectors = group.vectors();
  ASSERT_EQ(vectors.size(), 1u);
  EXPECT_EQ(vectors.front().iov_len % block_size, 0u);
  auto* memory = static_cast<std::byte*>(vectors.front().iov_base);
  std::span<std::byte> header{memory, group_header::encoded_bytes};
  auto good = group_header::decode(header);
  ASSERT_TRUE(good);
  EXPECT_EQ(good->run, 42u);
  EXPECT_EQ(good->sequence, 6u);
  EXPECT_EQ(good->previous_hash, 41u);
  for (std::size_t bit = 0; bit < header.size() * 8; ++bit) {
    header[bit / 8] ^= std::byte(1 << (bit % 8));
    EXPECT_FALSE(group_header::decode(header)) << bit;
    header[bit / 8] ^= std::byte(1 << (bit % 8));
  }
}

TEST(journal_format, names_of_journal_files) {
  EXPECT_EQ(journal_file_name(3, 17), "karst-journal-3-17");
  auto id = parse_journal_file_name("karst-journal-3-17");
  ASSERT_TRUE(id);
  EXPECT_EQ(id->core, 3);
  EXPECT_EQ(id->number, 17u);
  for (auto const* other : {"karst-journal-", "karst-journal-3", "karst-journal-3-", "orders-0",
                            "karst-journal-3-17x", "karst-journal--1-2"}) {
    EXPECT_FALSE(parse_journal_file_name(other)) << other;
  }
}

}  // namespace
}  // namespace karst::log
