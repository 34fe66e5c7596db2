#include <cstdio>

#include "tools/commands.h"

namespace karst::tools {

void add_serve(CLI::App& app, int& status) {
  auto* serve = app.add_subcommand("serve", "Run a broker");
  serve->callback([&status] {
    std::fputs("karst serve: the broker is not part of this build\n", stderr);
    status = 1;
  });
}

}  // namespace karst::tools
