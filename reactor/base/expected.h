#pragma once

#include <fmt/format.h>

#include <expected>
#include <string>
#include <utility>

#include "reactor/base/errc.h"

namespace karst {

// An error that a person will read: what could not be done, where, why, and what to do about it.
// One line, no full stop.
struct error {
  errc code = errc::io_error;
  std::string what;    // "cannot lock /data/karst: held by karst, pid 4711"
  std::string remedy;  // "stop it, or give this node another log.dirs"; empty when there is none

  std::string message() const {
    return remedy.empty() ? what : fmt::format("{}; {}", what, remedy);
  }
};

// Hot paths use errc; everything that a person will read uses error. Always [[nodiscard]] at the
// declaration of the function.
template <typename T = void, typename E = errc>
using expected = std::expected<T, E>;

template <typename E>
using unexpected = std::unexpected<E>;

// fail(errc::closed), or fail(code, remedy, "cannot open {}: {}", path, describe(code)).
inline unexpected<errc> fail(errc code) { return unexpected<errc>(code); }

template <typename... Args>
unexpected<error> fail(errc code, std::string remedy, fmt::format_string<Args...> format,
                       Args&&... args) {
  return unexpected<error>(
      error{code, fmt::format(format, std::forward<Args>(args)...), std::move(remedy)});
}

}  // namespace karst
