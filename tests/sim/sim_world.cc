#include "tests/sim/sim_world.h"

#include "reactor/base/assert.h"
#include "reactor/base/hash.h"
#include "tests/sim/sim_network.h"

namespace karst::sim {
namespace {

constexpr std::size_t recent_kept = 60;
constexpr wall_ms wall_start = 1'700'000'000'000;
constexpr time_point start_of_time{1h};

char const* name_of(opcode code) {
  switch (code) {
    case opcode::read:
      return "read";
    case opcode::write:
      return "write";
    case opcode::sync:
      return "sync";
    case opcode::allocate:
      return "allocate";
    case opcode::zero_range:
      return "zero_range";
    case opcode::truncate:
      return "truncate";
    case opcode::open:
      return "open";
    case opcode::close:
      return "close";
    case opcode::rename:
      return "rename";
    case opcode::unlink:
      return "unlink";
    case opcode::make_directory:
      return "make_directory";
    case opcode::remove_directory:
      return "remove_directory";
    case opcode::status:
      return "status";
    case opcode::list_directory:
      return "list_directory";
    case opcode::replace_files:
      return "replace_files";
    default:
      return "socket";
  }
}

}  // namespace

world::world(world_options options, disk start)
    : options_(options), random_(options.seed), disk_(std::move(start)), now_(start_of_time) {
  disk_.closed_all();
}

world::~world() = default;

wall_ms world::wall_now() const { return wall_start + (now_ - start_of_time) / 1ms; }

void world::at(time_point due, std::function<void()> happening) {
  events_.emplace(std::tuple{due, random_.next(), next_event_number_++}, std::move(happening));
}

void world::after_latency(std::function<void()> happening) {
  auto span = static_cast<std::uint64_t>((options_.latency_max - options_.latency_min).count());
  auto more = duration{static_cast<std::int64_t>(random_.below(span + 1))};
  at(now_ + options_.latency_min + more, std::move(happening));
}

std::optional<time_point> world::next_event() const {
  if (events_.empty()) return std::nullopt;
  return std::get<0>(events_.begin()->first);
}

void world::run_due() {
  while (!events_.empty() && std::get<0>(events_.begin()->first) <= now_) {
    auto happening = std::move(events_.begin()->second);
    events_.erase(events_.begin());
    happening();
  }
}

void world::advance_to(time_point when) {
  KARST_ASSERT(when != time_point::max(),
               "seed {}: every core sleeps for ever and no event is to come (deadlock); last "
               "operations:\n{}",
               options_.seed, recent_operations());
  now_ = std::max(now_, when);
}

void world::count_turn() {
  KARST_ASSERT(++turns_ <= options_.turns_max, "seed {}: livelock; last operations:\n{}",
               options_.seed, recent_operations());
}

expected<int> world::add_descriptor(std::shared_ptr<description> what) {
  if (descriptors_.size() >= options_.descriptors_max) return fail(errc::too_many_files);
  auto fd = 3;
  for (auto const& [used, unused] : descriptors_) {
    if (used != fd) break;
    ++fd;
  }
  if (what->node) disk::opened(*what->node);
  descriptors_.emplace(fd, std::move(what));
  return fd;
}

std::shared_ptr<description> world::descriptor(int fd) const {
  auto found = descriptors_.find(fd);
  return found == descriptors_.end() ? nullptr : found->second;
}

void world::remove_descriptor(int fd) {
  auto const found = descriptors_.find(fd);
  if (found == descriptors_.end()) return;
  if (found->second->node) disk_.closed(*found->second->node);
  descriptors_.erase(found);
}

std::optional<int> world::lock(std::string const& path) {
  for (auto const& [lock, held] : locks_) {
    if (held == path) return std::nullopt;
  }
  locks_.emplace(next_lock_, path);
  return next_lock_++;
}

errc world::next_fault(opcode code, std::string_view path, bool new_file) {
  if (cut_) return errc::io_error;
  for (auto one = faults_.begin(); one != faults_.end(); ++one) {
    if ((one->code && *one->code != code) || !path.starts_with(one->below)) continue;
    if (one->new_files && !new_file) continue;
    if (one->skip != 0) {
      --one->skip;
      continue;
    }
    auto error = one->error;
    if (!one->sticky) faults_.erase(one);
    return error;
  }
  return errc::ok;
}

void world::on_operation(std::function<void(operation_record const&)> listener) {
  listeners_.push_back(std::move(listener));
}

void world::record(operation_record done) {
  done.number = ++operations_;
  trace(&done.number, sizeof done.number);
  trace(done.path.data(), done.path.size());
  std::array<std::uint64_t, 5> const facts{
      static_cast<std::uint64_t>(now_.time_since_epoch().count()),
      static_cast<std::uint64_t>(done.code), done.offset, done.length,
      static_cast<std::uint64_t>(done.error)};
  trace(facts.data(), sizeof facts);
  recent_.push_back(done);
  if (recent_.size() > recent_kept) recent_.pop_front();
  if (cut_after_ && operations_ == *cut_after_) cut_ = power_cut();
  if (cut_) return;
  for (auto const& listener : listeners_) listener(done);
}

disk world::power_cut(std::uint64_t number, std::optional<unsigned> keep_percent) const {
  return disk_.after_power_cut(random_source{options_.seed}.fork(operations_ * 1000 + number),
                               keep_percent);
}

void world::report_violation(std::string text) { violations_.push_back(std::move(text)); }

void world::trace(void const* bytes, std::size_t size) {
  trace_hash_ = hash_bytes(bytes, size, trace_hash_);
}

std::string world::recent_operations() const {
  std::string text;
  for (auto const& one : recent_) {
    text +=
        fmt::format("  {} {} {} {}+{}{}{}{}\n", one.number, name_of(one.code), one.path, one.offset,
                    one.length, one.durable ? " durable" : "", one.error == errc::ok ? "" : ": ",
                    one.error == errc::ok ? "" : describe(one.error));
  }
  return text;
}

}  // namespace karst::sim
