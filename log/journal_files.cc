// The files of a journal: made, zeroed, taken over from earlier starts (STORAGE.md 1, 5).
#include "log/aligned_memory.h"
#include "log/journal.h"

namespace karst::log {
namespace {

constexpr std::size_t zero_bytes = MiB;
// Zero-initialised and never written: costs no memory until it is read.
alignas(block_size) std::byte zero_memory[zero_bytes];
// The file being written and the reserve: fewer cannot even carry.
constexpr std::size_t files_least = 2;

constexpr auto no_room_remedy =
    "free space in log.dirs, or set karst.journal.file.bytes lower (--dev uses 16 MiB)";

}  // namespace

task<expected<std::unique_ptr<journal>, error>> journal::start(journal_options options) {
  auto made = std::unique_ptr<journal>(new journal{std::move(options)});
  auto& self = *made;
  while (self.run_ == 0) self.run_ = core::current().clock().random();
  self.previous_hash_ = self.run_;
  self.next_number_ = self.options_.first_number;
  auto const files = self.options_.files;
  for (auto& spare : self.options_.spares) {
    if (self.files_.size() == files) break;
    auto taken = co_await self.take_over(std::move(spare));
    if (!taken) co_return std::unexpected(taken.error());
  }
  auto const promised = std::min(self.options_.promised, files);
  auto lacking = co_await self.make_missing(std::max<std::size_t>(files - promised, files_least));
  if (!lacking) co_return std::unexpected(lacking.error());
  self.advance(true);
  core::current().add_turn_hook(self.hook_);
  self.zero_in_background();
  co_return made;
}

task<expected<void, error>> journal::make_missing(std::size_t wanted) {
  if (files_.size() >= wanted) co_return expected<void, error>{};
  auto const first = files_.size();
  while (files_.size() < wanted) {
    if (auto file = co_await make_file(next_number_++); !file) co_return file;
  }
  if (auto synced = co_await sync_directory(options_.directory); !synced) {
    co_return fail(synced.error(), "check the device", "cannot sync {}: {}", options_.directory,
                   describe(synced.error()));
  }
  // Only now: a group in a file whose name is not durable could vanish with it (I-21).
  for (auto index = first; index < files_.size(); ++index) free_.push_back(index);
  co_return expected<void, error>{};
}

task<expected<void, error>> journal::make_file(std::uint32_t number) {
  journal_file made;
  made.path = options_.directory + "/" + journal_file_name(options_.core, number);
  made.number = number;
  auto flags = open_read | open_write | open_create | open_exclusive;
  auto opened = co_await file::open(made.path, flags | (options_.direct ? open_direct : 0U));
  if (!opened) {
    co_return fail(opened.error(), "check permissions and limits of the log directory",
                   "cannot create journal {}: {}", made.path, describe(opened.error()));
  }
  made.handle = std::move(*opened);
  if (auto room = co_await made.handle.allocate(0, options_.file_bytes); !room) {
    auto code = room.error();
    (void)co_await made.handle.close();
    (void)co_await unlink_file(made.path);
    co_return fail(code, no_room_remedy, "cannot allocate {} MiB for journal {}: {}",
                   options_.file_bytes / MiB, made.path, describe(code));
  }
  made.zeroed = block_size;
  made.used = files_.empty();  // the first one is, at once
  if (auto written = co_await write_header(made); !written) {
    co_return fail(written.error(), "check the device", "cannot write journal {}: {}", made.path,
                   describe(written.error()));
  }
  files_.push_back(std::move(made));
  co_return expected<void, error>{};
}

// The new run's nonce in the header is what takes the file over: whatever groups it holds are of
// another run and do not count.
task<expected<void, error>> journal::take_over(spare_journal_file spare) {
  journal_file taken{.path = std::move(spare.path), .number = spare.number};
  auto opened = co_await file::open(taken.path,
                                    open_read | open_write | (options_.direct ? open_direct : 0U));
  if (!opened) {
    co_return fail(opened.error(), "check permissions and limits of the log directory",
                   "cannot open journal {}: {}", taken.path, describe(opened.error()));
  }
  taken.handle = std::move(*opened);
  taken.zeroed = spare.written ? options_.file_bytes : block_size;
  taken.used = files_.empty();
  // How much of it was written is not known: none is again, so that no write straddles (I-14).
  expected<> done;
  if (!spare.written) {
    done = co_await taken.handle.zero_range(block_size, options_.file_bytes - block_size);
  }
  if (done) done = co_await write_header(taken);
  if (!done) {
    co_return fail(done.error(), "check the device", "cannot write journal {}: {}", taken.path,
                   describe(done.error()));
  }
  files_.push_back(std::move(taken));
  free_.push_back(files_.size() - 1);
  co_return expected<void, error>{};
}

task<expected<>> journal::write_header(journal_file& target) {
  (void)co_await header_.take(1);
  journal_file_header header{.core = options_.core,
                             .number = target.number,
                             .file_bytes = options_.file_bytes,
                             .run = run_,
                             .start = options_.start,
                             .written = target.zeroed == options_.file_bytes,
                             .settled = settled_,
                             .unused = !target.used};
  auto block = aligned_memory::zeroed(block_size);
  header.encode(block.bytes());
  auto written = co_await target.handle.write(0, block.bytes(), true);
  header_.give(1);
  co_return written;
}

task<expected<>> journal::mark_used(journal_file& target) {
  // A group behind the first may be written meanwhile: it is acknowledged after the first one.
  target.used = true;
  co_return co_await write_header(target);
}

task<expected<void, error>> journal::settle() {
  // Nothing is reused after a failed write (I-25), and what earlier starts left stays.
  if (failed_) {
    co_return fail(karst::errc::io_error, "check the device; the next start recovers",
                   "the journal in {} failed", options_.directory);
  }
  settled_ = true;
  for (auto& each : files_) {
    if (auto written = co_await write_header(each); !written) {
      co_return fail(written.error(), "check the device", "cannot write journal {}: {}", each.path,
                     describe(written.error()));
    }
  }
  co_return expected<void, error>{};
}

task<expected<std::vector<spare_journal_file>, error>> journal::complete(
    std::vector<spare_journal_file> spares) {
  std::vector<spare_journal_file> unused;
  for (auto& spare : spares) {
    if (files_.size() >= options_.files) {
      unused.push_back(std::move(spare));
    } else if (auto taken = co_await take_over(std::move(spare)); !taken) {
      co_return std::unexpected(taken.error());
    }
  }
  if (auto made = co_await make_missing(options_.files); !made) {
    co_return std::unexpected(made.error());
  }
  room_made_.wake_all();
  zero_in_background();
  co_return unused;
}

void journal::zero_in_background() {
  if (!zeroing_) tasks_.spawn(zero_files());
}

// Written once, in the order of use, so that group writes never meet unwritten extents.
task<> journal::zero_files() {
  zeroing_ = true;
  for (std::size_t i = 0; i < files_.size(); ++i) {
    auto& target = files_[i];
    if (target.zeroed == options_.file_bytes) continue;
    while (target.zeroed < options_.file_bytes) {
      if (stopping_ || failed_) co_return;
      auto bytes = std::min<std::uint64_t>(zero_bytes, options_.file_bytes - target.zeroed);
      auto written = co_await target.handle.write(
          target.zeroed, std::span<std::byte const>{zero_memory, bytes}, false);
      if (!written) co_return fail_zeroing(target, written.error());
      target.zeroed += bytes;
      zeroed_.wake_all();
    }
    // The blocks before the word of them.
    auto done = co_await target.handle.sync();
    if (done) done = co_await write_header(target);
    if (!done) co_return fail_zeroing(target, done.error());
  }
  zeroing_ = false;
}

void journal::fail_zeroing(journal_file const& target, karst::errc code) {
  fail_writes(fmt::format("zeroing {}: {}", target.path, describe(code)));
}

}  // namespace karst::log
