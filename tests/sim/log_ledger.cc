#include "tests/sim/log_ledger.h"

#include <ranges>

#include "log/batch.h"
#include "log/batch_builder.h"
#include "tests/sim/sim_random.h"

namespace karst::sim {

std::map<std::uint64_t, log_promise> log_ledger::promises() const {
  std::map<std::uint64_t, log_promise> made;
  for (auto const& [id, book] : books) made[id] = book;
  return made;
}

log_promise after_cut(log_promise promise) {
  auto const cut = *promise.asked;
  promise.least = promise.claimed = promise.acked = cut.end;
  promise.start = cut.everything ? cut.end : std::min(promise.start, cut.end);
  return promise;
}

void log_book::append(written_batch batch) {
  // Behind a cut that nobody has heard of yet.
  if (asked && batch.base != claimed && batch.base == asked->end) answer_cut();
  batch.from_age = age;
  claimed = batch.end;
  if (batch.sequence >= 0) remembered = std::min(remembered + 1, 5);
  batches.emplace(batch.base, std::move(batch));
}

// As the log decides it: below its start everything goes, at its end or above nothing.
void log_book::ask(log_cut cut) {
  // One that was not answered has failed the log: nothing more happens to it.
  if (asked) return;
  cut.everything |= cut.end < start;
  if (cut.everything || cut.end < claimed) asked = cut;
}

void log_book::answer_cut() {
  if (!asked) return;
  auto const cut = *asked;
  static_cast<log_promise&>(*this) = after_cut(*this);
  asked.reset();
  ++age;
  for (auto& [base, batch] : batches) {
    if (batch.until_age <= age || (batch.end <= cut.end && !cut.everything)) continue;
    batch.until_age = age;
    if (batch.sequence >= 0) --remembered;
  }
  count_sequence();
}

void log_book::settle(bool cut, std::int64_t end) {
  if (cut) answer_cut();
  asked.reset();
  ++age;
  for (auto& [base, batch] : batches) {
    if (batch.until_age <= age || base < end) continue;
    batch.until_age = age;
    if (batch.sequence >= 0) --remembered;
  }
  claimed = acked = end;
  count_sequence();
}

// At least the producer's newest batch is recognised, however many were cut off.
void log_book::count_sequence() {
  auto const* last = last_of_producer();
  next_sequence =
      last == nullptr ? 0 : last->sequence + static_cast<std::int32_t>(last->end - last->base);
  remembered = last == nullptr ? 0 : std::max(remembered, 1);
}

written_batch const* log_book::last_of_producer(int back) const {
  for (auto const& [base, batch] : std::views::reverse(batches)) {
    if (batch.sequence >= 0 && batch.until_age > age && back-- == 0) return &batch;
  }
  return nullptr;
}

std::vector<written_batch const*> log_book::batches_of(log_promise const& promise,
                                                       std::int64_t end) const {
  std::vector<written_batch const*> found;
  for (auto const& [base, batch] : batches) {
    if (batch.from_age > promise.age || batch.until_age <= promise.age) continue;
    if (batch.end <= end && batch.base >= promise.start) found.push_back(&batch);
  }
  return found;
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
