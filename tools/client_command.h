#pragma once

#include <fmt/ranges.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <functional>
#include <string>
#include <vector>

#include "net/client.h"

namespace karst::tools {

enum class output_format : std::uint8_t { table, json };

// What every command that talks to a broker takes on the command line.
struct client_settings {
  std::string bootstrap = "127.0.0.1:9092";
  output_format format = output_format::table;
  int timeout_s = 30;
};

// An option with a few named values. CLI11's own transformer would show people its table.
template <typename T>
CLI::Option* add_choice(CLI::App& command, std::string const& flags, T& to,
                        std::vector<std::pair<std::string, T>> const& choices,
                        std::string const& help) {
  std::vector<std::string> names;
  for (auto const& [name, value] : choices) names.push_back(name);
  auto choose = [&to, choices](std::string const& name) {
    to = std::ranges::find(choices, name, &std::pair<std::string, T>::first)->second;
  };
  return command.add_option_function<std::string>(flags, choose, help)
      ->check(CLI::IsMember(names))
      ->option_text(fmt::format("{{{}}} [{}]", fmt::join(names, ","), names.front()));
}

void add_client_options(CLI::App& command, client_settings& settings);
// Only for commands whose result has a form.
void add_format_option(CLI::App& command, client_settings& settings);

// "a:9092,[::1]:9093"; the port is 9092 when left out.
expected<std::vector<net::host_and_port>, error> parse_bootstrap(std::string_view text);

// Of several names each has its own outcome, so one that fails does not stop the others. Says what
// went wrong with all but the last, which is left to the caller of the command, `name`.
expected<void, error> outcome_of(std::string_view name, std::vector<error> const& problems);

// Runs `work` on one core with a client for these settings and returns the process's exit status:
// 0, or 1 with the error on stderr. `name` begins the error's line.
using client_work = std::function<task<expected<void, error>>(net::client&)>;
int run_client(std::string_view name, client_settings const& settings, client_work work);
// The same for work that has to put things in order when SIGINT or SIGTERM comes: it sees `stop`
// and gets a few seconds. A second signal ends the process at once. The status is then what a shell
// expects of a process that a signal ended.
using stoppable_work = std::function<task<expected<void, error>>(net::client&, abort_source&)>;
int run_stoppable_client(std::string_view name, client_settings const& settings,
                         stoppable_work work);

// How a client of these settings is made.
expected<net::client_options, error> options_for(client_settings const& settings);

// Rows under headings, columns as wide as their longest cell; numbers to the right.
std::string format_table(std::vector<std::string> const& headings,
                         std::vector<std::vector<std::string>> const& rows);

}  // namespace karst::tools
