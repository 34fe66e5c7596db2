#include "reactor/buffer_chain.h"

#include <gtest/gtest.h>

#include "tests/sim/sim_random.h"

namespace karst {
namespace {

buffer buffer_of(std::string_view text) { return buffer::copy_of(std::as_bytes(std::span{text})); }

buffer_chain chain_of(std::initializer_list<std::string_view> pieces) {
  buffer_chain chain;
  for (auto piece : pieces) chain.append(buffer_of(piece));
  return chain;
}

struct counted_block : buffer_block {
  int released = 0;
};

TEST(buffer, the_block_goes_home_with_the_last_view) {
  std::byte memory[16]{};
  counted_block block;
  block.data = memory;
  block.release = [](buffer_block& gone) { ++static_cast<counted_block&>(gone).released; };
  {
    buffer whole{block, memory, 16};
    auto part = whole.slice(4, 8);
    auto shared = part.share();
    EXPECT_EQ(block.references, 3u);
    whole = std::move(part);
    EXPECT_EQ(block.references, 2u);
    EXPECT_EQ(whole.data(), memory + 4);
    whole.trim_front(2);
    whole.trim_to(3);
    EXPECT_EQ(whole.size(), 3u);
    EXPECT_EQ(whole.data(), memory + 6);
    EXPECT_EQ(block.released, 0);
  }
  EXPECT_EQ(block.released, 1);
}

TEST(buffer_chain, slices_and_splits_share_the_bytes) {
  auto chain = chain_of({"one", "", "two", "three"});
  EXPECT_EQ(chain.size(), 11u);
  EXPECT_EQ(chain.pieces().size(), 3u);
  EXPECT_EQ(chain.slice(2, 5).to_string(), "etwot");
  EXPECT_EQ(chain.slice(11, 0).size(), 0u);
  auto front = chain.split_front(4);
  EXPECT_EQ(front.to_string(), "onet");
  EXPECT_EQ(chain.to_string(), "wothree");
  chain.append(std::move(front));
  EXPECT_EQ(chain.to_string(), "wothreeonet");
  EXPECT_TRUE(front.empty());
}

TEST(buffer_chain, a_chain_moved_from_is_empty) {
  auto chain = chain_of({"abc"});
  auto other = std::move(chain);
  EXPECT_TRUE(chain.empty());
  chain.append(buffer_of("de"));
  EXPECT_EQ(chain.size(), 2u);
  chain = std::move(other);
  EXPECT_TRUE(other.empty());
  EXPECT_EQ(chain.to_string(), "abc");
}

TEST(buffer_chain, contiguous_copies_only_across_pieces) {
  auto chain = chain_of({"abcd", "efgh"});
  std::byte scratch[8];
  EXPECT_EQ(chain.contiguous(1, 3, scratch), chain.pieces()[0].data() + 1);
  EXPECT_EQ(chain.contiguous(4, 4, scratch), chain.pieces()[1].data());
  EXPECT_EQ(chain.contiguous(3, 2, scratch), scratch);
  EXPECT_EQ(scratch[1], std::byte{'e'});
  auto single = chain.slice(0, 4).linearize();
  EXPECT_EQ(single.data(), chain.pieces()[0].data());
  EXPECT_EQ(chain.linearize().size(), 8u);
}

TEST(buffer_chain, agrees_with_a_string) {
  sim::random_source random{11};
  for (auto round = 0; round < 200; ++round) {
    std::string model;
    buffer_chain chain;
    for (auto i = 0; i < 20; ++i) {
      auto const choice = random.below(4);
      auto const cut = random.below(model.size() + 1);
      if (choice < 2) {
        std::string piece(random.below(50), static_cast<char>('a' + random.below(26)));
        chain.append(buffer_of(piece));
        model += piece;
      } else if (choice == 2) {
        EXPECT_EQ(chain.split_front(cut).to_string(), model.substr(0, cut));
        model.erase(0, cut);
      } else {
        auto const size = random.below(model.size() - cut + 1);
        EXPECT_EQ(chain.slice(cut, size).to_string(), model.substr(cut, size));
      }
      ASSERT_EQ(chain.size(), model.size());
      ASSERT_EQ(chain.to_string(), model);
    }
  }
}

}  // namespace
}  // namespace karst
