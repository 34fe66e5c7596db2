#include "reactor/base/assert.h"

#include <cstdio>
#include <cstdlib>

namespace karst {

void assertion_failed(char const* file, int line, char const* condition,
                      std::string const& values) {
  std::fprintf(stderr, "assertion failed: %s:%d: %s %s\n", file, line, condition, values.c_str());
  std::fflush(stderr);
  std::abort();
}

}  // namespace karst
