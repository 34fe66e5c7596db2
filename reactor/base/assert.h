#pragma once

#include <fmt/format.h>

#include <string>

namespace karst {

// Prints where, what and the values, then aborts: for what cannot happen unless the program is
// wrong.
[[noreturn]] void assertion_failed(char const* file, int line, char const* condition,
                                   std::string const& values);

}  // namespace karst

// Always on, in every build. Further arguments are a fmt format and the values to print:
// KARST_ASSERT(a <= b, "a {} b {}", a, b).
#define KARST_ASSERT(condition, ...)                                                            \
  do {                                                                                          \
    if (!(condition)) [[unlikely]]                                                              \
      ::karst::assertion_failed(__FILE__, __LINE__, #condition, ::fmt::format("" __VA_ARGS__)); \
  } while (false)
