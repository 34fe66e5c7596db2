#include "cluster/meta_properties.h"

#include <fmt/chrono.h>

#include <charconv>

#include "cluster/properties.h"
#include "reactor/core.h"
#include "reactor/file.h"

namespace karst::cluster {
namespace {

constexpr std::size_t longest_meta_properties = 64 * KiB;

std::string path_in(std::string const& directory) { return directory + "/meta.properties"; }

std::optional<std::int32_t> number(std::string_view text) {
  std::int32_t value = 0;
  auto parsed = std::from_chars(text.data(), text.data() + text.size(), value);
  if (parsed.ec != std::errc{} || parsed.ptr != text.data() + text.size()) return std::nullopt;
  return value;
}

}  // namespace

std::string format_meta_properties(meta_properties const& meta, std::int64_t now_ms) {
  auto now = fmt::gmtime(static_cast<std::time_t>(now_ms / 1000));
  auto text = fmt::format("#\n#{:%a %b %d %H:%M:%S} UTC {:%Y}\n", now, now);
  if (meta.cluster_id) text += fmt::format("cluster.id={}\n", *meta.cluster_id);
  if (meta.directory_id) text += fmt::format("directory.id={}\n", *meta.directory_id);
  text += fmt::format("version={}\n", meta.version);
  if (meta.broker_id) text += fmt::format("broker.id={}\n", *meta.broker_id);
  return text;
}

expected<meta_properties, error> parse_meta_properties(std::string_view text,
                                                       std::string const& path) {
  auto properties = parse_properties(text, path);
  if (!properties) return unexpected<error>(properties.error());
  meta_properties meta;
  for (auto const& [name, value, line] : *properties) {
    auto parsed = number(value);
    if (name == "cluster.id") meta.cluster_id = value;
    if (name == "directory.id") meta.directory_id = value;
    if (name == "version" && parsed) meta.version = *parsed;
    if ((name == "broker.id" || name == "node.id") && parsed) meta.broker_id = parsed;
    if ((name == "version" || name == "broker.id" || name == "node.id") && !parsed) {
      return fail(errc::corrupt, "restore the file, or move the directory away to begin anew",
                  "{} line {}: {}={} is not a number", path, line, name, value);
    }
  }
  return meta;
}

task<expected<std::optional<meta_properties>, error>> read_meta_properties(std::string directory) {
  auto path = path_in(directory);
  auto text = co_await read_file(path, longest_meta_properties);
  if (!text && text.error() == errc::not_found) co_return std::optional<meta_properties>{};
  if (!text) {
    co_return fail(text.error(), "make the directory and its files readable for this user",
                   "cannot read {}: {}", path, describe(text.error()));
  }
  auto parsed = parse_meta_properties(*text, path);
  if (!parsed) co_return unexpected<error>(parsed.error());
  co_return std::optional<meta_properties>{std::move(*parsed)};
}

task<expected<void, error>> write_meta_properties(std::string directory, meta_properties meta) {
  auto now = core::current().clock().wall_now();
  auto path = path_in(directory);
  auto written = co_await write_file_atomically(path, format_meta_properties(meta, now));
  if (!written) {
    co_return fail(written.error(), "check the disk and the owner of the directory",
                   "cannot write {}: {}", path, describe(written.error()));
  }
  co_return expected<void, error>{};
}

}  // namespace karst::cluster
