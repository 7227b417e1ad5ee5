// Counts what is allocated on the heap, by operator new as well as by libraries in C.
#pragma once

#include <cstddef>

namespace chaperon::test {

/// Whether this thread counts. CHAPERON_SHOW_ALLOCATIONS=1 in the environment shows where the first
/// allocations come from.
extern constinit thread_local bool counting;
/// How many allocations there were while it counted.
extern constinit thread_local std::size_t allocations;
/// How many more allocations than releases there were while it counted.
extern constinit thread_local std::ptrdiff_t held;

}  // namespace chaperon::test
