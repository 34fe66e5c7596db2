#include <cstdio>

int main() {
  std::puts("karst " KARST_VERSION);
  return 0;
}
