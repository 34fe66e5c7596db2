#include "tools/commands.h"

namespace {
constexpr int bad_command_line = 2;
}  // namespace

int main(int argc, char** argv) {
  CLI::App app{"Karst: a log storage server that speaks the Kafka protocol, and tools for it"};
  app.name("karst");
  app.set_version_flag("--version", "karst " KARST_VERSION);
  app.require_subcommand(1);
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
