#include "log/journal.h"

#include "log/disk_log.h"
#include "reactor/base/logging.h"

namespace karst::log {
namespace {

// Groups kept for reuse: two in flight, one forming, one to spare.
constexpr std::size_t spare_groups = 4;

}  // namespace

journal::journal(journal_options options) : options_(std::move(options)) {
  hook_.self = this;
  hook_.run = [](core::turn_hook& called) { static_cast<hook&>(called).self->end_of_turn(); };
}

journal::~journal() = default;

bool journal::claim(std::size_t inline_bytes, std::size_t body_bytes, bool carrying) {
  if (failed_ || clean_) return false;
  // Carrying has begun the reserve: appends that filled it would leave no room to empty a file.
  if (!carrying && free_.empty()) return false;
  if (forming_open_) {
    auto size = forming_->size_with(inline_bytes, body_bytes);
    auto fits_file = forming_->position + size <= options_.file_bytes;
    if (fits_file && (size <= group_limit || forming_->empty())) return true;
    if (forming_->empty()) {
      forming_open_ = false;
    } else {
      seal_forming();
    }
  }
  auto size = align_up(group_header::encoded_bytes + inline_bytes, block_size) + body_bytes;
  return begin_group(size, carrying);
}

bool journal::begin_group(std::size_t size, bool carrying) {
  KARST_ASSERT(size <= options_.file_bytes - block_size, "{}", size);
  if (next_position_ + size > options_.file_bytes && !advance(carrying)) return false;
  if (!forming_) {
    if (spare_.empty()) {
      forming_ = std::make_unique<journal_group>();
    } else {
      forming_ = std::move(spare_.back());
      spare_.pop_back();
    }
  }
  forming_->reset();
  forming_->file_ordinal = dirty_.back().ordinal;
  forming_->position = next_position_;
  forming_->sequence = next_sequence_;
  forming_open_ = true;
  return true;
}

bool journal::advance(bool carrying) {
  // One file stays in reserve for carrying: without it a full window could never be emptied.
  if (free_.size() < (carrying ? 1U : 2U)) return false;
  dirty_.emplace_back();
  dirty_.back().index = free_.front();
  dirty_.back().ordinal = next_ordinal_++;
  dirty_.back().first_sequence = next_sequence_;
  free_.pop_front();
  next_position_ = block_size;
  file_dirtied_.wake_all();
  return true;
}

std::span<std::byte> journal::add(std::size_t inline_bytes) { return forming_->add(inline_bytes); }
void journal::add_body(buffer_chain body) { forming_->add_body(std::move(body)); }

void journal::add_member(disk_log& log, offset end, log_position position) {
  auto& members = forming_->members;
  if (!members.empty() && members.back().log == &log) {
    members.back() = {&log, end, position};
  } else {
    members.push_back({&log, end, position});
  }
}

void journal::forget(disk_log& log) {
  auto drop = [&log](journal_group& group) {
    for (auto& member : group.members) {
      if (member.log == &log) member.log = nullptr;
    }
  };
  if (forming_open_) drop(*forming_);
  for (auto& group : sealed_) drop(*group);
  for (auto& group : flying_) drop(*group);
}

std::uint64_t journal::live_from() const {
  for (auto const& used : dirty_) {
    if (!used.pins.empty()) return used.first_sequence;
  }
  return dirty_.back().first_sequence;
}

void journal::seal_forming() {
  auto& group = *forming_;
  group.live_from = live_from();
  announced_live_from_ = group.live_from;
  previous_hash_ = group.seal(run_, previous_hash_, clean_);
  dirty_.back().last_sequence = group.sequence;
  next_position_ = group.position + group.size();
  ++next_sequence_;
  forming_open_ = false;
  sealed_.push_back(std::move(forming_));
}

// Beside a group in flight goes one that holds no less. A smaller one would be acknowledged after
// that one anyway, and each write costs the processor as much as several appends.
bool journal::worth_a_write() const {
  return forming_->content_bytes() >= flying_.back()->content_bytes();
}

void journal::end_of_turn() {
  if (failed_) return;
  // A file that nothing pins is free once a durable group says so; an empty group says it when
  // nothing else does.
  auto announce = dirty_.size() > 1 && dirty_.front().pins.empty() &&
                  announced_live_from_ <= dirty_.front().last_sequence;
  if (announce && !forming_open_ && sealed_.empty() && !clean_) begin_group(block_size, true);
  while (flying_.size() < groups_in_flight) {
    if (sealed_.empty()) {
      if (!forming_open_ || (forming_->empty() && !announce)) return;
      if (!flying_.empty() && !worth_a_write()) return;
      seal_forming();
    }
    flying_.push_back(std::move(sealed_.front()));
    sealed_.pop_front();
    tasks_.spawn(write_group(*flying_.back()));
  }
}

journal::journal_file& journal::file_of(std::uint64_t ordinal) {
  for (auto& used : dirty_) {
    if (used.ordinal == ordinal) return files_[used.index];
  }
  KARST_ASSERT(false, "no journal file {}", ordinal);
  return files_.front();
}

void journal::begin_fresh_file() {
  constexpr std::uint64_t little = 4 * MiB;
  if (failed_ || (dirty_.size() == 1 && next_position_ <= little)) return;
  if (forming_open_ && !forming_->empty()) seal_forming();
  forming_open_ = false;
  (void)advance(true);
}

task<> journal::write_group(journal_group& group) {
  auto& target = file_of(group.file_ordinal);
  while (target.zeroed < group.position + group.size() && !failed_) {
    (void)co_await zeroed_.wait();
  }
  if (failed_) co_return;
  expected<> written;
  if (!target.used) written = co_await mark_used(target);
  if (written) written = co_await target.handle.write(group.position, group.vectors(), true);
  if (!written) {
    fail_writes(fmt::format("writing {} at {}: {}", target.path, group.position,
                            describe(written.error())));
    co_return;
  }
  group.done = true;
  publish();
}

// Acknowledges the durable prefix: a group that is done waits for those before it (I-1).
void journal::publish() {
  while (!failed_ && !flying_.empty() && flying_.front()->done) {
    auto group = std::move(flying_.front());
    flying_.pop_front();
    durable_sequence_ = group->sequence;
    durable_live_from_ = group->live_from;
    for (auto const& member : group->members) {
      if (member.log != nullptr) member.log->on_durable(member.end, member.position);
    }
    group->reset();
    if (spare_.size() < spare_groups) spare_.push_back(std::move(group));
    group_durable_.wake_all();
  }
  if (!failed_) release_files();
}

void journal::release_files() {
  auto released = false;
  while (dirty_.size() > 1 && dirty_.front().pins.empty() &&
         durable_live_from_ > dirty_.front().last_sequence) {
    free_.push_back(dirty_.front().index);
    dirty_.pop_front();
    released = true;
  }
  if (released) room_made_.wake_all();
}

void journal::pin(journal_pin& pin, std::uint64_t ordinal) {
  if (pin.ordinal == ordinal && pin.linked()) return;
  pin.unlink();
  pin.ordinal = ordinal;
  if (ordinal == 0) return;
  for (auto& used : dirty_) {
    if (used.ordinal != ordinal) continue;
    used.pins.push_back(pin);
    return;
  }
  KARST_ASSERT(false, "no journal file {}", ordinal);
}

task<expected<void, errc>> journal::durable(std::uint64_t sequence) {
  while (durable_sequence_ < sequence) {
    if (failed_) co_return std::unexpected(errc::storage_failed);
    (void)co_await group_durable_.wait();
  }
  co_return expected<void, errc>{};
}

task<bool> journal::oldest_is_written() {
  if (dirty_.size() < 2) co_return !failed_;
  auto written = co_await durable(dirty_.front().last_sequence);
  co_return written.has_value();
}

void journal::fail_writes(std::string what) {
  if (failed_) return;
  refuse();
  if (on_failure) on_failure(what);
}

void journal::refuse() {
  failed_ = true;
  group_durable_.wake_all();
  room_made_.wake_all();
  zeroed_.wake_all();
  file_dirtied_.wake_all();
}

task<expected<void, error>> journal::stop(bool clean) {
  stopping_ = true;
  if (!failed_ && clean && (forming_open_ || begin_group(block_size, true))) clean_ = true;
  if (forming_open_ && (clean_ || !forming_->empty())) seal_forming();
  (void)co_await durable(next_sequence_ - 1);
  clean_ = true;
  hook_.unlink();
  co_await tasks_.join();
  for (auto& each : files_) (void)co_await each.handle.close();
  if (failed_) {
    co_return fail(karst::errc::io_error, "check the device; the next start recovers",
                   "the journal in {} failed", options_.directory);
  }
  co_return expected<void, error>{};
}

}  // namespace karst::log
