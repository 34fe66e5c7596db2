// Producer state against a model that remembers everything, through crashes (encode and decode),
// and its decoders against any bytes.
#include "log/producer_state.h"

#include <deque>
#include <map>

#include "log/limits.h"
#include "reactor/base/assert.h"

namespace karst::log {
namespace {

constexpr std::int64_t sequences = std::int64_t{1} << 31;

// Sequences here are plain numbers that never wrap; only what a batch carries is taken modulo 2^31.
struct model {
  struct batch {
    std::int64_t first;
    std::int64_t records;
    std::int64_t offset;
  };
  struct producer {
    std::int16_t epoch = -1;
    std::deque<batch> last;
  };
  std::map<std::int64_t, producer> producers;
  std::int64_t end = 0;

  // "again OFFSET", "ok", or "no".
  std::string append(std::int64_t id, std::int16_t epoch, std::int64_t first,
                     std::int64_t records) {
    auto found = producers.find(id);
    if (found != producers.end()) {
      auto& known = found->second;
      if (epoch < known.epoch) return "fenced";
      if (epoch > known.epoch && first % sequences != 0) return "no";
      if (epoch == known.epoch) {
        for (auto const& earlier : known.last) {
          if (earlier.first % sequences == first % sequences && earlier.records == records) {
            return fmt::format("again {}", earlier.offset);
          }
        }
        auto const& newest = known.last.back();
        if ((newest.first + newest.records) % sequences != first % sequences) return "no";
      }
    }
    auto& known = producers[id];
    if (epoch != known.epoch) known.last.clear();
    known.epoch = epoch;
    known.last.push_back({first, records, end});
    if (known.last.size() > producer_entry::remembered) known.last.pop_front();
    end += records;
    return "ok";
  }
};

std::string append(producer_state& state, std::int64_t end, batch_header const& batch) {
  auto verdict = state.check(batch);
  if (!verdict) return verdict.error() == errc::invalid_producer_epoch ? "fenced" : "no";
  if (verdict->duplicate_of) return fmt::format("again {}", verdict->duplicate_of->first().value);
  state.update(batch, offset{end}, 0);
  return "ok";
}

void crash(producer_state& state) {
  std::vector<std::byte> bytes;
  state.encode(bytes);
  KARST_ASSERT(bytes.size() == state.encoded_size());
  producer_state recovered;
  KARST_ASSERT(recovered.decode(bytes).has_value());
  state = std::move(recovered);
}

void play(std::span<std::uint8_t const> script) {
  producer_state state;
  model expected;
  for (; script.size() >= 4; script = script.subspan(4)) {
    if (script[0] == 0xff) {
      crash(state);
      continue;
    }
    auto id = script[0] % 3;
    auto epoch = static_cast<std::int16_t>(script[1] % 3);
    auto records = script[3] % 4 + 1;
    // Near the newest sequence, near the wrap, or small.
    std::int64_t first = script[2] % 16;
    auto known = expected.producers.find(id);
    if (script[1] >= 128 && known != expected.producers.end()) {
      auto const& newest = known->second.last.back();
      first = std::max<std::int64_t>(0, newest.first + newest.records + script[2] % 8 - 4);
    } else if (script[1] >= 64) {
      first = sequences - 1 - script[2] % 8;
    }
    batch_header batch{.last_offset_delta = records - 1,
                       .producer = {id},
                       .producer_epoch = epoch,
                       .base_sequence = static_cast<std::int32_t>(first % sequences),
                       .record_count = records};
    auto end = expected.end;
    auto want = expected.append(id, epoch, first, records);
    auto have = append(state, end, batch);
    KARST_ASSERT(want == have, "model {} state {}", want, have);
  }
}

void decode(std::span<std::byte const> bytes) {
  producer_state state;
  if (state.decode(bytes)) {
    crash(state);
    KARST_ASSERT(state.size() <= limit::producers_per_log);
  }
  if (state.decode_snapshot(bytes)) {
    producer_state again;
    KARST_ASSERT(again.decode_snapshot(state.encode_snapshot()).has_value());
    KARST_ASSERT(again.size() == state.size());
  }
}

}  // namespace
}  // namespace karst::log

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  if (size < 1) return 0;
  std::span<std::uint8_t const> rest{data + 1, size - 1};
  if ((data[0] & 1) != 0) {
    karst::log::play(rest);
  } else {
    karst::log::decode(std::as_bytes(rest));
  }
  return 0;
}
