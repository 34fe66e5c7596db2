#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "reactor/base/intrusive_list.h"

namespace karst {

enum class metric_kind : std::uint8_t {
  counter,  // only rises
  gauge,    // what is now
};

// One number of one core, as its owner keeps it: a plain member that the hot path increments. The
// metric is a member of the same owner and leaves the registry with it.
struct metric : list_link {
  std::string_view name;  // Prometheus form: "karst_io_turns_total"; a literal
  std::string_view help;
  std::string labels;  // "partition=\"3\",topic=\"orders\"", without the core; may be empty
  metric_kind kind = metric_kind::counter;
  std::uint64_t const* value = nullptr;
};

struct metric_sample {
  std::string_view name;
  std::string_view help;
  std::string labels;
  metric_kind kind = metric_kind::counter;
  std::uint64_t value = 0;
};

// The metrics of one core. Their exposition gathers a snapshot from each core (submit_to) and adds
// the core as a label. Used only on its core.
class metrics {
 public:
  void add(metric& made, std::string_view name, std::string_view help, std::uint64_t const& value,
           metric_kind kind = metric_kind::counter, std::string labels = {});
  // In the order in which the metrics were added.
  std::vector<metric_sample> snapshot();

 private:
  intrusive_list<metric> all_;
};

}  // namespace karst
