#include "tests/sim/log_ledger.h"

#include <ranges>

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

void log_book::settle(std::int64_t end) {
  batches.erase(batches.lower_bound(end), batches.end());
  claimed = acked = end;
  auto const* last = last_of_producer();
  next_sequence =
      last == nullptr ? 0 : last->sequence + static_cast<std::int32_t>(last->end - last->base);
}

written_batch const* log_book::last_of_producer() const {
  for (auto const& [base, batch] : std::views::reverse(batches)) {
    if (batch.sequence >= 0) return &batch;
  }
  return nullptr;
}

log::validated_batch make_batch(std::uint64_t log, std::uint64_t number, std::size_t bytes,
                                std::int32_t sequence) {
  auto text = fmt::format("log {} batch {} ", log, number);
  random_source random{log * 1'000'003 + number};
  while (text.size() < bytes) text += static_cast<char>('a' + random.below(26));
  log::batch_options options;
  if (sequence >= 0) {
    options.producer = {1000 + static_cast<std::int64_t>(log)};
    options.producer_epoch = 0;
    options.base_sequence = sequence;
  }
  log::batch_builder builder{options};
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
