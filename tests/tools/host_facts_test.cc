#include "tools/host_facts.h"

#include <gtest/gtest.h>

namespace karst::tools {
namespace {

constexpr std::string_view mounts =
    "22 27 0:21 / /proc rw,relatime - proc proc rw\n"
    "27 1 254:0 / / rw,relatime shared:1 master:2 - ext4 /dev/vda rw,discard\n"
    "30 27 8:1 /a /data rw,noatime - xfs /dev/sda1 rw,attr2\n"
    "31 27 8:17 / /short\n";

TEST(host_facts, a_devices_mount_options) {
  EXPECT_EQ(mount_options(mounts, 254, 0), "rw,relatime,rw,discard");
  EXPECT_EQ(mount_options(mounts, 8, 1), "rw,noatime,rw,attr2");
  EXPECT_EQ(mount_options(mounts, 8, 17), "");
  EXPECT_EQ(mount_options(mounts, 8, 2), "");
  EXPECT_EQ(mount_options("", 8, 1), "");
}

TEST(host_facts, an_option_is_a_whole_word) {
  EXPECT_TRUE(has_option("rw,discard", "discard"));
  EXPECT_FALSE(has_option("rw,nodiscard,discard=async", "discard"));
  EXPECT_FALSE(has_option("", "discard"));
}

TEST(host_facts, options_of_a_path_that_is_not_there) {
  EXPECT_EQ(mount_options("/proc/no such file"), "");
}

}  // namespace
}  // namespace karst::tools
