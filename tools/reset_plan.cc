#include "tools/reset_plan.h"

#include <algorithm>
#include <charconv>
#include <limits>

namespace karst::tools {
namespace {

planned_reset clamped(reset_facts const& facts, std::int64_t wanted) {
  planned_reset plan{facts.where, facts.committed, std::clamp(wanted, facts.log_start, facts.end)};
  if (wanted < facts.log_start) {
    plan.note = fmt::format("{} is not in the log any more; it begins here", wanted);
  } else if (wanted > facts.end) {
    plan.note = fmt::format("{} is not in the log yet; it ends here", wanted);
  }
  return plan;
}

// Where adding would overflow, the end of the log is meant all the same.
std::int64_t shifted(std::int64_t from, std::int64_t by) {
  std::int64_t sum = 0;
  if (!__builtin_add_overflow(from, by, &sum)) return sum;
  return by < 0 ? std::numeric_limits<std::int64_t>::min()
                : std::numeric_limits<std::int64_t>::max();
}

}  // namespace

expected<planned_reset, error> plan_reset(reset_target const& target, reset_facts const& facts) {
  using enum reset_target::kind;
  switch (target.to) {
    case earliest:
      return planned_reset{facts.where, facts.committed, facts.log_start};
    case latest:
      return planned_reset{facts.where, facts.committed, facts.end};
    case current:
      if (facts.committed) return clamped(facts, *facts.committed);
      return planned_reset{facts.where, {}, facts.end, "nothing is committed; it ends here"};
    case offset:
      return clamped(facts, target.number);
    case time:
      if (facts.at_time && *facts.at_time >= 0) return clamped(facts, *facts.at_time);
      return planned_reset{facts.where, facts.committed, facts.end,
                           "no record is that young; it ends here"};
    case shift:
      if (facts.committed) return clamped(facts, shifted(*facts.committed, target.number));
      return fail(errc::invalid, "choose another target for it, or leave it out with --topic",
                  "{} has no committed offset that could be shifted", facts.where.text());
  }
  return fail(errc::invalid, "", "no target for {}", facts.where.text());
}

expected<topic_choice, error> parse_topic_choice(std::string_view text) {
  auto colon = text.find(':');
  topic_choice choice{.topic = std::string{text.substr(0, colon)}};
  auto refuse = [&] {
    return fail(errc::invalid, "write --topic orders, or --topic orders:0,2",
                "'{}' names no topic and partitions", text);
  };
  if (choice.topic.empty()) return refuse();
  if (colon == std::string_view::npos) return choice;
  auto rest = text.substr(colon + 1);
  while (true) {
    std::int32_t partition = -1;
    auto [end, failure] = std::from_chars(rest.data(), rest.data() + rest.size(), partition);
    if (failure != std::errc{} || partition < 0) return refuse();
    choice.partitions.push_back(partition);
    rest.remove_prefix(static_cast<std::size_t>(end - rest.data()));
    if (rest.empty()) return choice;
    if (!rest.starts_with(',')) return refuse();
    rest.remove_prefix(1);
  }
}

}  // namespace karst::tools
