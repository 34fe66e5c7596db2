#include "tests/sim/log_node.h"

#include "log/batch_cursor.h"
#include "reactor/task_set.h"

namespace karst::sim {
namespace {

// One batch at a time, so that each is looked up by its own offset.
constexpr std::size_t read_size = 1;

std::string text_of(log::errc code) { return std::string{log::describe(code)}; }

task<std::string> append_one(log::partition_log& log, log_book& book, std::uint64_t number,
                             std::size_t size, std::int32_t sequence) {
  auto batch = make_batch(log.id().value, number, size, sequence);
  auto bytes = comparable_bytes(batch.bytes);
  expected<log::append_info, log::errc> info = std::unexpected(log::errc::space_exhausted);
  // Room may be taken by a roll that the append itself brings about, so that it must wait again.
  for (auto tries = 0; tries < 10 && !info && info.error() == log::errc::space_exhausted; ++tries) {
    if (auto room = co_await log.room_for(batch.size()); !room) co_return text_of(room.error());
    info =
        log.append(batch, {.epoch = log.latest_epoch(), .now = core::current().clock().wall_now()});
  }
  if (!info) co_return text_of(info.error());
  book.append({.base = info->first.value,
               .end = info->end.value,
               .bytes = std::move(bytes),
               .number = number,
               .size = size,
               .sequence = sequence});
  auto const age = book.age;
  if (auto durable = co_await log.durable(info->end); !durable) co_return text_of(durable.error());
  if (book.age == age) book.acked = std::max(book.acked, info->end.value);
  co_return "";
}

task<std::string> cut_one(log::partition_log& log, log_book& book, log_cut cut) {
  book.ask(cut);
  auto done = cut.everything ? co_await log.truncate_fully_and_start_at(log::offset{cut.end})
                             : co_await log.truncate(log::offset{cut.end});
  if (!done) co_return text_of(done.error());
  book.answer_cut();
  co_return "";
}

task<> do_in_background(log::partition_log& log, log_book& book, std::uint64_t number,
                        log_node::append_request what) {
  if (what.cut) {
    (void)co_await cut_one(log, book, *what.cut);
  } else {
    (void)co_await append_one(log, book, number, what.bytes, -1);
  }
}

task<std::string> retry_one(log::partition_log& log, written_batch const& sent) {
  auto batch = make_batch(log.id().value, sent.number, sent.size, sent.sequence);
  auto info =
      log.append(batch, {.epoch = log.latest_epoch(), .now = core::current().clock().wall_now()});
  if (!info) co_return text_of(info.error());
  if (!info->duplicate) co_return "appended a second time";
  if (info->first.value != sent.base)
    co_return fmt::format("{} instead of {}", info->first.value, sent.base);
  co_return "";
}

// What a log must hold, against what it gives to readers.
std::string compare(log::partition_log& log, log_book const& book, log_promise const& promise,
                    std::vector<written_batch> const& read) {
  std::string problems;
  auto complain = [&](std::string what) {
    problems += fmt::format("log {}: {}\n", log.id().value, what);
  };
  auto const end = log.durable_end().value;
  auto const start = log.log_start().value;
  if (start != promise.start) complain(fmt::format("starts at {}, not {}", start, promise.start));
  if (end < promise.acked)
    complain(fmt::format("ends at {}, acknowledged up to {}", end, promise.acked));
  if (end > promise.claimed)
    complain(fmt::format("ends at {}, appended up to {}", end, promise.claimed));
  auto const expected = book.batches_of(promise, end);
  auto const last = std::max(promise.least, expected.empty() ? 0 : expected.back()->end);
  if (end != last) complain(fmt::format("ends at {}, where {} was expected", end, last));
  for (std::size_t i = 0; i < std::max(read.size(), expected.size()); ++i) {
    if (i >= expected.size() || (i < read.size() && read[i].base < expected[i]->base)) {
      complain(fmt::format("a batch at {} that was not appended", read[i].base));
    } else if (i >= read.size() || read[i].base > expected[i]->base) {
      complain(fmt::format("no batch at {}", expected[i]->base));
    } else if (expected[i]->bytes != read[i].bytes) {
      complain(fmt::format("other bytes at {}", read[i].base));
    } else {
      continue;
    }
    break;
  }
  return problems;
}

task<> sleep_for(duration span) { (void)co_await sleep_until(core::current().now() + span); }

}  // namespace

log_node::log_node(world& host, log::directory_options options, log_ledger& ledger)
    : host_(host),
      options_(std::move(options)),
      ledger_(ledger),
      cores_(host, options_.cores),
      managers_(options_.cores) {}

log_node::~log_node() { (void)close(); }

core_id log_node::core_of(std::uint64_t id) const {
  return static_cast<core_id>(id % options_.cores);
}

log::log_manager& log_node::manager_of(std::uint64_t id) { return *managers_[core_of(id)]; }

log::partition_log* log_node::find(std::uint64_t id) {
  auto& manager = managers_[core_of(id)];
  return manager ? manager->find(log::log_id{id}) : nullptr;
}

task<std::string> log_node::open_directory() {
  auto opened = co_await log::log_directory::open(options_);
  if (!opened) co_return opened.error().message();
  directory_ = std::move(*opened);
  co_return "";
}

task<std::string> log_node::start_manager(core_id id) {
  std::vector<log::log_id> mine;
  for (auto const& found : directory_->report().logs) {
    if (core_of(found.id.value) == id) mine.push_back(found.id);
  }
  auto ready = [this](log::partition_log& log) {
    auto book = ledger_.books.find(log.id().value);
    if (book != ledger_.books.end()) log.set_config(book->second.config);
    if (on_ready) on_ready(log);
  };
  auto started = co_await log::log_manager::start(*directory_);
  if (!started) co_return started.error().message();
  managers_[id] = std::move(*started);
  auto recovered = co_await managers_[id]->recover(std::move(mine), ready, {});
  co_return recovered ? "" : recovered.error().message();
}

std::string log_node::start() {
  if (auto problem = cores_.run(0, open_directory()); !problem.empty()) return problem;
  for (core_id id = 0; id < options_.cores; ++id) {
    if (auto problem = cores_.run(id, start_manager(id)); !problem.empty()) return problem;
  }
  auto finish = [](log::log_directory& directory) -> task<std::string> {
    auto finished = co_await directory.finish_recovery();
    co_return finished ? "" : finished.error().message();
  };
  return cores_.run(0, finish(*directory_));
}

task<std::string> log_node::close_manager(core_id id) {
  auto closed = co_await managers_[id]->close({});
  managers_[id].reset();
  co_return closed ? "" : closed.error().message();
}

std::string log_node::close() {
  std::string problems;
  for (core_id id = 0; id < options_.cores; ++id) {
    if (managers_[id]) problems += cores_.run(id, close_manager(id));
  }
  auto end = [](std::unique_ptr<log::log_directory> directory) -> task<std::string> {
    auto closed = co_await directory->close();
    co_return closed ? "" : closed.error().message();
  };
  if (directory_) problems += cores_.run(0, end(std::move(directory_)));
  return problems;
}

void log_node::kill() {
  host_.inject({.code = std::nullopt, .skip = 0, .error = errc::cancelled, .sticky = true});
  (void)close();
  host_.clear_faults();
}

std::string log_node::create(std::uint64_t id, log::log_config const& config) {
  auto& book = ledger_.books[id];
  // Ids a hundred apart are of one topic that was deleted and made again.
  book.topic = fmt::format("topic{}", id % 100);
  book.topic_id = make_uuid(id, id * 77);
  book.config = config;
  book.create_began = true;
  auto body = [](log::log_manager& manager, std::uint64_t number,
                 log_book& entry) -> task<std::string> {
    auto made = co_await manager.create(log::log_id{number}, entry.topic, entry.partition,
                                        entry.topic_id, entry.config);
    if (!made) co_return made.error().message();
    entry.created = true;
    co_return "";
  };
  return cores_.run(core_of(id), body(manager_of(id), id, book));
}

std::string log_node::remove(std::uint64_t id) {
  auto& book = ledger_.books[id];
  book.remove_began = true;
  auto body = [](log::log_manager& manager, std::uint64_t number) -> task<std::string> {
    auto removed = co_await manager.remove(log::log_id{number});
    co_return removed ? "" : removed.error().message();
  };
  return cores_.run(core_of(id), body(manager_of(id), id));
}

std::string log_node::append(std::uint64_t id, std::size_t bytes) {
  auto* log = find(id);
  if (log == nullptr) return "no such log";
  return cores_.run(core_of(id),
                    append_one(*log, ledger_.books[id], ledger_.next_batch++, bytes, -1));
}

std::string log_node::append_in_sequence(std::uint64_t id, std::size_t bytes) {
  auto* log = find(id);
  if (log == nullptr) return "no such log";
  auto& book = ledger_.books[id];
  auto const sequence = book.next_sequence;
  auto const before = book.claimed;
  auto problem =
      cores_.run(core_of(id), append_one(*log, book, ledger_.next_batch++, bytes, sequence));
  book.next_sequence += static_cast<std::int32_t>(book.claimed - before);
  return problem;
}

std::string log_node::truncate(std::uint64_t id, log_cut cut) {
  auto* log = find(id);
  if (log == nullptr) return "no such log";
  return cores_.run(core_of(id), cut_one(*log, ledger_.books[id], cut));
}

std::string log_node::retry(std::uint64_t id, int back) {
  auto* log = find(id);
  auto const& book = ledger_.books[id];
  auto const* sent = back < book.remembered ? book.last_of_producer(back) : nullptr;
  if (log == nullptr || sent == nullptr) return "";
  auto problem = cores_.run(core_of(id), retry_one(*log, *sent));
  return problem.empty()
             ? ""
             : fmt::format("log {}: a retry of the batch at {}: {}\n", id, sent->base, problem);
}

void log_node::append_all(std::vector<append_request> const& requests) {
  auto on_core = [](log_node& self, std::vector<append_request> const& all,
                    core_id here) -> task<> {
    task_set running;
    for (auto const& one : all) {
      auto* log = self.core_of(one.id) == here ? self.find(one.id) : nullptr;
      if (log == nullptr) continue;
      running.spawn(
          do_in_background(*log, self.ledger_.books[one.id], self.ledger_.next_batch++, one));
    }
    co_await running.join();
  };
  cores_.run_on_each([&](core_id id) { return on_core(*this, requests, id); });
}

void log_node::idle(duration span) { cores_.run(0, sleep_for(span)); }

task<expected<std::vector<written_batch>, std::string>> read_batches(log::partition_log& log) {
  std::vector<written_batch> batches;
  for (auto at = log.log_start(); at < log.durable_end();) {
    auto got = co_await log.read(at, log.durable_end(),
                                 {.max_bytes = read_size, .whole_first_batch = true});
    if (!got)
      co_return unexpected<std::string>{
          fmt::format("read at {}: {}", at.value, text_of(got.error()))};
    auto text = got->records.to_string();
    log::batch_cursor cursor{std::as_bytes(std::span{text})};
    auto before = at;
    while (auto batch = cursor.next()) {
      auto const& header = batch->header;
      auto const from = cursor.consumed() - batch->bytes.size();
      batches.push_back({.base = header.base.value,
                         .end = header.base.value + header.last_offset_delta + 1,
                         .bytes = text.substr(from + log::batch_layout::magic,
                                              batch->bytes.size() - log::batch_layout::magic)});
      at = log::offset{batches.back().end};
    }
    // Nothing up to the end: a truncation left a gap there.
    if (at <= before) break;
  }
  co_return batches;
}

std::string log_node::check_log(std::uint64_t id, log_promise const& promise) {
  auto* log = find(id);
  auto const& book = ledger_.books[id];
  if (log == nullptr) {
    if (!promise.created || promise.remove_began) return "";
    auto const& all = directory_->report().logs;
    auto const known =
        std::ranges::any_of(all, [id](auto const& one) { return one.id.value == id; });
    if (known) return fmt::format("log {}: damaged, offline\n", id);
    if (!directory_->report().damage.empty())
      return fmt::format("log {}: in a damaged journal\n", id);
    return fmt::format("log {}: lost\n", id);
  }
  auto read = cores_.run(core_of(id), read_batches(*log));
  if (!read) return fmt::format("log {}: {}\n", id, read.error());
  auto problems = compare(*log, book, promise, *read);
  if (problems.empty() || !promise.asked) return problems;
  auto const cut = compare(*log, book, after_cut(promise), *read);
  return cut.empty() ? ""
                     : fmt::format("{}or, truncated to {}:\n{}", problems, promise.asked->end, cut);
}

std::string log_node::settle(std::uint64_t id) {
  auto* log = find(id);
  auto& book = ledger_.books[id];
  if (log == nullptr) return "";
  auto read = cores_.run(core_of(id), read_batches(*log));
  if (!read) return fmt::format("log {}: {}\n", id, read.error());
  auto const old = compare(*log, book, book, *read).empty();
  book.created = true;
  book.settle(!old, log->durable_end().value);
  std::string problems;
  for (auto back = 4; back >= 0; --back) problems += retry(id, back);
  return problems;
}

std::string log_node::check(std::map<std::uint64_t, log_promise> const& promises) {
  std::string problems;
  for (auto const& [id, promise] : promises) problems += check_log(id, promise);
  return problems;
}

std::string log_node::content() {
  std::string text;
  for (auto const& found : directory_->report().logs) {
    auto const id = found.id.value;
    auto* log = find(id);
    if (log == nullptr) continue;
    auto read = cores_.run(core_of(id), read_batches(*log));
    text +=
        fmt::format("log {} {}-{} {}..{} epoch {}: ", id, log->topic(), log->partition(),
                    log->log_start().value, log->durable_end().value, log->latest_epoch().value);
    if (!read) {
      text += read.error();
    } else {
      std::uint64_t hash = 0;
      for (auto const& batch : *read)
        hash = hash_bytes(batch.bytes.data(), batch.bytes.size(),
                          hash + static_cast<std::uint64_t>(batch.base));
      text += fmt::format("{} batches {:x}", read->size(), hash);
    }
    text += '\n';
  }
  return text;
}

}  // namespace karst::sim
