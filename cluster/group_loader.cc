#include "cluster/group_loader.h"

#include "log/record.h"
#include "log/record_stream.h"
#include "reactor/base/logging.h"
#include "reactor/yield.h"

namespace karst::cluster {
namespace {

// Large enough for the disk, small enough for others to have their turn.
constexpr std::size_t bytes_per_read = 1 * MiB;

class replay {
 public:
  explicit replay(group_load& into) : into_(into) {}

  expected<void, std::string> apply(std::string_view key, std::optional<std::string_view> value,
                                    log::offset at) {
    ++into_.records;
    auto read = read_group_record(key, value);
    if (!read) return std::unexpected(std::move(read.error()));
    if (auto const* offset = std::get_if<offset_record>(&*read)) {
      auto& group = group_of(offset->group);
      if (offset->value) {
        group.offsets.put(offset->topic, offset->partition, *offset->value, at);
      } else {
        group.offsets.remove(offset->topic, offset->partition, at);
      }
    } else if (auto* group = std::get_if<group_record>(&*read)) {
      group_of(group->group).image = std::move(group->value);
    }
    return {};
  }

  // What was deleted leaves nothing behind.
  void finish() {
    for (auto each = into_.groups.begin(); each != into_.groups.end();) {
      auto& group = each->second;
      group.offsets.forget_deleted();
      auto const gone = !group.image && group.offsets.empty();
      each = gone ? into_.groups.erase(each) : std::next(each);
    }
  }

 private:
  loaded_group& group_of(std::string_view id) {
    auto found = into_.groups.find(id);
    if (found == into_.groups.end()) found = into_.groups.try_emplace(std::string{id}).first;
    return found->second;
  }
  group_load& into_;
};

// One batch. Errors: what is wrong with it.
task<expected<void, std::string>> replay_batch(replay& state, log::decompressor& inflate,
                                               buffer_chain batch, log::batch_header header) {
  // No limit: what the log holds was within it when it was appended.
  log::record_stream stream{inflate};
  stream.start(batch, header, std::numeric_limits<std::size_t>::max());
  std::string wrong;
  auto visit = [&](log::raw_record const& raw) {
    auto bytes = raw.bytes;
    log::record record;
    if (!log::decode(bytes, record) || !record.key) {
      wrong = "a record that is malformed or has no key";
      return false;
    }
    auto applied = state.apply(*record.key, record.value, header.base + raw.offset_delta);
    if (!applied) wrong = std::move(applied.error());
    return applied.has_value();
  };
  while (true) {
    auto step = stream.step(visit);
    if (!step) co_return std::unexpected(std::string{describe(step.error())});
    if (*step == log::walk_state::stopped) co_return std::unexpected(std::move(wrong));
    if (*step == log::walk_state::done) co_return expected<void, std::string>{};
    co_await yield{};
  }
}

unexpected<error> cannot_load(std::string_view log, log::offset at, std::string_view why) {
  return unexpected<error>(
      error{errc::invalid, fmt::format("cannot read {} at offset {}: {}", log, at.value, why),
            "its groups are not served; restore the partition's files from a copy, or delete the "
            "topic to begin with no groups"});
}

}  // namespace

task<expected<group_load, error>> load_groups(partition_manager& partitions, log::log_id id,
                                              abort_source& stop) {
  group_load loaded;
  replay state{loaded};
  log::decompressor inflate;
  auto* partition = partitions.find(id);
  if (partition == nullptr) co_return cannot_load("the partition", {}, "it is not here");
  auto const name = fmt::format("{}-{}", partition->log().topic(), partition->log().partition());
  auto at = partition->log().log_start();
  auto const end = partition->log().log_end();
  while (at < end) {
    if (stop.requested()) co_return unexpected<error>(error{errc::cancelled, "stopped", {}});
    partition = partitions.find(id);
    if (partition == nullptr) co_return cannot_load(name, at, "it is not here any more");
    auto read = co_await partition->read(at, read_bound::log_end, {.max_bytes = bytes_per_read});
    if (!read) co_return cannot_load(name, at, describe(read.error()));
    auto const before = at;
    std::size_t position = 0;
    while (read->records.size() - position >= log::batch_layout::header_bytes) {
      std::byte scratch[log::batch_layout::header_bytes];
      auto header =
          log::batch_header::decode(read->records.contiguous(position, sizeof scratch, scratch));
      if (header.size_bytes() > read->records.size() - position) break;
      auto batch = read->records.slice(position, header.size_bytes());
      position += header.size_bytes();
      at = header.base + header.last_offset_delta + 1;
      if (header.record_count == 0 || header.control()) continue;
      auto applied = co_await replay_batch(state, inflate, std::move(batch), header);
      if (!applied) co_return cannot_load(name, header.base, applied.error());
    }
    // Only what compaction has taken away may lie between here and the end.
    if (at == before) break;
  }
  state.finish();
  co_return loaded;
}

}  // namespace karst::cluster
