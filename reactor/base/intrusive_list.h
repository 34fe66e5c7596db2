#pragma once

#include <cstddef>

#include "reactor/base/assert.h"

namespace karst {

// A member or base of an object that can stand in one intrusive_list at a time. Unlinks itself when
// destroyed.
class list_link {
 public:
  list_link() = default;
  list_link(list_link const&) = delete;
  list_link& operator=(list_link const&) = delete;
  ~list_link() { unlink(); }

  bool linked() const { return next_ != nullptr; }
  void unlink() {
    if (!linked()) return;
    previous_->next_ = next_;
    next_->previous_ = previous_;
    next_ = previous_ = nullptr;
  }

 private:
  template <typename T>
  friend class intrusive_list;
  list_link* next_ = nullptr;
  list_link* previous_ = nullptr;
};

// Doubly linked, owns nothing, allocates nothing. T derives from list_link. Neither copied nor
// moved.
template <typename T>
class intrusive_list {
 public:
  intrusive_list() { root_.next_ = root_.previous_ = &root_; }
  ~intrusive_list() {
    while (!empty()) root_.next_->unlink();
    root_.next_ = root_.previous_ = nullptr;
  }
  intrusive_list(intrusive_list const&) = delete;
  intrusive_list& operator=(intrusive_list const&) = delete;

  bool empty() const { return root_.next_ == &root_; }
  // The caller of front() and back() knows that the list is not empty.
  T& front() { return static_cast<T&>(*root_.next_); }
  T& back() { return static_cast<T&>(*root_.previous_); }

  void push_back(T& item) { insert_before(root_, item); }
  void push_front(T& item) { insert_before(*root_.next_, item); }
  T* pop_front() {
    if (empty()) return nullptr;
    auto& item = front();
    item.list_link::unlink();
    return &item;
  }
  // Moves all of `other` to this list's end.
  void append(intrusive_list& other) {
    if (other.empty()) return;
    auto* first = other.root_.next_;
    auto* last = other.root_.previous_;
    other.root_.next_ = other.root_.previous_ = &other.root_;
    first->previous_ = root_.previous_;
    root_.previous_->next_ = first;
    last->next_ = &root_;
    root_.previous_ = last;
  }
  // The n-th item, for the simulated scheduler; nullptr when there are fewer.
  T* at(std::size_t n) {
    auto* link = root_.next_;
    for (; link != &root_; link = link->next_) {
      if (n-- == 0) return static_cast<T*>(link);
    }
    return nullptr;
  }
  // `visit` may unlink the item that it is given, and no other.
  template <typename Visit>
  void for_each(Visit visit) {
    for (auto* link = root_.next_; link != &root_;) {
      auto* next = link->next_;
      visit(static_cast<T&>(*link));
      link = next;
    }
  }

 private:
  void insert_before(list_link& where, T& item) {
    list_link& link = item;
    KARST_ASSERT(!link.linked());
    link.next_ = &where;
    link.previous_ = where.previous_;
    where.previous_->next_ = &link;
    where.previous_ = &link;
  }

  list_link root_;
};

}  // namespace karst
