// Each message is described as Kafka's own definitions say, for every version that Karst offers. A
// release is asked only for the versions that it has; each version must be in one of them.
// The definitions are read out of the kafka-clients jars that tests/peers brings.
#include <gtest/gtest.h>

#include <cstdio>
#include <filesystem>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>

#include "reactor/base/expected.h"
#include "tests/net/wire/all_messages.h"
#include "tests/net/wire/dumper.h"

namespace karst::net {
namespace {

using json = nlohmann::json;
using schemas = std::map<std::string, json>;

std::filesystem::path peers_directory() {
  if (auto const* peers = std::getenv("KARST_PEERS")) return peers;
  if (auto const* cache = std::getenv("XDG_CACHE_HOME"))
    return std::filesystem::path{cache} / "karst-peers";
  auto const* home = std::getenv("HOME");
  return std::filesystem::path{home == nullptr ? "/" : home} / ".cache/karst-peers";
}

expected<std::filesystem::path, std::string> find_jar(std::string const& kafka) {
  auto directory = peers_directory() / ("kafka-" + kafka);
  std::error_code failure;
  for (auto const& each : std::filesystem::directory_iterator{directory, failure}) {
    auto name = each.path().filename().string();
    if (name.starts_with("kafka-clients-" + kafka) && name.ends_with(".jar")) return each.path();
  }
  return std::unexpected(fmt::format(
      "no kafka-clients-{}*.jar in {}; run `python3 tests/peers/peers.py install`, or set "
      "KARST_PEERS to where it put the jars",
      kafka, directory.string()));
}

// Each message definition of the jar in turn: a line with its size, then its text.
constexpr auto unpack = R"(python3 -c '
import sys, zipfile
jar = zipfile.ZipFile(sys.argv[1])
for name in jar.namelist():
    if name.startswith("common/message/") and name.endswith(".json"):
        text = jar.read(name)
        sys.stdout.buffer.write(b"%d\n" % len(text) + text)
' )";

expected<schemas, std::string> read_schemas(std::string const& kafka) {
  auto jar = find_jar(kafka);
  if (!jar) return std::unexpected(jar.error());
  auto command = unpack + ("'" + jar->string() + "'");
  std::unique_ptr<FILE, int (*)(FILE*)> pipe{popen(command.c_str(), "r"), &pclose};
  schemas found;
  for (std::size_t size = 0; std::fscanf(pipe.get(), "%zu", &size) == 1;) {
    std::fgetc(pipe.get());
    std::string text(size, '\0');
    if (std::fread(text.data(), 1, size, pipe.get()) != size) break;
    auto message = json::parse(text, nullptr, true, true);
    std::string name = message["name"];
    found.emplace(std::move(name), std::move(message));
  }
  if (found.empty())
    return std::unexpected(fmt::format("no message definitions in {}", jar->string()));
  return found;
}

// "0-12", "3+", "7"; "none" is empty.
versions parse_versions(std::string const& text) {
  if (text == "none") return {0, -1};
  auto low = static_cast<std::int16_t>(std::stoi(text));
  if (text.ends_with('+')) return {low, std::numeric_limits<std::int16_t>::max()};
  auto dash = text.find('-');
  return {low, dash == std::string::npos
                   ? low
                   : static_cast<std::int16_t>(std::stoi(text.substr(dash + 1)))};
}

versions versions_of(json const& field, char const* which) {
  return field.contains(which) ? parse_versions(field[which]) : versions{0, -1};
}

// Writes what dumper writes, from Kafka's definition.
class schema_dumper {
 public:
  schema_dumper(versions described, std::int16_t version)
      : described_(described), version_(version) {}

  std::string text;
  void fields(json const& list) {
    for (auto const& each : list) field(each);
  }

 private:
  void field(json const& field) {
    auto present = versions_of(field, "versions");
    if (!present.contain(version_)) return;
    std::string type = field["type"];
    auto is_tagged = versions_of(field, "taggedVersions").contain(version_);
    auto is_nullable = versions_of(field, "nullableVersions").contain(version_);
    text += fmt::format("{:{}}{} {}", "", 2 * parents_.size(), std::string{field["name"]},
                        short_type(field, type));
    if (is_nullable) text += " nullable";
    if (is_tagged) text += fmt::format(" tag {}", int{field["tag"]});
    if (is_tagged || is_noticed(present)) text += default_of(field, type);
    text += '\n';
    parents_.push_back(present);
    if (field.contains("fields")) fields(field["fields"]);
    parents_.pop_back();
  }

  // Structs have a name of their own in Kafka; what counts is that they are structs.
  static std::string short_type(json const& field, std::string const& type) {
    if (!field.contains("fields")) return type;
    return type.starts_with("[]") ? "[]struct" : "struct";
  }

  bool is_noticed(versions present) const {
    for (auto version = described_.lowest; version <= described_.highest; ++version) {
      auto possible =
          std::ranges::all_of(parents_, [&](auto parent) { return parent.contain(version); });
      if (possible && !present.contain(version)) return true;
    }
    return false;
  }

  static std::string default_of(json const& field, std::string const& type) {
    std::string stated;
    if (field.contains("default")) {
      stated =
          field["default"].is_string() ? std::string{field["default"]} : field["default"].dump();
    }
    if (stated == "null") return " default null";
    if (type.starts_with("[]")) return " default []";
    if (type == "string") return fmt::format(" default \"{}\"", stated);
    if (type == "uuid") return fmt::format(" default {}", to_string(uuid{}));
    if (type == "bool") return fmt::format(" default {}", stated.empty() ? "false" : stated);
    if (field.contains("fields") || type == "records" || type == "bytes") return "";
    return fmt::format(" default {}", stated.empty() ? 0 : std::stoll(stated, nullptr, 0));
  }

  versions described_;
  std::int16_t version_;
  std::vector<versions> parents_;
};

template <wire_message Message>
void compare(schemas const& kafka) {
  auto name = name_of_message<Message>();
  SCOPED_TRACE(name);
  auto found = kafka.find(name);
  ASSERT_NE(found, kafka.end());
  auto const& schema = found->second;
  EXPECT_EQ(int{schema["apiKey"]}, static_cast<int>(Message::info.key));
  auto flexible = parse_versions(schema["flexibleVersions"]);
  auto never = flexible.highest < flexible.lowest;
  EXPECT_EQ(never ? INT16_MAX : flexible.lowest, flexible_since(Message::info.key));
  auto valid = parse_versions(schema["validVersions"]);
  for (auto version = Message::info.valid.lowest; version <= Message::info.valid.highest;
       ++version) {
    SCOPED_TRACE(fmt::format("version {}", version));
    if (!valid.contain(version)) continue;
    schema_dumper theirs{Message::info.valid, version};
    theirs.fields(schema["fields"]);
    EXPECT_EQ(dump<Message>(version), theirs.text);
  }
}

class kafka_release : public ::testing::TestWithParam<std::string> {};

TEST_P(kafka_release, every_message_and_version) {
  auto kafka = read_schemas(GetParam());
  ASSERT_TRUE(kafka.has_value()) << kafka.error();
  for_each_message([&]<typename Message> { compare<Message>(*kafka); });
}

TEST(kafka_schema, every_version_is_kafkas) {
  auto older = read_schemas("3.9");
  auto newer = read_schemas("4.2");
  ASSERT_TRUE(older.has_value() && newer.has_value());
  for_each_message([&]<typename Message> {
    auto name = name_of_message<Message>();
    auto first = parse_versions((*older)[name]["validVersions"]);
    auto last = parse_versions((*newer)[name]["validVersions"]);
    EXPECT_LE(last.lowest, first.highest + 1) << name;
    EXPECT_GE(Message::info.valid.lowest, std::min(first.lowest, last.lowest)) << name;
    EXPECT_LE(Message::info.valid.highest, std::max(first.highest, last.highest)) << name;
  });
}

INSTANTIATE_TEST_SUITE_P(releases, kafka_release, ::testing::Values("3.9", "4.2"),
                         [](auto const& info) {
                           return info.param == "3.9" ? "kafka_3_9" : "kafka_4_2";
                         });

}  // namespace
}  // namespace karst::net
