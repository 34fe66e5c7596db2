#include "cluster/topic_typo.h"

#include <gtest/gtest.h>

namespace karst::cluster {
namespace {

TEST(topic_typo, slips_of_the_finger) {
  EXPECT_TRUE(may_be_typo("ordrs", "orders"));
  EXPECT_TRUE(may_be_typo("order", "orders"));
  EXPECT_TRUE(may_be_typo("paymetns", "payments")) << "two neighbours exchanged are two edits";
  EXPECT_TRUE(may_be_typo("Payments", "payments"));
}

TEST(topic_typo, names_that_are_meant_so) {
  EXPECT_FALSE(may_be_typo("orders", "orders"));
  EXPECT_FALSE(may_be_typo("orders-1", "orders-2"));
  EXPECT_FALSE(may_be_typo("orders", "orders2"));
  EXPECT_FALSE(may_be_typo("orders", "orders-dead-letter"));
  EXPECT_FALSE(may_be_typo("in", "out"));
  EXPECT_FALSE(may_be_typo("one", "ones"));
  EXPECT_FALSE(may_be_typo("orders", "audits"));
}

}  // namespace
}  // namespace karst::cluster
