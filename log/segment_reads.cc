#include "log/segment_reads.h"

#include "log/limits.h"
#include "reactor/core.h"

namespace karst::log {
namespace {

buffer_chain take_memory(std::size_t bytes) {
  auto& memory = core::current().memory();
  buffer_chain taken;
  while (bytes != 0) {
    auto const part = std::min(bytes, limit::segment_read_piece);
    auto piece = memory.take(part);
    taken.append(piece.empty() ? buffer::allocate(part) : std::move(piece));
    bytes -= part;
  }
  return taken;
}

// The bytes [from, from + bytes) of the memory, to be read into.
void to_vectors(buffer_chain const& memory, std::size_t from, std::size_t bytes,
                std::vector<iovec>& vectors) {
  vectors.clear();
  memory.for_each(from, bytes, [&vectors](std::span<std::byte const> part) {
    vectors.push_back({const_cast<std::byte*>(part.data()), part.size()});
  });
}

// How many of the bytes from `from` on, in whole pieces, are in the page cache.
std::size_t resident_bytes(file const& source, std::uint64_t from, std::size_t bytes) {
  std::size_t resident = 0;
  while (resident < bytes) {
    auto const part = std::min(bytes - resident, limit::segment_read_piece);
    if (!source.is_resident(from + resident, part)) break;
    resident += part;
  }
  return resident;
}

}  // namespace

segment_reads::segment_reads(core_id cores)
    : state_(std::make_shared<state>(
          std::max<std::size_t>(limit::device_reads / std::max<std::size_t>(cores, 1), 1))) {}

bool segment_reads::is_short() {
  auto const& memory = core::current().memory();
  return memory.used() > memory.budget() / 2;
}

task<expected<buffer_chain>> segment_reads::read(std::shared_ptr<file> source, std::uint64_t from,
                                                 std::size_t bytes, std::uint64_t end) {
  auto shared = state_;
  auto memory = take_memory(bytes);
  std::vector<iovec> vectors;
  std::size_t done = 0;
  auto cold = false;
  while (done < bytes) {
    auto part = resident_bytes(*source, from + done, bytes - done);
    auto const resident = part != 0;
    if (!resident) {
      cold = true;
      part = std::min(bytes - done, limit::segment_read_piece);
      (void)co_await shared->gate.take(1);
    }
    to_vectors(memory, done, part, vectors);
    auto got = co_await source->read(from + done, std::span{vectors}, io_class::catch_up);
    if (!resident) shared->gate.give(1);
    if (!got) co_return fail(got.error());
    (resident ? shared->counted.resident_bytes : shared->counted.device_bytes) += *got;
    done += *got;
    if (*got != part) break;
  }
  go_on(source, from, from + done, end, cold);
  co_return done == bytes ? std::move(memory) : memory.slice(0, done);
}

// Reads ahead for a reader whom the device made wait, and for one that goes on where such a one
// stopped.
void segment_reads::go_on(std::shared_ptr<file> const& source, std::uint64_t from, std::uint64_t to,
                          std::uint64_t end, bool cold) {
  ++reads_;
  auto met = [&](stream const& one) {
    return one.source == source.get() && from <= one.at && one.at <= to;
  };
  auto found = std::ranges::find_if(streams_, met);
  if (found == streams_.end() && !cold) return;
  if (found == streams_.end()) found = std::ranges::min_element(streams_, {}, &stream::used);
  *found = {.source = source.get(), .at = to, .used = reads_};
  auto const target = std::min(end, to + limit::read_ahead_bytes);
  if (to >= target || state_->ahead_running == limit::read_ahead_tasks) return;
  core::current().background().spawn(read_ahead(state_, source, to, target));
}

// Into the page cache; the bytes themselves are not wanted yet, so one small piece of memory takes
// all of them. As long as the device has nothing else to read: beside other readers it is busy
// anyhow, and every byte would only be copied twice.
task<> segment_reads::read_ahead(std::shared_ptr<state> shared, std::shared_ptr<file> source,
                                 std::uint64_t from, std::uint64_t end) {
  constexpr std::size_t scratch_bytes = 16 * KiB;
  auto scratch = buffer::allocate(scratch_bytes);
  std::vector<iovec> vectors;
  ++shared->ahead_running;
  while (from < end) {
    auto const part = std::min<std::uint64_t>(end - from, limit::segment_read_piece);
    if (source->is_resident(from, part)) {
      from += part;
      continue;
    }
    if (!shared->gate.try_take(1)) break;
    vectors.clear();
    for (std::size_t at = 0; at < part; at += scratch_bytes) {
      vectors.push_back({scratch.data(), std::min<std::size_t>(scratch_bytes, part - at)});
    }
    auto got = co_await source->read(from, std::span{vectors}, io_class::catch_up);
    shared->gate.give(1);
    if (!got || *got != part) break;
    shared->counted.ahead_bytes += *got;
    from += part;
  }
  --shared->ahead_running;
}

}  // namespace karst::log
