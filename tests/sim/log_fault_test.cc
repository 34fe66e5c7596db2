#include <gtest/gtest.h>

#include "tests/sim/log_trace.h"
#include "tests/sim/quiet_logs.h"

namespace karst::sim {
namespace {

struct fault_case {
  std::string name;
  errc error = errc::io_error;
  bool sticky = false;
  std::optional<opcode> code;
};

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
  for (std::uint64_t skip = 0; skip < operations; ++skip) {
    world host{{.seed = options.seed}, disk::with_directory("/data")};
    host.inject({.code = GetParam().code,
                 .skip = skip,
                 .error = GetParam().error,
                 .sticky = GetParam().sticky});
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

INSTANTIATE_TEST_SUITE_P(faults, log_fault,
                         testing::Values(fault_case{.name = "EIO_once"},
                                         fault_case{.name = "EIO_for_ever", .sticky = true},
                                         fault_case{.name = "ENOSPC_of_allocations",
                                                    .error = errc::no_space,
                                                    .code = opcode::allocate},
                                         fault_case{.name = "EMFILE_of_opens",
                                                    .error = errc::too_many_files,
                                                    .code = opcode::open}),
                         [](auto const& info) { return info.param.name; });

}  // namespace
}  // namespace karst::sim
