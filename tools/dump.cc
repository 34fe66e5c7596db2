#include "tools/dump.h"

#include <cerrno>
#include <cstring>
#include <filesystem>

#include "log/journal_format.h"
#include "log/segment_name.h"
#include "tools/commands.h"

namespace karst::tools {
namespace {

struct close_file {
  void operator()(std::FILE* file) const { std::fclose(file); }
};

expected<bool, error> dump_file(dump_settings const& settings) {
  std::unique_ptr<std::FILE, close_file> file{std::fopen(settings.path.c_str(), "rb")};
  if (!file) {
    return fail(errc::not_found, "give the path of a segment (….log) or a karst-journal file",
                "cannot open {}: {}", settings.path, std::strerror(errno));
  }
  auto name = std::filesystem::path{settings.path}.filename().string();
  auto segment = log::parse_segment_name(name);
  if (segment && segment->file == log::segment_file::log) {
    return dump_segment(file.get(), settings);
  }
  if (log::parse_journal_file_name(name)) return dump_journal(file.get(), settings);
  return fail(errc::invalid, "give the path of a segment (….log) or a karst-journal file",
              "{} is neither a segment nor a journal by its name", settings.path);
}

}  // namespace

void add_dump(CLI::App& app, int& status) {
  auto settings = std::make_shared<dump_settings>();
  auto* dump = app.add_subcommand("dump", "Show what a segment or journal file holds");
  dump->add_option("FILE", settings->path,
                   "A segment (data/TOPIC-N/00000000000000000000.log) or a journal file "
                   "(data/karst-journal-CORE-N)")
      ->required();
  dump->add_flag("--records", settings->records, "Show every record too");
  dump->add_option("--limit", settings->limit, "Stop after so many batches or groups")
      ->check(CLI::PositiveNumber);
  auto format = std::make_shared<std::string>("table");
  dump->add_option("--format", *format, "table, or json: one object for each line")
      ->check(CLI::IsMember({"table", "json"}))
      ->capture_default_str();
  dump->footer(
      "Exit status: 0 when the file is sound, 1 when something in it is damaged or cut.\n\n"
      "  karst dump karst-data/orders-0/00000000000000000000.log\n"
      "  karst dump karst-data/orders-0/00000000000000000000.log --records --format json | jq .");
  dump->callback([settings, format, &status] {
    settings->json = *format == "json";
    auto sound = dump_file(*settings);
    std::fflush(stdout);
    if (sound && std::ferror(stdout) != 0) {
      sound = fail(errc::io_error, "make room there and dump again", "cannot write the output: {}",
                   std::strerror(errno));
    }
    if (!sound) fmt::print(stderr, "karst dump: {}\n", sound.error().message());
    status = sound && *sound ? 0 : 1;
  });
}

}  // namespace karst::tools
