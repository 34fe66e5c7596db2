#include "tests/sim/log_ledger.h"

#include "log/batch.h"
#include "log/batch_builder.h"
#include "tests/sim/sim_random.h"

namespace karst::sim {

std::map<std::uint64_t, log_promise> log_ledger::promises() const {
  std::map<std::uint64_t, log_promise> made;
  for (auto const& [id, book] : books) {
    made[id] = {.created = book.created,
                .remove_began = book.remove_began,
                .claimed = book.claimed,
                .acked = book.acked};
  }
  return made;
}

log::validated_batch make_batch(std::uint64_t log, std::uint64_t number, std::size_t bytes) {
  auto text = fmt::format("log {} batch {} ", log, number);
  random_source random{log * 1'000'003 + number};
  while (text.size() < bytes) text += static_cast<char>('a' + random.below(26));
  log::batch_builder builder;
  // Several records now and then, so that offsets and batches differ.
  auto const records = 1 + number % 3;
  for (std::uint64_t i = 0; i < records; ++i) {
    auto part = text.substr(i * text.size() / records, text.size() / records + 1);
    builder.add(1'700'000'000'000 + static_cast<wall_ms>(number), std::nullopt, part);
  }
  return log::validated_batch::trusted(buffer_chain{builder.finish()});
}

std::string comparable_bytes(buffer_chain const& batch) {
  return batch.to_string().substr(log::batch_layout::magic);
}

}  // namespace karst::sim
