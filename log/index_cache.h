#pragma once

#include <cstddef>

#include "reactor/base/intrusive_list.h"

namespace karst::log {

// What sealed segments hold in memory of their indexes, for one core in one directory: at most so
// many bytes; the one unused longest is given up first and read again from its files when it is
// needed. Indexes of active segments are not counted here: segment.index.bytes bounds each. Lives
// with its log_manager, longer than all segments.
class index_cache {
 public:
  // A sealed segment's indexes, while they are loaded. Its owner implements give_up().
  class entry : public list_link {
   public:
    entry() = default;
    entry(entry const&) = delete;
    entry& operator=(entry const&) = delete;
    virtual ~entry() { leave(); }
    // Not counted any more: they were dropped, or belong to an active segment again.
    void leave();

   private:
    friend class index_cache;
    virtual void give_up() = 0;
    index_cache* cache_ = nullptr;
    std::size_t bytes_ = 0;
  };

  explicit index_cache(std::size_t bytes_most) : bytes_most_(bytes_most) {}
  // Just used, with so many bytes. Others may be given up for it, never itself.
  void use(entry& used, std::size_t bytes);
  std::size_t bytes() const { return bytes_; }

 private:
  intrusive_list<entry> entries_;  // the one unused longest first
  std::size_t bytes_ = 0;
  std::size_t bytes_most_;
};

}  // namespace karst::log
