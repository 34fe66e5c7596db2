#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace karst {

// The folders of this process's cgroup (v2) and of all above it: a limit may be set at any level.
// Empty without the unified hierarchy.
std::vector<std::string> own_cgroups();
// The number that a file begins with; nullopt for "max" and for a missing file.
std::optional<std::uint64_t> read_number(std::string const& path);

}  // namespace karst
