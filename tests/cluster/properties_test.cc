#include "cluster/properties.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace karst::cluster {
namespace {

using ::testing::ElementsAre;
using ::testing::Pair;

std::vector<std::pair<std::string, std::string>> read(std::string_view text) {
  auto parsed = parse_properties(text, "test.properties");
  EXPECT_TRUE(parsed) << parsed.error().message();
  std::vector<std::pair<std::string, std::string>> pairs;
  for (auto const& [name, value, line] : parsed.value_or(std::vector<property>{})) {
    pairs.emplace_back(name, value);
  }
  return pairs;
}

// The expected values were checked against java.util.Properties of OpenJDK 17.
TEST(properties, takes_every_separator) {
  EXPECT_THAT(read("a=1\nb:2\nc 3\nd\t=\t4\ne\n f = 5 \n"),
              ElementsAre(Pair("a", "1"), Pair("b", "2"), Pair("c", "3"), Pair("d", "4"),
                          Pair("e", ""), Pair("f", "5 ")));
}

TEST(properties, skips_comments_and_blank_lines) {
  EXPECT_THAT(read("# one\n  ! two\n\n   \na=1 # not a comment\n"),
              ElementsAre(Pair("a", "1 # not a comment")));
}

TEST(properties, joins_continued_lines) {
  EXPECT_THAT(read("list=a,\\\n    b,\\\r\n\tc\nnext=1\\\\\nlast=x\\"),
              ElementsAre(Pair("list", "a,b,c"), Pair("next", "1\\"), Pair("last", "x")));
}

TEST(properties, continues_into_what_looks_like_a_comment) {
  EXPECT_THAT(read("a=1\\\n# 2\n"), ElementsAre(Pair("a", "1# 2")));
}

TEST(properties, resolves_escapes) {
  EXPECT_THAT(read(R"(tab=a\tb
path=C\:\\x\=y
k\=e\:y\ s=v
letter=\u0041\u00e9\u20ac
dropped=\q)"),
              ElementsAre(Pair("tab", "a\tb"), Pair("path", "C:\\x=y"), Pair("k=e:y s", "v"),
                          Pair("letter", "A\xc3\xa9\xe2\x82\xac"), Pair("dropped", "q")));
}

TEST(properties, keeps_what_comes_twice_and_its_lines) {
  auto parsed = parse_properties("\n# c\na=1\r\nb=2\ra=3", "x");
  ASSERT_TRUE(parsed);
  ASSERT_EQ(parsed->size(), 3U);
  EXPECT_EQ((*parsed)[0].line, 3U);
  EXPECT_EQ((*parsed)[1].line, 4U);
  EXPECT_EQ((*parsed)[2].line, 5U);
  EXPECT_EQ((*parsed)[2].value, "3");
}

TEST(properties, names_file_and_line_of_a_bad_escape) {
  for (auto text : {"ok=1\nbad=\\u12", "ok=1\nbad=\\u12g4"}) {
    auto parsed = parse_properties(text, "server.properties");
    ASSERT_FALSE(parsed);
    EXPECT_THAT(parsed.error().message(), ::testing::HasSubstr("server.properties line 2"));
  }
}

TEST(properties, refuses_a_binary_file) {
  using namespace std::string_view_literals;
  EXPECT_FALSE(parse_properties("a=\0b"sv, "x"));
}

}  // namespace
}  // namespace karst::cluster
