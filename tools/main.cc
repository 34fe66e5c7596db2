#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "tools/commands.h"

namespace {

constexpr int bad_command_line = 2;

// Groups of options are subcommands without a name to the library.
bool is_command(CLI::App const* app) { return !app->get_name().empty(); }

// One line, with the command that was meant and where to read on.
std::string wrong_usage(CLI::App const* app, CLI::Error const& wrong) {
  std::string name = app->get_name();
  while (true) {
    auto meant = app->get_subcommands();
    auto next = std::ranges::find_if(meant, is_command);
    if (next == meant.end()) break;
    app = *next;
    name += " " + app->get_name();
  }
  std::string why = wrong.what();
  auto commands = app->get_subcommands(is_command);
  auto unknown = app->remaining();
  if (!commands.empty() && (unknown.empty() || !unknown.front().starts_with('-'))) {
    std::vector<std::string> names;
    for (auto const* each : commands) names.push_back(each->get_name());
    why = unknown.empty() ? "a command is missing"
                          : fmt::format("there is no command '{}'", unknown.front());
    why += fmt::format("; give one of {}", fmt::join(names, ", "));
  } else if (!commands.empty()) {
    why = fmt::format("there is no option {}", unknown.front());
  }
  return fmt::format("{}: {}; see {} --help\n", name, why, name);
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{"Karst: a log storage server that speaks the Kafka protocol, and tools for it"};
  app.name("karst");
  app.set_version_flag("--version", "karst " KARST_VERSION);
  app.require_subcommand(1);
  app.failure_message(wrong_usage);
  app.footer(
      "Start a node and send a first message:\n"
      "  karst serve --dev\n"
      "  echo hello | karst produce greetings\n"
      "  karst consume greetings");
  int status = 0;
  karst::tools::add_serve(app, status);
  karst::tools::add_topic(app, status);
  karst::tools::add_produce(app, status);
  karst::tools::add_consume(app, status);
  karst::tools::add_group(app, status);
  karst::tools::add_doctor(app, status);
  karst::tools::add_dump(app, status);
  karst::tools::add_bench(app, status);
  try {
    app.parse(argc, argv);
  } catch (CLI::ParseError const& stopped) {
    // --help and --version end here too, with 0. A bad command line is a bad configuration.
    return app.exit(stopped) == 0 ? 0 : bad_command_line;
  }
  return status;
}
