// How much memory a group of histograms may take together.
#pragma once

#include <cassert>
#include <cstddef>

namespace chaperon::metrics {

/// Counts the bytes that the histograms of one owner hold, up to a limit. A histogram does not know its
/// owner: whoever records into it says which budget pays. Not for use by several threads.
class MemoryBudget {
 public:
  explicit MemoryBudget(std::size_t limit) noexcept : limit_(limit) {}

  /// Takes `bytes` and returns true, or takes nothing and returns false if they are not left.
  [[nodiscard]] bool take(std::size_t bytes) noexcept {
    if (used_ >= limit_ || bytes > limit_ - used_) return false;
    used_ += bytes;
    return true;
  }
  /// Takes `bytes` even where the limit is passed: for what exists already, or cannot be made smaller.
  void take_anyway(std::size_t bytes) noexcept { used_ += bytes; }
  /// Gives back `bytes` that were taken.
  void give_back(std::size_t bytes) noexcept {
    assert(bytes <= used_);
    used_ -= bytes;
  }

  [[nodiscard]] std::size_t used() const noexcept { return used_; }    ///< bytes
  [[nodiscard]] std::size_t limit() const noexcept { return limit_; }  ///< bytes

 private:
  std::size_t limit_;
  std::size_t used_ = 0;
};

}  // namespace chaperon::metrics
