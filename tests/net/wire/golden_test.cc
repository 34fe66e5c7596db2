// Frames of real clients and of Apache Kafka: read, and written back byte for byte.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <set>

#include "net/wire/header.h"
#include "tests/net/wire/all_messages.h"

namespace karst::net {
namespace {

// tests/wire of the source tree that this binary was built in: the nearest above it.
std::filesystem::path frames_directory() {
  auto place = std::filesystem::read_symlink("/proc/self/exe");
  while (place.has_relative_path()) {
    place = place.parent_path();
    if (std::filesystem::is_directory(place / "tests/wire")) return place / "tests/wire";
  }
  return "tests/wire";
}

struct frame {
  std::string name;
  std::string message;  // "create_topics"
  std::int16_t version = 0;
  bool request = false;
  std::string bytes;
};

std::vector<frame> read_frames() {
  std::vector<frame> frames;
  for (auto const& each : std::filesystem::directory_iterator{frames_directory()}) {
    if (each.path().extension() != ".bin") continue;
    std::ifstream file{each.path(), std::ios::binary};
    frame read{.name = each.path().filename().string()};
    read.bytes.assign(std::istreambuf_iterator<char>{file}, {});
    auto dash = read.name.find('-');
    read.message = read.name.substr(0, dash);
    read.version = static_cast<std::int16_t>(std::stoi(read.name.substr(dash + 1)));
    read.request = read.name.ends_with("-request.bin");
    frames.push_back(std::move(read));
  }
  return frames;
}

buffer_chain chain_of(std::string const& bytes) {
  return buffer_chain{buffer::copy_of(std::as_bytes(std::span{bytes}))};
}

// "CreateTopics" as file names have it.
std::string file_form(std::string_view name) {
  std::string form;
  for (auto character : name) {
    auto upper = character >= 'A' && character <= 'Z';
    if (upper && !form.empty()) form += '_';
    form += static_cast<char>(upper ? character - 'A' + 'a' : character);
  }
  return form;
}

template <wire_message Message>
void check_body(buffer_chain const& bytes, std::size_t body, std::int16_t version) {
  auto message = decode<Message>(bytes, version, body);
  ASSERT_TRUE(message.has_value()) << message.error();
  SCOPED_TRACE(print(message->message, version));
  auto written = join(encode(std::move(message->message), version)).to_string();
  EXPECT_EQ(bytes.slice(body, bytes.size() - body).to_string(), written);
}

template <wire_message Message>
void check(frame const& each) {
  SCOPED_TRACE(each.name);
  auto bytes = chain_of(each.bytes);
  std::size_t body = 0;
  if constexpr (Message::info.kind == message_kind::request) {
    auto header = read_request_header(bytes, body);
    ASSERT_TRUE(header.has_value()) << header.error();
    EXPECT_EQ(header->api_key, static_cast<std::int16_t>(Message::info.key));
    EXPECT_EQ(header->api_version, each.version);
    auto written = buffer_chain{write_request_header(*header)}.to_string();
    EXPECT_EQ(each.bytes.substr(0, body), written);
  } else {
    auto flexible = has_flexible_response_header(Message::info.key, each.version);
    auto correlation_id = read_response_header(bytes, flexible, body);
    ASSERT_TRUE(correlation_id.has_value()) << correlation_id.error();
    std::byte written[max_response_header_bytes];
    auto size = write_response_header(written, *correlation_id, flexible);
    EXPECT_EQ(each.bytes.substr(0, body), std::string(reinterpret_cast<char*>(written), size));
  }
  check_body<Message>(bytes, body, each.version);
}

TEST(golden, frames_of_kafka_and_its_clients) {
  auto frames = read_frames();
  ASSERT_FALSE(frames.empty()) << "no frames in " << frames_directory();
  std::set<std::string> seen;
  for (auto const& each : frames) {
    for_each_message([&]<typename Message> {
      auto wanted = Message::info.kind == message_kind::request;
      if (each.request != wanted || file_form(name_of(Message::info.key)) != each.message) return;
      check<Message>(each);
      seen.insert(name_of_message<Message>());
    });
  }
  for_each_message([&]<typename Message> {
    EXPECT_TRUE(seen.contains(name_of_message<Message>()))
        << "no frame of " << name_of_message<Message>();
  });
}

}  // namespace
}  // namespace karst::net
