#include "reactor/metrics.h"

namespace karst {

void metrics::add(metric& made, std::string_view name, std::string_view help,
                  std::uint64_t const& value, metric_kind kind, std::string labels) {
  made.unlink();
  made.name = name;
  made.help = help;
  made.labels = std::move(labels);
  made.kind = kind;
  made.value = &value;
  all_.push_back(made);
}

std::vector<metric_sample> metrics::snapshot() {
  std::vector<metric_sample> samples;
  all_.for_each([&samples](metric& each) {
    samples.push_back({.name = each.name,
                       .help = each.help,
                       .labels = each.labels,
                       .kind = each.kind,
                       .value = *each.value});
  });
  return samples;
}

}  // namespace karst
