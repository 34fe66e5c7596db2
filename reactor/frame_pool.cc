#include "reactor/frame_pool.h"

#include <array>
#include <new>

#include "reactor/base/units.h"

namespace karst {
namespace {

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
constexpr bool pooled = false;
#else
constexpr bool pooled = true;
#endif
#endif

// Classes of 64 bytes up to 4 KiB: measured frames of handlers are 200 to 1,500 bytes.
constexpr std::size_t granularity = 64;
constexpr std::size_t classes = 64;

struct free_frame_link {
  free_frame_link* next;
};

struct frame_lists {
  std::array<free_frame_link*, classes> free{};
  ~frame_lists() {
    for (auto*& list : free) {
      while (list != nullptr) {
        auto* frame = list;
        list = frame->next;
        ::operator delete(frame);
      }
    }
  }
};

thread_local frame_lists lists;

std::size_t class_of(std::size_t size) { return (size - 1) / granularity; }

}  // namespace

void* allocate_frame(std::size_t size) {
  if (auto index = class_of(size); pooled && index < classes) {
    if (auto* frame = lists.free[index]) {
      lists.free[index] = frame->next;
      return frame;
    }
    return ::operator new((index + 1) * granularity);
  }
  return ::operator new(size);
}

void free_frame(void* frame, std::size_t size) {
  if (auto index = class_of(size); pooled && index < classes) {
    lists.free[index] = new (frame) free_frame_link{lists.free[index]};
    return;
  }
  ::operator delete(frame);
}

}  // namespace karst
