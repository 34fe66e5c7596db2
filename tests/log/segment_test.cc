#include "log/segment.h"

#include <gtest/gtest.h>

#include "log/batch_validator.h"
#include "tests/log/batches.h"
#include "tests/sim/sim_machine.h"

namespace karst::log {
namespace {

constexpr std::int64_t interval = 500;

// A segment of batches of ten records, in a directory of a simulated disk.
class segment_test : public testing::Test {
 protected:
  segment_test() : host_{{.seed = 1}, sim::disk::with_directory("/data")}, cores_(host_, 1) {}

  template <typename T>
  T run(task<T> work) {
    return cores_.run(0, std::move(work));
  }
  segment& make() {
    return *segments_.emplace_back(std::make_unique<segment>(files_, "/data", offset{0}));
  }

  // Appends `count` batches to the file and to the index, if there is one.
  void write(segment& to, int count) {
    for (auto i = 0; i < count; ++i) {
      auto batch = sample_batch(10, {}, 1000 + static_cast<wall_ms>(bytes_.size()));
      std::vector<std::byte> raw(batch.data(), batch.data() + batch.size());
      stamp(raw.data(), next_, leader_epoch{0});
      if (to.indexes_loaded()) {
        auto header = batch_header::decode(raw.data());
        to.index_batch(header.last(), position{bytes_.size()}, raw.size(), header.max_timestamp,
                       interval);
      }
      bytes_.insert(bytes_.end(), raw.begin(), raw.end());
      next_ = next_ + 10;
    }
    to.size = bytes_.size();
    EXPECT_TRUE(run(store(bytes_)));
  }
  static task<expected<>> store(std::vector<std::byte> const& bytes) {
    auto opened =
        co_await file::open("/data/00000000000000000000.log", open_read | open_write | open_create);
    if (!opened) co_return fail(opened.error());
    auto done = co_await opened->write(0, bytes, true);
    (void)co_await opened->close();
    co_return done;
  }
  std::string content(std::string_view extension) {
    return host_.storage().content(fmt::format("/data/00000000000000000000.{}", extension));
  }

  sim::world host_;
  sim::machine cores_;
  descriptor_cache files_{64};
  std::vector<std::unique_ptr<segment>> segments_;
  std::vector<std::byte> bytes_;
  offset next_{0};
};

TEST_F(segment_test, indexes_that_are_flushed_are_read_again_and_lead_near_the_offset) {
  auto& first = make();
  first.start_indexes();
  write(first, 60);
  ASSERT_GT(first.index().size(), 10U);
  auto valid = run(first.flush_indexes());
  ASSERT_TRUE(valid);
  EXPECT_EQ(first.unflushed_entries(), 0U);

  auto& again = make();
  again.size = bytes_.size();
  ASSERT_TRUE(run(again.load_indexes(*valid, bytes_.size(), interval)));
  EXPECT_EQ(again.index().size(), first.index().size());
  for (std::int64_t at = 0; at < next_.value; at += 37) {
    EXPECT_EQ(again.index().lookup(offset{at}), first.index().lookup(offset{at})) << at;
  }
  EXPECT_EQ(again.times().last(), first.times().last());
  EXPECT_EQ(again.max_timestamp, first.max_timestamp);
}

TEST_F(segment_test, what_was_not_flushed_is_rebuilt_from_the_batches) {
  auto& first = make();
  first.start_indexes();
  write(first, 30);
  auto valid = run(first.flush_indexes());
  ASSERT_TRUE(valid);
  write(first, 30);

  for (auto trusted : {*valid, std::uint64_t{0}}) {
    auto& again = make();
    again.size = bytes_.size();
    ASSERT_TRUE(run(again.load_indexes(trusted, bytes_.size(), interval))) << trusted;
    EXPECT_EQ(again.index().size(), first.index().size()) << trusted;
    EXPECT_EQ(again.max_timestamp_at, first.max_timestamp_at) << trusted;
  }
}

TEST_F(segment_test, entries_behind_what_is_valid_are_not_trusted_even_if_they_are_there) {
  auto& first = make();
  first.start_indexes();
  write(first, 30);
  auto valid = run(first.flush_indexes());
  ASSERT_TRUE(valid);
  // Another life wrote other entries behind, without syncing them.
  write(first, 1);
  std::vector<file_text> files;
  first.add_unflushed(files);
  for (auto& file : files) file.text = std::string(24, '\x7f');
  ASSERT_TRUE(run(replace_files(std::move(files))));

  auto& again = make();
  again.size = bytes_.size();
  ASSERT_TRUE(run(again.load_indexes(*valid, bytes_.size(), interval)));
  EXPECT_EQ(again.index().size(), first.index().size());
  EXPECT_EQ(again.index().last_position(), first.index().last_position());
}

TEST_F(segment_test, a_batch_that_is_damaged_is_named_and_nothing_is_cut) {
  auto& first = make();
  write(first, 20);
  auto const size = content("log").size();
  // In the middle of the eleventh batch.
  bytes_[bytes_.size() / 20 * 10 + 70] ^= std::byte{1};
  ASSERT_TRUE(run(store(bytes_)));
  auto loaded = run(first.load_indexes(0, bytes_.size(), interval));
  ASSERT_FALSE(loaded);
  EXPECT_EQ(loaded.error(), karst::errc::corrupt);
  EXPECT_NE(first.where_damaged.find("00000000000000000000.log at position"), std::string::npos);
  EXPECT_EQ(content("log").size(), size);
}

TEST_F(segment_test, an_end_inside_a_batch_is_told_where_it_may_be) {
  auto& first = make();
  write(first, 20);
  std::uint64_t cut = 0;
  ASSERT_TRUE(run(first.load_indexes(0, bytes_.size() - 10, interval, &cut)));
  EXPECT_EQ(cut, bytes_.size() / 20 * 19);
}

TEST_F(segment_test, its_files_end_where_it_ends_and_go_with_it) {
  auto& first = make();
  first.start_indexes();
  write(first, 40);
  ASSERT_TRUE(run(first.flush_indexes()));
  first.size = bytes_.size() / 2;
  ASSERT_TRUE(run(first.cut_to_size(false)));
  EXPECT_EQ(content("log").size(), bytes_.size() / 2);
  EXPECT_EQ(first.allocated, first.size);
  ASSERT_TRUE(run(first.unlink_all()));
  run(first.close_files());
  EXPECT_TRUE(host_.storage().files("/data").empty());
  EXPECT_EQ(files_.open_files(), 0U);
}

}  // namespace
}  // namespace karst::log
