// Fetch sessions against their model, and the cache against its limits, led by any bytes.
#include "tests/cluster/fetch_session_model.h"

namespace karst::cluster {
namespace {

class byte_choices {
 public:
  byte_choices(std::uint8_t const* data, std::size_t size) : data_(data), size_(size) {}
  bool left() const { return size_ != 0; }
  std::uint32_t below(std::uint32_t bound) {
    if (bound == 0 || size_ == 0) return 0;
    --size_;
    return *data_++ % bound;
  }

 private:
  std::uint8_t const* data_;
  std::size_t size_;
};

void run_cache(byte_choices& choices) {
  constexpr std::size_t bytes = 16 * KiB;
  fetch_session_cache cache{0, 2, {.slots = 8, .bytes = bytes}};
  std::vector<std::int32_t> ids;
  time_point now{1h};
  while (choices.left()) {
    now += std::chrono::seconds{choices.below(60)};
    if (choices.below(3) == 0 || ids.empty()) {
      auto session = std::make_shared<fetch_session>(true);
      std::vector<net::fetch_request::topic> topics(1);
      auto partitions = static_cast<std::int32_t>(choices.below(100));
      for (std::int32_t i = 0; i < partitions; ++i) topics[0].partitions.push_back({.index = i});
      session->want(topics);
      auto id = cache.add(session, choices.below(4) == 0, now, choices.below(5));
      if (id != 0) ids.push_back(id);
    } else {
      auto id = ids[choices.below(static_cast<std::uint32_t>(ids.size()))];
      if (choices.below(4) == 0) cache.remove(id);
      KARST_ASSERT(cache.touch(id, now) == (cache.find(id) != nullptr), "session {}", id);
    }
    KARST_ASSERT(cache.size() <= 8 && cache.bytes() <= bytes, "{} {}", cache.size(), cache.bytes());
  }
  for (auto id : ids) cache.remove(id);
  KARST_ASSERT(cache.size() == 0 && cache.bytes() == 0, "{} {}", cache.size(), cache.bytes());
}

}  // namespace
}  // namespace karst::cluster

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  karst::cluster::byte_choices choices{data, std::min<std::size_t>(size, 4096)};
  if (choices.below(4) == 0) {
    karst::cluster::run_cache(choices);
    return 0;
  }
  karst::cluster::testing::fetch_session_model model{
      choices.below(2) == 0, [&](std::uint32_t bound) { return choices.below(bound); }};
  while (choices.left()) {
    model.step();
    model.check();
  }
  return 0;
}
