#include "bench/load_batches.h"

#include "log/batch_builder.h"
#include "reactor/core.h"

namespace karst::bench {
namespace {

constexpr std::size_t batches_bytes_max = 256 * MiB;

// splitmix64 (Steele, Lea, Flood, 2014): the same bytes in each run, so that runs compare.
std::uint64_t scramble(std::uint64_t state) {
  state += 0x9e3779b97f4a7c15U;
  state = (state ^ (state >> 30)) * 0xbf58476d1ce4e5b9U;
  state = (state ^ (state >> 27)) * 0x94d049bb133111ebU;
  return state ^ (state >> 31);
}

}  // namespace

std::string build_value(load_options const& options, std::uint64_t number) {
  if (!options.payload.empty()) return options.payload;
  // Words of a log line, not random bytes: real records compress.
  static constexpr std::string_view text = "2026-01-01 GET /index.html 200 12ms user-agent curl ";
  std::string value;
  value.reserve(options.record_bytes + text.size());
  while (value.size() < options.record_bytes) value += text;
  value.resize(options.record_bytes);
  auto random = static_cast<std::size_t>(options.random_bytes * options.record_bytes);
  for (std::size_t i = 0; i < std::min(random, value.size()); ++i) {
    value[i] = static_cast<char>(scramble(number * options.record_bytes + i));
  }
  return value;
}

expected<std::vector<buffer>, error> build_batches(load_options const& options) {
  auto const per_batch = options.records_per_batch;
  auto const count =
      options.keys == 0 ? 1 : (std::uint64_t{options.keys} + per_batch - 1) / per_batch;
  auto const bytes = count * per_batch * (std::uint64_t{options.record_bytes} + 24);
  if (bytes > batches_bytes_max && count > 1) {
    return fail(errc::invalid, "give fewer keys or smaller records",
                "batches with {} distinct keys take {} MiB, above the bench's limit of {} MiB",
                options.keys, bytes / MiB, batches_bytes_max / MiB);
  }
  std::vector<buffer> batches;
  log::batch_builder builder{{.compression = options.compression}};
  auto const now = core::current().clock().wall_now();
  std::uint64_t number = 0;
  for (std::uint64_t i = 0; i < count; ++i) {
    for (std::uint32_t j = 0; j < per_batch; ++j, ++number) {
      auto key = options.keys == 0 ? std::string{} : fmt::format("key-{}", number % options.keys);
      builder.add(now, options.keys == 0 ? std::nullopt : std::optional<std::string_view>{key},
                  build_value(options, number));
    }
    batches.push_back(builder.finish());
  }
  return batches;
}

}  // namespace karst::bench
