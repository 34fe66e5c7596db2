// Clients that do anything with a classic group, held against the rules of group_watch.h; each byte
// is one choice. Also the consumer protocol's bytes, against any bytes.
#include "net/consumer_protocol.h"
#include "reactor/base/assert.h"
#include "tests/cluster/group_walk.h"

namespace karst {
namespace {

void walk(std::span<std::uint8_t const> script) {
  cluster::group_walk walk{[&script](std::uint32_t bound) {
    if (script.empty()) return std::uint32_t{0};
    auto choice = script.front() % bound;
    script = script.subspan(1);
    return choice;
  }};
  if (!script.empty() && script.front() % 2 == 0) walk.settle();
  while (!script.empty() && walk.problem().empty()) walk.step();
  if (walk.problem().empty()) walk.settle();
  if (walk.problem().empty()) walk.end();
  KARST_ASSERT(walk.problem().empty(), "{}", walk.problem());
}

// What was read is written the same, and read the same again.
void parse(std::string_view bytes) {
  auto topics = net::parse_subscribed_topics(bytes);
  if (auto subscription = net::parse_subscription(bytes)) {
    KARST_ASSERT(topics && topics->size() == subscription->topics.size());
    auto again = net::parse_subscription(net::to_bytes(*subscription));
    subscription->version = std::min<std::int16_t>(subscription->version, 3);
    KARST_ASSERT(again == subscription);
  }
  if (auto assignment = net::parse_assignment(bytes)) {
    auto again = net::parse_assignment(net::to_bytes(*assignment));
    assignment->version = std::min<std::int16_t>(assignment->version, 3);
    KARST_ASSERT(again == assignment);
  }
}

}  // namespace
}  // namespace karst

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  if (size < 1) return 0;
  std::span<std::uint8_t const> rest{data + 1, size - 1};
  if ((data[0] & 3) != 0) {
    karst::walk(rest);
  } else {
    karst::parse({reinterpret_cast<char const*>(rest.data()), rest.size()});
  }
  return 0;
}
