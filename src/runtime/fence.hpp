// A moment after which loops must do nothing more.
#pragma once

#include <atomic>
#include <cstdint>

#include <chaperon/duration.hpp>

namespace chaperon::runtime {

/// Lets loops run until a moment that is put off again and again by whoever may do so; once it has passed
/// they stand still for good, as if their thread had ended: no fiber runs, no event is dealt with, nothing is
/// sent. Loops look at it before each fiber, each batch of events and each sending, so it holds also for a
/// process that was stopped by a signal and goes on later. From any thread.
class Fence {
 public:
  /// Loops may run until `until`; an earlier moment than before is ignored.
  void extend(Instant until) noexcept {
    auto before = until_.load(std::memory_order_relaxed);
    const auto after = until.time_since_epoch().count();
    while (before < after && !until_.compare_exchange_weak(before, after, std::memory_order_relaxed)) {
    }
  }
  /// The moment is now, and for good.
  void close() noexcept { closed_.store(true, std::memory_order_relaxed); }
  /// Whether the moment has come.
  [[nodiscard]] bool passed(Instant now) const noexcept {
    return closed_.load(std::memory_order_relaxed) ||
           now.time_since_epoch().count() >= until_.load(std::memory_order_relaxed);
  }

 private:
  std::atomic<Duration::rep> until_{0};
  std::atomic<bool> closed_{false};
};

}  // namespace chaperon::runtime
