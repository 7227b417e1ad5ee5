#include "allocation/allocation_counter.hpp"

#include <cstdlib>

#include <execinfo.h>
#include <unistd.h>

// It replaces the functions that allocate, so it is linked into no other executable of tests.

namespace chaperon::test {

constinit thread_local bool counting = false;
constinit thread_local std::size_t allocations = 0;
constinit thread_local std::ptrdiff_t held = 0;

namespace {

void count_allocation() noexcept {
  if (!counting) return;
  counting = false;
  ++allocations;
  if (std::getenv("CHAPERON_SHOW_ALLOCATIONS") != nullptr && allocations <= 20) {
    void* frames[16];
    const int depth = ::backtrace(frames, 16);
    ::backtrace_symbols_fd(frames, depth, STDERR_FILENO);
    static_cast<void>(::write(STDERR_FILENO, "\n", 1));
  }
  counting = true;
}

void count_held(int change) noexcept {
  if (counting) held += change;
}

}  // namespace
}  // namespace chaperon::test

// Operator new comes to malloc as well, as do the libraries in C.
extern "C" {
void* __libc_malloc(std::size_t size);                     // NOLINT(bugprone-reserved-identifier)
void* __libc_calloc(std::size_t count, std::size_t size);  // NOLINT(bugprone-reserved-identifier)
void* __libc_realloc(void* memory, std::size_t size);      // NOLINT(bugprone-reserved-identifier)
void __libc_free(void* memory);                            // NOLINT(bugprone-reserved-identifier)
void* malloc(std::size_t size) {
  chaperon::test::count_allocation();
  chaperon::test::count_held(1);
  return __libc_malloc(size);
}
void* calloc(std::size_t count, std::size_t size) {
  chaperon::test::count_allocation();
  chaperon::test::count_held(1);
  return __libc_calloc(count, size);
}
void* realloc(void* memory, std::size_t size) {
  chaperon::test::count_allocation();
  if (memory == nullptr) chaperon::test::count_held(1);
  return __libc_realloc(memory, size);
}
void free(void* memory) {
  if (memory != nullptr) chaperon::test::count_held(-1);
  __libc_free(memory);
}
}
