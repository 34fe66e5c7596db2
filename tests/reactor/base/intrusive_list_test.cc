#include "reactor/base/intrusive_list.h"

#include <gtest/gtest.h>

#include <deque>
#include <vector>

namespace karst {
namespace {

struct item : list_link {
  explicit item(int number) : value(number) {}
  int value;
};

std::vector<int> values(intrusive_list<item>& list) {
  std::vector<int> seen;
  list.for_each([&](item& one) { seen.push_back(one.value); });
  return seen;
}

TEST(intrusive_list, keeps_order_at_both_ends) {
  item one{1};
  item two{2};
  item three{3};
  intrusive_list<item> list;
  EXPECT_TRUE(list.empty());
  EXPECT_EQ(list.pop_front(), nullptr);
  list.push_back(two);
  list.push_back(three);
  list.push_front(one);
  EXPECT_EQ(values(list), (std::vector{1, 2, 3}));
  EXPECT_EQ(list.at(2), &three);
  EXPECT_EQ(list.at(3), nullptr);
  EXPECT_EQ(list.pop_front(), &one);
  EXPECT_FALSE(one.linked());
  EXPECT_EQ(&list.front(), &two);
}

TEST(intrusive_list, an_item_leaves_when_it_is_destroyed_or_unlinked) {
  intrusive_list<item> list;
  item kept{1};
  list.push_back(kept);
  {
    item gone{2};
    list.push_back(gone);
    EXPECT_EQ(values(list), (std::vector{1, 2}));
  }
  EXPECT_EQ(values(list), (std::vector{1}));
  kept.unlink();
  kept.unlink();
  EXPECT_TRUE(list.empty());
}

TEST(intrusive_list, a_list_that_ends_frees_its_items) {
  item one{1};
  {
    intrusive_list<item> list;
    list.push_back(one);
  }
  EXPECT_FALSE(one.linked());
}

TEST(intrusive_list, appends_a_whole_list) {
  item items[] = {item{1}, item{2}, item{3}, item{4}};
  intrusive_list<item> first;
  intrusive_list<item> second;
  first.append(second);
  EXPECT_TRUE(first.empty());
  first.push_back(items[0]);
  second.push_back(items[1]);
  second.push_back(items[2]);
  first.append(second);
  EXPECT_TRUE(second.empty());
  EXPECT_EQ(values(first), (std::vector{1, 2, 3}));
  second.push_back(items[3]);
  second.append(first);
  EXPECT_EQ(values(second), (std::vector{4, 1, 2, 3}));
}

TEST(intrusive_list, a_visitor_may_unlink_what_it_is_given) {
  std::deque<item> items;
  intrusive_list<item> list;
  for (auto i = 0; i < 6; ++i) list.push_back(items.emplace_back(i));
  list.for_each([](item& one) {
    if (one.value % 2 == 0) one.unlink();
  });
  EXPECT_EQ(values(list), (std::vector{1, 3, 5}));
}

TEST(intrusive_list_death, an_item_stands_in_one_list_only) {
  item one{1};
  intrusive_list<item> first;
  intrusive_list<item> second;
  first.push_back(one);
  EXPECT_DEATH(second.push_back(one), "linked");
}

}  // namespace
}  // namespace karst
