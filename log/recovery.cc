#include "log/recovery.h"

#include "log/batch.h"
#include "reactor/base/logging.h"

namespace karst::log {
namespace {

// The batch's header, wherever head, body and end divide it.
batch_header header_of(decoded_append const& entry, std::span<std::byte const> body) {
  std::array<std::byte, batch_layout::header_bytes> bytes{};
  std::size_t have = 0;
  for (auto part : {entry.head, body, entry.end}) {
    auto size = std::min(part.size(), bytes.size() - have);
    if (size != 0) std::memcpy(bytes.data() + have, part.data(), size);
    have += size;
  }
  return batch_header::decode(bytes.data());
}

// Builds the map of logs in journal order: later entries win, the highest generation wins, an
// append that does not start at the map's end is dropped.
class map_builder final : public entry_visitor {
 public:
  map_builder(recovered_state& into, std::size_t window) : into_(into), window_(window) {}

  task<expected<>> visit(window_entry const& found) override {
    if (auto const* state = std::get_if<log_state>(&found.entry)) {
      take(*state);
    } else if (auto const* append = std::get_if<decoded_append>(&found.entry)) {
      take(*append, found.body);
    } else if (auto const* removed = std::get_if<remove_entry>(&found.entry)) {
      auto known = decides(removed->id, removed->generation);
      if (known != nullptr) known->removed = true;
    }
    co_return expected<>{};
  }

 private:
  recovered_log* decides(log_id id, generation of) {
    auto known = into_.logs.find(id);
    if (known == into_.logs.end() || known->second.state.generation != of) return nullptr;
    return &known->second;
  }

  void take(log_state const& state) {
    auto [known, fresh] = into_.logs.try_emplace(state.id);
    auto& log = known->second;
    if (!fresh && log.state.generation > state.generation) return;
    log.state = state;
    log.window = window_;
    log.core = into_.windows[window_].core;
    log.removed = false;
    log.epochs = epoch_cache{state.epochs};
    if (!log.producers.decode(state.producers)) log.producers.clear();
  }

  void take(decoded_append const& entry, std::span<std::byte const> body) {
    auto* log = decides(entry.id, entry.generation);
    if (log == nullptr || log->window != window_) return;
    auto& state = log->state;
    auto rolled = entry.where.segment == entry.base && entry.where.at.value == 0;
    if (entry.base != state.end || (entry.where != state.end_position && !rolled)) return;
    auto header = header_of(entry, body);
    log->epochs.assign(header.leader_epoch, entry.base);
    log->producers.update(header, entry.base, header.max_timestamp);
    if (entry.where.segment != state.end_position.segment) {
      state.active_max_timestamp = -1;
      state.index_valid_through = {};
      state.active_created = header.max_timestamp;
    }
    state.active_max_timestamp = std::max(state.active_max_timestamp, header.max_timestamp);
    state.end = entry.next();
    state.end_position = {entry.where.segment, entry.where.at + entry.size()};
    // What was at rest is not any more: its last block may have been written again.
    if (state.durable_through.segment == state.end_position.segment) {
      state.durable_through.at.value = align_down(state.durable_through.at.value, block_size);
    }
  }

  recovered_state& into_;
  std::size_t window_;
};

// Whether the same core has begun another journal after this one: its files have higher numbers.
bool has_newer(std::vector<journal_window> const& all, journal_window const& window) {
  auto number = [](journal_window const& one) {
    std::uint32_t newest = 0;
    for (auto const& path : one.paths) {
      auto id = parse_journal_file_name(path.substr(path.rfind('/') + 1));
      if (id) newest = std::max(newest, id->number);
    }
    return newest;
  };
  return std::ranges::any_of(all, [&](journal_window const& other) {
    return other.core == window.core && number(other) > number(window);
  });
}

}  // namespace

task<expected<void, error>> read_journals(std::string directory, std::vector<std::string> names,
                                          recovered_state& into) {
  std::map<std::pair<core_id, std::uint64_t>, std::vector<journal_scan>> runs;
  for (auto const& name : names) {
    auto id = parse_journal_file_name(name);
    if (!id) continue;
    auto path = directory + "/" + name;
    into.journal_files.push_back(path);
    auto& next = into.next_numbers[id->core];
    next = std::max(next, id->number + 1);
    auto scan = co_await scan_journal(path);
    if (!scan) {
      co_return fail(scan.error(), "check the device and the permissions",
                     "cannot read journal {}: {}", path, describe(scan.error()));
    }
    if (!*scan) continue;
    into.journal_bytes += (*scan)->header.file_bytes;
    auto run = std::pair{(*scan)->header.core, (*scan)->header.run};
    runs[run].push_back(std::move(**scan));
  }
  for (auto& [run, files] : runs) {
    auto window = assemble_window(std::move(files));
    if (!window.files.empty() || !window.damage.empty()) into.windows.push_back(std::move(window));
  }
  for (std::size_t i = 0; i < into.windows.size(); ++i) {
    auto const& window = into.windows[i];
    into.clean = into.clean && window.clean;
    map_builder builder{into, i};
    auto read = co_await read_window(window, builder);
    if (!read) {
      co_return fail(read.error(), "check the device; an older release cannot read newer journals",
                     "cannot read the journal of core {} in {}: {}", window.core, directory,
                     describe(read.error()));
    }
  }
  std::vector<std::size_t> deciding(into.windows.size());
  for (auto& [id, log] : into.logs) {
    if (!log.removed) ++deciding[log.window];
    log.damaged = !into.windows[log.window].damage.empty();
    log.state.epochs = log.epochs.entries();
    log.state.producers.clear();
    log.producers.encode(log.state.producers);
  }
  // An earlier run's journal of which some files are gone already decides nothing any more.
  for (std::size_t i = 0; i < into.windows.size(); ++i) {
    auto const& window = into.windows[i];
    if (window.damage.empty() || (deciding[i] == 0 && has_newer(into.windows, window))) continue;
    into.damage = fmt::format("the journal of core {} is damaged: {}", window.core, window.damage);
    logging::error("log",
                   "{}; {} logs of it stay offline and its files are kept; restore them from "
                   "replicas or a backup of {}",
                   into.damage, deciding[i], directory);
  }
  co_return expected<void, error>{};
}

}  // namespace karst::log
