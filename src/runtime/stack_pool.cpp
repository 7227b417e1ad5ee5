#include "runtime/stack_pool.hpp"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <fstream>

#include <sys/mman.h>
#include <unistd.h>

#include "runtime/sanitizers.hpp"

#ifdef CHAPERON_ASAN
#include <sanitizer/lsan_interface.h>
#endif

namespace chaperon::runtime {
namespace {

constexpr std::size_t kStacksPerSlab = 64;
constexpr std::size_t kSmallestStack = 32 * 1024;
constexpr std::uint64_t kCanary = 0x636861706572306eU;
// In <sys/mman.h> only from glibc 2.42 on.
constexpr int kGuardInstall = 102;

#ifdef CHAPERON_ASAN
// Sanitized code needs several times the stack: red zones around every variable.
constexpr std::size_t kSanitizerFactor = 4;
#else
constexpr std::size_t kSanitizerFactor = 1;
#endif

// Mappings that mprotect guards may still use up, for the whole process: half of the limit stays for
// everything else.
std::atomic<long>& guard_mappings_left() {
  static std::atomic<long> left = [] {
    long limit = 65530;
    std::ifstream("/proc/sys/vm/max_map_count") >> limit;
    return limit / 2;
  }();
  return left;
}

std::byte* page_floor(std::byte* address) noexcept {
  return address - (reinterpret_cast<std::uintptr_t>(address) % page_size());
}

}  // namespace

std::size_t page_size() noexcept {
  static const auto size = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  return size;
}

void discard_pages(std::byte* from, std::byte* to) noexcept {
  std::byte* first = page_floor(from + page_size() - 1);
  std::byte* last = page_floor(to);
  if (first < last) ::madvise(first, static_cast<std::size_t>(last - first), MADV_DONTNEED);
}

StackPool::StackPool(std::size_t stack_size, GuardKind guard)
    : stack_size_(stack_size == 0 ? kDefaultSize : stack_size), guard_kind_(guard) {
#ifdef CHAPERON_ASAN
  // LeakSanitizer reads the stacks, and sees only guards that are in the list of mappings.
  if (guard_kind_ == GuardKind::light) guard_kind_ = GuardKind::mapping;
#endif
  stack_size_ = std::max(stack_size_, kSmallestStack) * kSanitizerFactor;
  stack_size_ = (stack_size_ + page_size() - 1) / page_size() * page_size();
}

StackPool::~StackPool() {
#ifdef CHAPERON_ASAN
  // What abandoned fibers hold was given up on purpose: as long as their stacks are there it is no leak.
  if (free_.size() < slabs_.size() * kStacksPerSlab) return;
#endif
  for (const auto& slab : slabs_) {
#ifdef CHAPERON_ASAN
    __lsan_unregister_root_region(slab.base, slab.size);
#endif
    ::munmap(slab.base, slab.size);
  }
}

bool StackPool::add_slab() {
  Stack slab{.base = nullptr, .size = stack_size_ * kStacksPerSlab};
  void* memory =
      ::mmap(nullptr, slab.size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) return false;
  slab.base = static_cast<std::byte*>(memory);
  // A huge page would make 2 MiB of one touched byte.
  ::madvise(slab.base, slab.size, MADV_NOHUGEPAGE);
#ifdef CHAPERON_ASAN
  // What a parked or abandoned fiber owns is not leaked.
  __lsan_register_root_region(slab.base, slab.size);
#endif
  slabs_.push_back(slab);
  for (std::size_t i = kStacksPerSlab; i-- > 0;) {
    Stack stack{.base = slab.base + (i * stack_size_), .size = stack_size_};
    guard(stack);
    free_.push_back(stack);
  }
  return true;
}

void StackPool::guard(Stack& stack) noexcept {
  const std::size_t bytes = kGuardPages * page_size();
  if (guard_kind_ == GuardKind::light) {
    if (::madvise(stack.base, bytes, kGuardInstall) == 0) return;
    guard_kind_ = GuardKind::mapping;
  }
  if (guard_kind_ == GuardKind::mapping) {
    if (guard_mappings_left().fetch_sub(2, std::memory_order_relaxed) > 0 &&
        ::mprotect(stack.base, bytes, PROT_NONE) == 0) {
      return;
    }
    guard_kind_ = GuardKind::canary;
  }
  // This costs a touched page, so it is the last resort.
  stack.canary = true;
  std::memcpy(stack.base + bytes, &kCanary, sizeof kCanary);
}

bool StackPool::canary_broken(const Stack& stack) noexcept {
  if (!stack.canary) return false;
  std::uint64_t found = 0;
  std::memcpy(&found, stack.base + (kGuardPages * page_size()), sizeof found);
  return found != kCanary;
}

Stack StackPool::acquire() {
  if (free_.empty() && !add_slab()) return {};
  const Stack stack = free_.back();
  free_.pop_back();
  return stack;
}

void StackPool::release(const Stack& stack) noexcept {
  // The canary's page stays.
  std::byte* bottom = stack.base + ((kGuardPages + (stack.canary ? 1 : 0)) * page_size());
  discard_pages(bottom, stack.top() - page_size());
  free_.push_back(stack);
}

}  // namespace chaperon::runtime
