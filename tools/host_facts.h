#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace karst::tools {

// What the command line tools ask the operating system at their start; the broker itself never
// does.

// All environment variables.
std::vector<std::pair<std::string, std::string>> environment();
// An address of this machine that others can reach: the one that the default route leaves by, else
// the first that is not loopback, else 127.0.0.1.
std::string host_address();
// The options that the file system of a path is mounted with: "rw,relatime,discard". Empty where
// /proc/self/mountinfo does not know its device (overlays, btrfs).
std::string mount_options(std::string const& path);
// The same by such a file's text, proc_pid_mountinfo(5), and the device's numbers.
std::string mount_options(std::string_view mountinfo, unsigned major, unsigned minor);
// Whether a list of options has one that is exactly this.
bool has_option(std::string_view options, std::string_view option);

}  // namespace karst::tools
