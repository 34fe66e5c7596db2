#include "log/descriptor_cache.h"

#include <gtest/gtest.h>

#include "tests/sim/sim_machine.h"

namespace karst::log {
namespace {

class descriptor_cache_test : public testing::Test {
 protected:
  explicit descriptor_cache_test(std::size_t descriptors = 1000)
      : host_{{.seed = 1, .descriptors_max = descriptors}, sim::disk::with_directory("/data")},
        cores_(host_, 1) {}

  expected<std::shared_ptr<file>> open(std::size_t number) {
    return cores_.run(0, cache_.open(files_[number], fmt::format("/data/{}", number),
                                     open_read | open_write | open_create));
  }
  std::vector<std::size_t> open_now() const {
    std::vector<std::size_t> open;
    for (std::size_t i = 0; i < files_.size(); ++i) {
      if (files_[i].is_open()) open.push_back(i);
    }
    return open;
  }

  sim::world host_;
  sim::machine cores_;
  descriptor_cache cache_{3};
  std::array<cached_file, 8> files_;
};

using numbers = std::vector<std::size_t>;

TEST_F(descriptor_cache_test, closes_what_was_unused_longest) {
  for (std::size_t i : {0, 1, 2, 0, 3}) EXPECT_TRUE(open(i)) << i;
  EXPECT_EQ(open_now(), (numbers{0, 2, 3}));
  EXPECT_EQ(host_.open_descriptors(), 3U);
  EXPECT_TRUE(open(1));
  EXPECT_EQ(open_now(), (numbers{0, 1, 3}));
}

TEST_F(descriptor_cache_test, what_is_in_use_stays_open_and_counts) {
  std::vector<std::shared_ptr<file>> used;
  for (std::size_t i = 0; i < 5; ++i) used.push_back(open(i).value());
  EXPECT_EQ(cache_.open_files(), 5U);
  used.clear();
  EXPECT_TRUE(open(5));
  EXPECT_EQ(cache_.open_files(), 3U);
  EXPECT_EQ(open_now(), (numbers{3, 4, 5}));
}

TEST_F(descriptor_cache_test, a_file_that_is_let_go_while_in_use_is_closed_by_its_last_user) {
  auto used = open(0).value();
  files_[0].forget();
  EXPECT_EQ(cache_.open_files(), 0U);
  EXPECT_EQ(host_.open_descriptors(), 1U);
  cores_.run(0, [](std::shared_ptr<file> last) -> task<> {
    last.reset();
    co_return;
  }(std::move(used)));
  cores_.run_until([this] { return host_.open_descriptors() == 0; });
}

class short_of_descriptors : public descriptor_cache_test {
 protected:
  short_of_descriptors() : descriptor_cache_test(2) {}
};

TEST_F(short_of_descriptors, idle_files_make_room_and_else_it_is_told) {
  for (std::size_t i = 0; i < 4; ++i) EXPECT_TRUE(open(i)) << i;
  EXPECT_EQ(open_now(), (numbers{2, 3}));
  auto first = open(2);
  auto second = open(3);
  auto third = open(4);
  ASSERT_FALSE(third);
  EXPECT_EQ(third.error(), karst::errc::too_many_files);
  first->reset();
  EXPECT_TRUE(open(4));
}

}  // namespace
}  // namespace karst::log
