#include <gtest/gtest.h>

#include "tests/sim/captured_logs.h"
#include "tests/sim/log_trace.h"
#include "tests/sim/quiet_logs.h"

namespace karst::sim {
namespace {

struct fault_case {
  std::string name;
  errc error = errc::io_error;
  bool sticky = false;
  std::optional<opcode> code;
  bool new_files = false;
};

std::string name_of(testing::TestParamInfo<fault_case> const& info) { return info.param.name; }

// Without descriptors work waits for as long as it takes: they come back some time.
void inject(world& host, fault_case const& what, std::uint64_t skip) {
  host.inject({.code = what.code,
               .skip = skip,
               .error = what.error,
               .sticky = what.sticky,
               .new_files = what.new_files});
  if (what.error != errc::too_many_files) return;
  host.at(host.now() + 100s, [&host] { host.clear_faults(); });
}

class log_fault : public testing::TestWithParam<fault_case> {
  quiet_logs quiet_;
};

// The N-th operation fails, for every N of the trace (reliability: SQLite's method). Whatever was
// acknowledged, before or after, is there after a power cut at the end (I-25).
TEST_P(log_fault, nothing_acknowledged_depends_on_what_failed) {
  trace_options const options{.seed = 4, .rounds = 5};
  std::uint64_t operations = 0;
  {
    world host{{.seed = options.seed}, disk::with_directory("/data")};
    log_ledger ledger;
    if (GetParam().code) {
      host.on_operation(
          [&](operation_record const& done) { operations += done.code == *GetParam().code; });
    }
    ASSERT_EQ(run_trace(host, ledger, options), "");
    if (!GetParam().code) operations = host.operations();
  }
  ASSERT_GT(operations, 0U);
  for (std::uint64_t skip = 0; skip < operations; ++skip) {
    world host{{.seed = options.seed}, disk::with_directory("/data")};
    inject(host, GetParam(), skip);
    log_ledger ledger;
    auto problem = run_trace(host, ledger, options);
    ASSERT_EQ(host.violations(), std::vector<std::string>{}) << skip;
    host.clear_faults();
    auto after = recover(host.power_cut(skip), ledger.promises(), ledger, 2, skip);
    ASSERT_EQ(after.complaints, "") << GetParam().name << " at operation " << skip + 1
                                    << "; the trace said: " << problem << "\n"
                                    << host.recent_operations();
  }
}

std::vector<fault_case> all_faults() {
  std::vector<fault_case> all{{.name = "EIO_once"}, {.name = "EIO_for_ever", .sticky = true}};
  auto add = [&all](std::string_view what, opcode code, std::string_view name, errc error) {
    for (auto sticky : {false, true}) {
      all.push_back({.name = fmt::format("{}_of_{}{}", name, what, sticky ? "_for_ever" : ""),
                     .error = error,
                     .sticky = sticky,
                     .code = code});
    }
  };
  std::pair<std::string_view, opcode> const kinds[] = {
      {"writes", opcode::write}, {"syncs", opcode::sync},
      {"reads", opcode::read},   {"allocations", opcode::allocate},
      {"opens", opcode::open},   {"truncations", opcode::truncate}};
  for (auto const& [what, code] : kinds) {
    add(what, code, "EIO", errc::io_error);
    if (code != opcode::read && code != opcode::sync) add(what, code, "ENOSPC", errc::no_space);
  }
  add("opens", opcode::open, "EMFILE", errc::too_many_files);
  return all;
}

INSTANTIATE_TEST_SUITE_P(faults, log_fault, testing::ValuesIn(all_faults()), name_of);

// One life of a directory: logs are made, written, rolled and destaged.
constexpr std::uint64_t life_logs[] = {1, 2, 3};

void live(log_node& node) {
  for (auto id : life_logs) (void)node.create(id, small_log());
  for (unsigned round = 0; round < 12; ++round) {
    (void)node.append(1, 200 + 50 * round);
    (void)node.append_in_sequence(2, 9000);
    node.append_all({{.id = 1, .bytes = 24 * KiB}, {.id = 2, .bytes = 100}, {.id = 3, .bytes = 3}});
  }
}

std::string const storage_failed{log::describe(log::errc::storage_failed)};

class log_failure : public testing::TestWithParam<fault_case> {};

// The N-th write or sync fails, for every N of a life: from then on nothing is acknowledged, read
// or written there, and the operator hears of it in one line. The next start finds everything that
// was acknowledged and says what it found.
TEST_P(log_failure, the_directory_takes_nothing_more_and_says_so_once) {
  captured_logs logs;
  for (std::uint64_t skip = 0;; ++skip) {
    captured_logs::lines().clear();
    world host{{.seed = 5}, disk::with_directory("/data")};
    log_ledger ledger;
    std::uint64_t writes = 0;
    auto struck = false;
    host.on_operation([&](operation_record const& done) {
      auto const writing = done.code == opcode::write || done.code == opcode::sync;
      struck = struck || (writing && done.error != errc::ok);
      writes += writing;
    });
    {
      log_node node{host, small_directory(2), ledger};
      ASSERT_EQ(node.start(), "");
      node.idle(1s);  // the journal is zeroed
      inject(host, GetParam(), skip);
      live(node);
      if (!struck) break;
      auto const where = fmt::format("{} {}: {}", GetParam().name, skip, host.recent_operations());
      node.idle(1s);
      auto const before = writes;
      for (auto id : life_logs) {
        if (node.find(id) == nullptr) continue;
        ASSERT_EQ(node.append(id, 100), storage_failed) << where;
      }
      ASSERT_NE(node.create(9, small_log()), "") << where;
      node.idle(10s);
      ASSERT_EQ(writes, before) << where;
      ASSERT_EQ(captured_logs::count("takes no more writes"), 1U) << where;
      ASSERT_NE(node.close(), "") << where;
    }
    host.clear_faults();
    auto after = recover(host.power_cut(skip), ledger.promises(), ledger, 2, skip);
    ASSERT_EQ(after.complaints, "") << GetParam().name << " " << skip;
    auto const acked = std::ranges::any_of(
        ledger.promises(), [](auto const& promise) { return promise.second.acked != 0; });
    ASSERT_GE(captured_logs::count("recovering"), acked ? 1U : 0U)
        << GetParam().name << " " << skip;
  }
}

INSTANTIATE_TEST_SUITE_P(
    faults, log_failure,
    testing::Values(fault_case{.name = "writes", .code = opcode::write},
                    fault_case{.name = "writes_for_ever", .sticky = true, .code = opcode::write},
                    fault_case{.name = "syncs", .code = opcode::sync},
                    fault_case{.name = "syncs_for_ever", .sticky = true, .code = opcode::sync}),
    name_of);

// The N-th allocation finds no space, or the N-th open no descriptor, for every N: a refusal. What
// is asked for again once there is room is done, without a restart.
class log_refusal : public testing::TestWithParam<fault_case> {
  quiet_logs quiet_;
};

TEST_P(log_refusal, ends_when_there_is_room_again) {
  for (std::uint64_t skip = 0;; ++skip) {
    world host{{.seed = 6}, disk::with_directory("/data")};
    log_ledger ledger;
    auto struck = false;
    host.on_operation(
        [&](operation_record const& done) { struck = struck || done.error == GetParam().error; });
    log_node node{host, small_directory(2), ledger};
    ASSERT_EQ(node.start(), "");
    node.idle(1s);
    inject(host, GetParam(), skip);
    live(node);
    if (!struck) break;
    host.clear_faults();
    node.idle(10s);
    auto const where = fmt::format("{} {}: {}", GetParam().name, skip, host.recent_operations());
    for (auto id : life_logs) {
      if (node.find(id) == nullptr) {
        ASSERT_EQ(node.create(id, small_log()), "") << where;
      }
      for (int i = 0; i < 8; ++i) ASSERT_EQ(node.append(id, 24 * KiB), "") << where;
    }
    ASSERT_EQ(node.check(ledger.promises()), "") << where;
    ASSERT_EQ(node.close(), "") << where;
  }
}

INSTANTIATE_TEST_SUITE_P(
    faults, log_refusal,
    testing::Values(
        fault_case{.name = "no_space", .error = errc::no_space, .code = opcode::allocate},
        fault_case{.name = "no_space_for_long",
                   .error = errc::no_space,
                   .sticky = true,
                   .code = opcode::allocate},
        fault_case{.name = "no_space_for_files",
                   .error = errc::no_space,
                   .code = opcode::open,
                   .new_files = true},
        fault_case{.name = "no_space_for_files_for_long",
                   .error = errc::no_space,
                   .sticky = true,
                   .code = opcode::open,
                   .new_files = true},
        fault_case{.name = "no_descriptor", .error = errc::too_many_files, .code = opcode::open},
        fault_case{.name = "no_descriptor_for_long",
                   .error = errc::too_many_files,
                   .sticky = true,
                   .code = opcode::open}),
    name_of);

// The N-th read fails, for every N of a life that reads from its segments: that read is answered
// with an error, and nothing else.
TEST(log_read_failure, is_of_that_read_alone) {
  quiet_logs quiet;
  for (std::uint64_t skip = 0;; ++skip) {
    world host{{.seed = 7}, disk::with_directory("/data")};
    log_ledger ledger;
    {
      log_node node{host, small_directory(2), ledger};
      ASSERT_EQ(node.start(), "");
      live(node);
      ASSERT_EQ(node.close(), "");
    }
    auto struck = false;
    log_node node{host, small_directory(2), ledger};
    ASSERT_EQ(node.start(), "");
    host.on_operation(
        [&](operation_record const& done) { struck = struck || done.error == errc::io_error; });
    host.inject({.code = opcode::read, .skip = skip});
    auto const complaints = node.check(ledger.promises());
    for (auto id : life_logs) (void)node.append(id, 100);
    if (!struck) break;
    host.clear_faults();
    auto const where = fmt::format("read {}: {}", skip, complaints);
    ASSERT_EQ(node.check(ledger.promises()), "") << where;
    for (auto id : life_logs) ASSERT_EQ(node.append(id, 24 * KiB), "") << where;
    ASSERT_EQ(node.close(), "") << where;
  }
}

}  // namespace
}  // namespace karst::sim
