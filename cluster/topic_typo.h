#pragma once

#include <string_view>

namespace karst::cluster {

// Whether one topic's name looks like the other's with a slip of the finger: one edit, or two in
// names of eight characters and more. Names that differ only in digits are a series ("orders-1",
// "orders-2"), and very short names are all near each other: both are no typos. Cheap where the
// lengths differ by more.
bool may_be_typo(std::string_view name, std::string_view other);

}  // namespace karst::cluster
