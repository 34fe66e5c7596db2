#include "cluster/memory_plan.h"

namespace karst::cluster {

memory_plan make_memory_plan(std::uint64_t process_bytes, core_id cores,
                             std::uint64_t request_bytes_max) {
  memory_plan plan;
  plan.log_bytes = process_bytes / 2;
  plan.network.request_bytes_max = request_bytes_max;
  auto per_core = process_bytes / cores;
  plan.group_bytes = std::max<std::size_t>(per_core / 16, 16 * MiB);
  auto& network = plan.network;
  // Above net/limits.h's values more memory brings nothing: they cover the largest frames and
  // answers several times.
  network.medium_budget_bytes = std::clamp<std::size_t>(
      per_core / 12, 2 * network.medium_frame_bytes, network.medium_budget_bytes);
  network.huge_budget_bytes =
      std::clamp<std::size_t>(per_core / 6, request_bytes_max,
                              std::max<std::size_t>(network.huge_budget_bytes, request_bytes_max));
  network.output_budget_bytes =
      std::clamp<std::size_t>(per_core / 4, 16 * MiB, network.output_budget_bytes);
  // At least 10,000 partitions' worth; above 32 MiB the slots are the limit.
  plan.fetch_session_bytes = std::clamp<std::size_t>(per_core / 64, 1 * MiB, 32 * MiB);
  return plan;
}

}  // namespace karst::cluster
