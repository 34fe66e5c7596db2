#include <gtest/gtest.h>

#include "log/batch.h"
#include "tests/sim/log_trace.h"
#include "tests/sim/quiet_logs.h"

namespace karst::sim {
namespace {

task<std::string> read_at(log::partition_log& log, log::offset from) {
  auto got =
      co_await log.read(from, log.durable_end(), {.max_bytes = 1, .whole_first_batch = true});
  co_return got ? got->records.to_string() : std::string{log::describe(got.error())};
}

// Where each batch lies in the files of log 1.
struct stored_batch {
  std::string path;
  std::uint64_t at = 0;
  std::uint64_t bytes = 0;
  log::batch_header header;
};

std::vector<stored_batch> stored_batches(disk const& on) {
  std::vector<stored_batch> found;
  for (auto const& path : on.files("/data/topic1-0")) {
    if (!path.ends_with(".log")) continue;
    auto const content = on.content(path);
    for (std::size_t at = 0; at + log::batch_layout::header_bytes <= content.size();) {
      auto const header =
          log::batch_header::decode(std::as_bytes(std::span{content}).subspan(at).data());
      found.push_back({path, at, header.size_bytes(), header});
      at += header.size_bytes();
    }
  }
  return found;
}

// Damage below everything, of which no write of ours knows: found when it is read, answered with
// an error, counted, never served; the rest of the log goes on.
TEST(log_read_damage, is_answered_with_an_error_and_never_served) {
  quiet_logs quiet;
  log_ledger ledger;
  disk left = disk::with_directory("/data");
  {
    world host{{.seed = 1}, std::move(left)};
    log_node node{host, small_directory(1), ledger};
    ASSERT_EQ(node.start(), "");
    ASSERT_EQ(node.create(1, small_log()), "");
    random_source random{7};
    for (auto i = 0; i < 60; ++i) ASSERT_EQ(node.append(1, random.between(50, 9000)), "");
    ASSERT_EQ(node.close(), "");
    left = std::move(host.storage());
  }
  auto const batches = stored_batches(left);
  ASSERT_EQ(batches.size(), 60u);
  // Of each batch another byte: lengths, checksums, deltas, records. What a leader stamps is not
  // covered by the checksum.
  for (std::size_t i = 0; i < batches.size(); ++i) {
    auto const& hit = batches[i];
    auto where = log::batch_layout::length + (i * 37) % (hit.bytes - log::batch_layout::length);
    if (where >= log::batch_layout::leader_epoch && where < log::batch_layout::magic) where += 4;
    world host{{.seed = i}, left.after_power_cut(random_source{1})};
    host.storage().find(hit.path)->data.damage(hit.at + where, 0x10);
    log_node node{host, small_directory(1), ledger};
    ASSERT_EQ(node.start(), "");
    auto& log = *node.find(1);
    for (std::size_t each = 0; each < batches.size(); ++each) {
      auto const& batch = batches[each];
      auto got = node.cores().run(0, read_at(log, batch.header.base));
      auto const& written = ledger.books[1].batches.find(batch.header.base.value)->second.bytes;
      auto const right =
          got.size() > log::batch_layout::magic && got.substr(log::batch_layout::magic) == written;
      // The newest segment is looked through before its first use: then the partition goes offline.
      auto const said = got == log::describe(log::errc::corrupt_batch) ||
                        got == log::describe(log::errc::damaged);
      EXPECT_TRUE(right || (said && batch.path == hit.path))
          << "batch " << each << " with batch " << i << " damaged at " << where;
      if (each == i) EXPECT_TRUE(said) << "batch " << i << " damaged at " << where << ": " << got;
    }
    node.kill();
  }
}

}  // namespace
}  // namespace karst::sim
