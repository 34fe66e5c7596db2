#include "tools/client_command.h"

#include <charconv>
#include <cstdio>
#include <cstdlib>

#include "reactor/machine.h"

namespace karst::tools {
namespace {

constexpr std::uint16_t default_port = 9092;

// What a command that was asked to stop may take to end by itself.
constexpr duration stop_patience = 5s;

[[noreturn]] void end_at_once(int signal) {
  std::fflush(stdout);
  std::_Exit(128 + signal);
}

// Ctrl-C ends a command at once, with what a shell expects: nothing that it holds needs saving.
task<> end_at_signal(machine& process, abort_source& done) {
  auto signal = co_await process.wait_for_signal(&done);
  if (!done.requested()) end_at_once(signal);
}

// `timeout`, shells and service managers often send one signal twice.
constexpr duration same_signal = 2s;

task<> end_at_later_signal(machine& process, abort_source& done) {
  auto first = core::current().now();
  while (true) {
    auto signal = co_await process.wait_for_signal(&done);
    if (done.requested()) co_return;
    if (core::current().now() - first >= same_signal) end_at_once(signal);
  }
}

// But for one that has to put things in order first.
task<> stop_at_signal(machine& process, abort_source& done, abort_source& stop, int& stopped_by) {
  auto signal = co_await process.wait_for_signal(&done);
  if (done.requested()) co_return;
  stopped_by = signal;
  stop.request();
  task_set waiting;
  waiting.spawn(end_at_later_signal(process, done));
  auto woken = co_await sleep_until{core::current().now() + stop_patience, &done};
  if (woken != wake_reason::aborted) end_at_once(signal);
  co_await waiting.join();
}

int complain(std::string_view name, error const& problem) {
  std::fflush(stdout);
  fmt::print(stderr, "karst {}: {}\n", name, problem.message());
  return 1;
}

task<int> serve_client(machine& process, std::string_view name, client_settings const& settings,
                       client_work const& work) {
  auto options = options_for(settings);
  if (!options) co_return complain(name, options.error());
  abort_source ended;
  task_set watching;
  watching.spawn(end_at_signal(process, ended));
  net::client client{std::move(*options)};
  auto done = co_await work(client);
  co_await client.close();
  ended.request();
  co_await watching.join();
  co_return done ? 0 : complain(name, done.error());
}

task<int> serve_stoppable(machine& process, std::string_view name, client_settings const& settings,
                          stoppable_work const& work) {
  auto options = options_for(settings);
  if (!options) co_return complain(name, options.error());
  abort_source ended;
  abort_source stop;
  int stopped_by = 0;
  task_set watching;
  watching.spawn(stop_at_signal(process, ended, stop, stopped_by));
  net::client client{std::move(*options)};
  auto done = co_await work(client, stop);
  co_await client.close();
  ended.request();
  co_await watching.join();
  if (!done) complain(name, done.error());
  if (stopped_by != 0) co_return 128 + stopped_by;
  co_return done ? 0 : 1;
}

bool is_number(std::string_view text) {
  return !text.empty() && text.find_first_not_of("-0123456789") == std::string_view::npos;
}

}  // namespace

void add_client_options(CLI::App& command, client_settings& settings) {
  command
      .add_option("-b,--bootstrap-server", settings.bootstrap,
                  "Brokers to ask first, HOST:PORT, separated by commas")
      ->envname("KARST_BOOTSTRAP_SERVER")
      ->capture_default_str();
  command
      .add_option("--timeout", settings.timeout_s, "Seconds to wait for an answer of the broker")
      ->check(CLI::Range(1, 3600))
      ->capture_default_str();
}

void add_format_option(CLI::App& command, client_settings& settings) {
  add_choice<output_format>(command, "--format", settings.format,
                            {{"table", output_format::table}, {"json", output_format::json}},
                            "table, for people, or json, one line for each item");
  command.add_flag_callback(
      "--json", [&settings] { settings.format = output_format::json; },
      "The same as --format json");
}

expected<std::vector<net::host_and_port>, error> parse_bootstrap(std::string_view text) {
  std::vector<net::host_and_port> servers;
  while (!text.empty()) {
    auto comma = text.find(',');
    auto one = text.substr(0, comma);
    text = comma == std::string_view::npos ? std::string_view{} : text.substr(comma + 1);
    if (one.empty()) continue;
    net::host_and_port server{std::string{one}, default_port};
    auto colon = one.rfind(':');
    auto bracket = one.rfind(']');
    if (colon != std::string_view::npos && (bracket == std::string_view::npos || colon > bracket)) {
      auto digits = one.substr(colon + 1);
      auto [end, failure] = std::from_chars(digits.begin(), digits.end(), server.port);
      if (failure != std::errc{} || end != digits.end() || server.port == 0) {
        return fail(errc::invalid, "write HOST:PORT, for example 127.0.0.1:9092",
                    "the bootstrap server '{}' has no valid port", one);
      }
      server.host = std::string{one.substr(0, colon)};
    }
    if (server.host.starts_with('[') && server.host.ends_with(']')) {
      server.host = server.host.substr(1, server.host.size() - 2);
    }
    servers.push_back(std::move(server));
  }
  if (servers.empty()) {
    return fail(errc::invalid, "give --bootstrap-server HOST:PORT", "no bootstrap server is named");
  }
  return servers;
}

expected<void, error> outcome_of(std::string_view name, std::vector<error> const& problems) {
  if (problems.empty()) return {};
  for (std::size_t i = 0; i + 1 < problems.size(); ++i) {
    fmt::print(stderr, "karst {}: {}\n", name, problems[i].message());
  }
  return unexpected<error>(problems.back());
}

expected<net::client_options, error> options_for(client_settings const& settings) {
  auto servers = parse_bootstrap(settings.bootstrap);
  if (!servers) return unexpected<error>(servers.error());
  return net::client_options{.bootstrap = std::move(*servers),
                             .client_id = "karst",
                             .request_timeout = std::chrono::seconds{settings.timeout_s}};
}

int run_client(std::string_view name, client_settings const& settings, client_work work) {
  auto status = machine::run(
      {.cores = 1}, [&](machine& process) { return serve_client(process, name, settings, work); });
  return status ? *status : complain(name, status.error());
}

int run_stoppable_client(std::string_view name, client_settings const& settings,
                         stoppable_work work) {
  auto status = machine::run({.cores = 1}, [&](machine& process) {
    return serve_stoppable(process, name, settings, work);
  });
  return status ? *status : complain(name, status.error());
}

std::string format_table(std::vector<std::string> const& headings,
                         std::vector<std::vector<std::string>> const& rows) {
  std::vector<std::size_t> widths;
  for (std::size_t column = 0; column < headings.size(); ++column) {
    widths.push_back(headings[column].size());
    for (auto const& row : rows) widths.back() = std::max(widths.back(), row[column].size());
  }
  std::string text;
  auto add = [&](std::vector<std::string> const& row, bool heading) {
    std::string line;
    for (std::size_t column = 0; column < row.size(); ++column) {
      auto right =
          heading ? !rows.empty() && is_number(rows.front()[column]) : is_number(row[column]);
      line += right ? fmt::format("{:>{}}  ", row[column], widths[column])
                    : fmt::format("{:<{}}  ", row[column], widths[column]);
    }
    line.erase(line.find_last_not_of(' ') + 1);
    text += line + "\n";
  };
  add(headings, true);
  for (auto const& row : rows) add(row, false);
  return text;
}

}  // namespace karst::tools
