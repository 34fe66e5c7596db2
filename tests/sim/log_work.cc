#include "tests/sim/log_work.h"

namespace karst::sim {
namespace {

constexpr std::uint64_t topics = 4;

}  // namespace

std::string log_work::step() {
  struct kind {
    unsigned weight;
    std::string (log_work::*run)();
  };
  static constexpr std::array kinds{
      kind{25, &log_work::append},
      kind{30, &log_work::append_at_once},
      kind{15, &log_work::append_in_sequence},
      kind{2, &log_work::append_largest},
      kind{6, &log_work::retry},
      kind{8, &log_work::truncate},
      kind{2, &log_work::truncate_fully},
      kind{3, &log_work::truncate_amid_appends},
      kind{3, &log_work::remove},
      kind{4, &log_work::idle},
  };
  id_ = newest(random_.between(1, topics));
  if (node_.find(id_) == nullptr) {
    auto const id = ledger_.books.contains(id_) ? id_ + 100 : id_;
    return node_.create(id, any_config(random_));
  }
  unsigned all = 0;
  for (auto const& one : kinds) all += one.weight;
  auto chosen = random_.below(all);
  for (auto const& one : kinds) {
    if (chosen < one.weight) return (this->*one.run)();
    chosen -= one.weight;
  }
  return "";
}

log::log_config log_work::any_config(random_source& random) {
  static constexpr std::array<std::int64_t, 4> sizes{8 * KiB, 40 * KiB, 96 * KiB, MiB};
  auto const little = random.percent(10);
  return {.segment_bytes = sizes[random.below(sizes.size())],
          .segment_index_bytes = little ? 64 : 4096,
          .index_interval_bytes = random.percent(30) ? 1 : 4096,
          .max_message_bytes = 48 * KiB};
}

// The id that a topic has now.
std::uint64_t log_work::newest(std::uint64_t topic) const {
  while (ledger_.books.contains(topic + 100)) topic += 100;
  return topic;
}

std::size_t log_work::some_bytes() {
  auto const kind = random_.below(20);
  if (kind < 12) return random_.between(1, 300);
  if (kind < 18) return random_.between(300, 9000);
  return random_.between(9000, 40'000);
}

std::string log_work::append() { return node_.append(id_, some_bytes()); }

std::string log_work::append_largest() {
  // What the batch has besides its values.
  constexpr std::size_t overhead = 100;
  return node_.append(id_, node_.manager_of(id_).max_batch_bytes() - overhead);
}

std::string log_work::append_at_once() {
  std::vector<log_node::append_request> requests;
  for (auto i = random_.between(2, 12); i != 0; --i) {
    requests.push_back({newest(random_.between(1, topics)), some_bytes()});
  }
  node_.append_all(requests);
  return "";
}

std::string log_work::append_in_sequence() {
  return node_.append_in_sequence(id_, random_.between(1, 3000));
}

std::string log_work::retry() { return node_.retry(id_, static_cast<int>(random_.below(5))); }

// Mostly a little of the end, at a batch or inside one.
log_cut log_work::some_cut(log_book const& book) {
  auto const length = static_cast<std::uint64_t>(book.claimed - book.start);
  auto back = random_.below(std::min<std::uint64_t>(length, 20) + 1);
  if (random_.percent(30)) back = random_.below(length + 1);
  if (random_.percent(5)) back = length;
  return {.end = book.claimed - static_cast<std::int64_t>(back)};
}

std::string log_work::truncate() { return node_.truncate(id_, some_cut(ledger_.books[id_])); }

std::string log_work::truncate_fully() {
  auto const& book = ledger_.books[id_];
  auto to = static_cast<std::int64_t>(random_.below(static_cast<std::uint64_t>(book.claimed) + 50));
  return node_.truncate(id_, {.end = to, .everything = random_.percent(80)});
}

std::string log_work::truncate_amid_appends() {
  std::vector<log_node::append_request> requests;
  for (auto i = random_.between(2, 8); i != 0; --i) requests.push_back({id_, some_bytes()});
  auto const cut = some_cut(ledger_.books[id_]);
  // At the end it would depend on what was appended before it.
  if (cut.end < ledger_.books[id_].claimed) {
    auto const place = static_cast<std::ptrdiff_t>(random_.below(requests.size()));
    requests.insert(requests.begin() + place, {.id = id_, .cut = cut});
  }
  node_.append_all(requests);
  return "";
}

std::string log_work::remove() { return node_.remove(id_); }

std::string log_work::idle() {
  node_.idle(random_.percent(50) ? duration{50ms} : duration{40s});
  return "";
}

}  // namespace karst::sim
