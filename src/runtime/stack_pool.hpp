// Stacks for fibers: address space is cheap, touched pages are not.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace chaperon::runtime {

/// The memory of one stack, guard included. It grows down from top().
struct Stack {
  std::byte* base = nullptr;  ///< lowest address: the guard stands here
  std::size_t size = 0;       ///< bytes, guard included
  bool canary = false;        ///< no guard page was to be had: a canary stands in its place

  [[nodiscard]] std::byte* top() const noexcept { return base + size; }
  [[nodiscard]] explicit operator bool() const noexcept { return base != nullptr; }
};

/// How a stack is kept from growing into its neighbour.
enum class GuardKind : std::uint8_t {
  light,    ///< MADV_GUARD_INSTALL: needs no memory mapping of its own (Linux 6.13 and later)
  mapping,  ///< mprotect: costs two of the process's 65,530 mappings
  canary,   ///< only checked at each switch
};

/// Hands out stacks of one size from large mapped slabs and takes them back. Not thread-safe: one pool a
/// loop.
class StackPool {
 public:
  static constexpr std::size_t kDefaultSize = 256 * 1024;
  static constexpr std::size_t kGuardPages = 4;

  /// `stack_size` is rounded up to whole pages; 0 is kDefaultSize. Guard included, a stack has at least 32
  /// KiB. `guard`: the kind to begin with, where the machine has it.
  explicit StackPool(std::size_t stack_size = 0, GuardKind guard = GuardKind::light);
  ~StackPool();
  StackPool(const StackPool&) = delete;
  StackPool& operator=(const StackPool&) = delete;

  /// A stack, with the guard in place; an empty one if the machine has no memory or no mapping left.
  Stack acquire();
  /// Takes a stack back. Its pages but the topmost return to the machine.
  void release(const Stack& stack) noexcept;

  [[nodiscard]] std::size_t stack_size() const noexcept { return stack_size_; }
  [[nodiscard]] GuardKind guard_kind() const noexcept { return guard_kind_; }

  /// Whether the canary at the stack's lower end, if it has one, was overwritten.
  [[nodiscard]] static bool canary_broken(const Stack& stack) noexcept;

 private:
  bool add_slab();
  void guard(Stack& stack) noexcept;

  std::size_t stack_size_;
  GuardKind guard_kind_;
  std::vector<Stack> free_;
  std::vector<Stack> slabs_;
};

/// The size of a page of memory, in bytes.
std::size_t page_size() noexcept;

/// Returns the pages of [from, to) to the machine; only whole pages in between.
void discard_pages(std::byte* from, std::byte* to) noexcept;

}  // namespace chaperon::runtime
