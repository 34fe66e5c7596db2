#include <algorithm>
#include <nlohmann/json.hpp>

#include "log/group_hash.h"
#include "log/journal_entry.h"
#include "log/journal_format.h"
#include "log/producer_state.h"
#include "tools/dump.h"

namespace karst::tools {
namespace {

using json = nlohmann::json;

// One group of the file, whole, with its hash checked.
struct journal_group_bytes {
  log::group_header header;
  std::uint64_t position = 0;
  std::vector<std::byte> bytes;

  std::span<std::byte const> entries() const {
    return std::span{bytes}.subspan(log::group_header::encoded_bytes,
                                    header.entry_bytes - log::group_header::encoded_bytes);
  }
  std::span<std::byte const> bodies() const {
    return std::span{bytes}.subspan(align_up(header.entry_bytes, block_size));
  }
  std::uint64_t computed_hash() const {
    log::group_hash hash{header.previous_hash};
    hash.add(entries());
    hash.add(bodies());
    return hash.value();
  }
};

// Walks the groups that the file's run wrote into it last: they follow each other by sequence. What
// lies behind them is left from an earlier use of the file, or was never written.
class journal_reader {
 public:
  enum class found : std::uint8_t { group, end, torn };

  journal_reader(std::FILE* file, std::uint64_t run) : file_(file), run_(run) {}

  found next(journal_group_bytes& group) {
    std::vector<std::byte> block(block_size);
    if (std::fread(block.data(), 1, block.size(), file_) != block.size()) return found::end;
    auto header = log::group_header::decode(block);
    if (!header || header->run != run_) return found::end;
    if (sequence_ != 0 && header->sequence != sequence_ + 1) return found::end;
    if (header->bytes < block_size) return found::torn;
    group = {*header, position_, std::move(block)};
    group.bytes.resize(header->bytes);
    auto rest = std::span{group.bytes}.subspan(block_size);
    if (std::fread(rest.data(), 1, rest.size(), file_) != rest.size()) return found::torn;
    bool chained = sequence_ == 0 || header->previous_hash == hash_;
    if (!chained || group.computed_hash() != header->hash) return found::torn;
    sequence_ = header->sequence;
    hash_ = header->hash;
    position_ += header->bytes;
    return found::group;
  }
  std::uint64_t position() const { return position_; }

 private:
  std::FILE* file_;
  std::uint64_t run_;
  std::uint64_t sequence_ = 0;
  std::uint64_t hash_ = 0;
  std::uint64_t position_ = block_size;
};

// Prints the entries of one group; each kind has its line.
class entry_printer {
 public:
  entry_printer(dump_settings const& settings, journal_group_bytes const& group)
      : settings_(settings), batches_(settings), bodies_(group.bodies()) {}

  bool sound() const { return sound_; }

  void operator()(log::decoded_append const& entry) {
    if (entry.body_bytes > bodies_.size()) {
      sound_ = false;
      return;
    }
    auto body = bodies_.first(entry.body_bytes);
    bodies_ = bodies_.subspan(entry.body_bytes);
    line("append", entry.id, entry.generation,
         {{"first_offset", entry.base.value},
          {"last_offset", entry.next().value - 1},
          {"segment", entry.where.segment.value},
          {"position", entry.where.at.value},
          {"bytes", entry.size()}});
    if (settings_.records) print_batch(entry, body);
  }
  void operator()(log::log_state const& state) {
    log::producer_state producers;
    auto read = producers.decode(state.producers);
    sound_ = sound_ && read;
    line("state", state.id, state.generation,
         {{"topic", state.topic},
          {"partition", state.partition},
          {"topic_id", to_string(state.topic_id)},
          {"log_start", state.log_start.value},
          {"log_end", state.end.value},
          {"high_watermark", state.high_watermark.value},
          {"segment", state.end_position.segment.value},
          {"position", state.end_position.at.value},
          {"durable_segment", state.durable_through.segment.value},
          {"durable_position", state.durable_through.at.value},
          {"epochs", state.epochs.size()},
          {"producers", producers.size()},
          {"remainder_bytes", state.remainder.size()}});
  }
  void operator()(log::truncate_entry const& entry) {
    line("truncate", entry.id, entry.generation,
         {{"log_end", entry.end.value},
          {"segment", entry.where.segment.value},
          {"position", entry.where.at.value}});
  }
  void operator()(log::remove_entry const& entry) {
    line("remove", entry.id, entry.generation, json::object());
  }

 private:
  void line(char const* type, log::log_id id, log::generation generation, json fields) const {
    if (settings_.json) {
      fields["entry"] = type;
      fields["log"] = id.value;
      fields["generation"] = generation.value;
      fmt::print("{}\n", fields.dump(-1, ' ', false, json::error_handler_t::replace));
      return;
    }
    std::string text;
    for (auto const& [name, value] : fields.items()) {
      text +=
          fmt::format("  {} {}", name, value.is_string() ? value.get<std::string>() : value.dump());
    }
    fmt::print("  {:<8} log {} generation {}{}\n", type, id.value, generation.value, text);
  }
  void print_batch(log::decoded_append const& entry, std::span<std::byte const> body) {
    std::vector<std::byte> batch;
    batch.reserve(entry.size());
    for (auto part : {entry.head, body, entry.end}) {
      batch.insert(batch.end(), part.begin(), part.end());
    }
    if (batch.size() < log::batch_layout::header_bytes) {
      sound_ = false;
      return;
    }
    sound_ = batches_.print(log::batch_header::decode(batch.data()), batch, -1) && sound_;
  }

  dump_settings const& settings_;
  batch_printer batches_;
  std::span<std::byte const> bodies_;
  bool sound_ = true;
};

void print_group(dump_settings const& settings, journal_group_bytes const& group) {
  auto const& header = group.header;
  if (settings.json) {
    fmt::print("{}\n", json{{"group", header.sequence},
                            {"file_position", group.position},
                            {"bytes", header.bytes},
                            {"entry_bytes", header.entry_bytes},
                            {"live_from", header.live_from},
                            {"clean", header.clean}}
                           .dump());
  } else {
    fmt::print("group {}  at {}  {} bytes  live from group {}{}\n", header.sequence, group.position,
               header.bytes, header.live_from, header.clean ? "  end of a clean stop" : "");
  }
}

bool print_entries(dump_settings const& settings, journal_group_bytes const& group) {
  entry_printer printer{settings, group};
  log::entry_cursor cursor{group.entries()};
  while (auto entry = cursor.next()) std::visit(printer, *entry);
  if (cursor.failed()) {
    fmt::print(stderr,
               "{}: group {} holds an entry that cannot be read: damage, or a newer format\n",
               settings.path, group.header.sequence);
  }
  return printer.sound() && !cursor.failed();
}

}  // namespace

expected<bool, error> dump_journal(std::FILE* file, dump_settings const& settings) {
  std::vector<std::byte> first(block_size);
  auto got = std::fread(first.data(), 1, first.size(), file);
  auto header = log::journal_file_header::decode(std::span{first}.first(got));
  if (!header) {
    return fail(errc::corrupt,
                "if it was preallocated and never written, there is nothing in it to see",
                "{} does not begin with the header of a journal of format {}", settings.path,
                log::journal_version);
  }
  fmt::print(stderr, "{}: journal of core {}, file {}, run {:016x}, {} bytes\n", settings.path,
             header->core, header->number, header->run, header->file_bytes);
  journal_reader reader{file, header->run};
  journal_group_bytes group;
  std::uint64_t groups = 0;
  bool sound = true;
  auto found = journal_reader::found::end;
  while ((found = reader.next(group)) == journal_reader::found::group) {
    print_group(settings, group);
    sound = print_entries(settings, group) && sound;
    if (++groups == settings.limit) return sound;
  }
  if (found == journal_reader::found::torn) {
    fmt::print(stderr,
               "{}: the group at {} is torn or damaged: normal at the end of what a crash left\n",
               settings.path, reader.position());
  }
  fmt::print(stderr, "{}: {} groups; what follows is left from earlier use, or never written\n",
             settings.path, groups);
  return sound;
}

}  // namespace karst::tools
