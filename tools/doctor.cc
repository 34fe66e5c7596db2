#include <nlohmann/json.hpp>

#include "tools/commands.h"
#include "tools/doctor_checks.h"

namespace karst::tools {
namespace {

using json = nlohmann::json;

void print_findings(examination const& of, output_format format) {
  for (auto const& each : of.findings) {
    if (format == output_format::json) {
      fmt::print("{}\n",
                 json{{"about", each.about}, {"what", each.what}, {"remedy", each.remedy}}.dump(
                     -1, ' ', false, json::error_handler_t::replace));
    } else {
      fmt::print("{:<7} {}{}{}\n", each.about, each.what, each.remedy.empty() ? "" : "; ",
                 each.remedy);
    }
  }
  std::fflush(stdout);
  if (format == output_format::json) return;
  auto examined = fmt::format("{} broker{}, {} topics, {} groups", of.cluster.brokers.size(),
                              of.cluster.brokers.size() == 1 ? "" : "s", of.topics, of.groups);
  if (of.findings.empty()) {
    fmt::print("Nothing found: {} looked at\n", examined);
  } else {
    fmt::print(stderr, "{} finding{}; {} looked at\n", of.findings.size(),
               of.findings.size() == 1 ? "" : "s", examined);
  }
}

task<expected<void, error>> examine(net::client& client, client_settings const& settings,
                                    bool& found) {
  auto servers = parse_bootstrap(settings.bootstrap);
  if (!servers) co_return unexpected<error>(servers.error());
  auto cluster = co_await client.metadata(std::nullopt);
  if (!cluster) co_return unexpected<error>(cluster.error());
  examination of{
      .client = client, .connected_to = client.bootstrapped_by(), .cluster = std::move(**cluster)};
  check_host(of);
  check_addresses(of);
  // Everything else goes by the addresses that the brokers tell.
  if (of.reachable) {
    co_await check_topics(of);
    co_await check_disks(of);
    co_await check_groups(of);
  }
  print_findings(of, settings.format);
  found = !of.findings.empty();
  co_return expected<void, error>{};
}

}  // namespace

void add_doctor(CLI::App& app, int& status) {
  auto settings = std::make_shared<client_settings>();
  auto* command = app.add_subcommand(
      "doctor", "Look for what commonly keeps clients from working, in a minute");
  add_client_options(*command, *settings);
  add_format_option(*command, *settings);
  command->footer(
      "Run it on the host whose clients have trouble, with the address that they use. It looks at\n"
      "the addresses that brokers tell their clients, partitions without leaders, names that look\n"
      "like typos, full disks, offline directories, and groups: unread records without a member,\n"
      "members without partitions, members that do not get on, commits outside of the log, and\n"
      "consumers that read only what is new. It changes nothing. One line for each finding.\n"
      "\n"
      "Exit status: 0 nothing found, 1 findings or no answer, 2 bad command line.\n"
      "\n"
      "Example:\n"
      "  karst doctor -b broker-1:9092");
  command->callback([settings, &status] {
    auto found = false;
    status = run_client("doctor", *settings,
                        [&](net::client& client) { return examine(client, *settings, found); });
    if (status == 0 && found) status = 1;
  });
}

}  // namespace karst::tools
