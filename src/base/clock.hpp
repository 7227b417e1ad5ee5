// The steady clock, which a test can replace by one that it moves itself.
#pragma once

#include <chaperon/duration.hpp>

namespace chaperon {

/// Tells the time: the machine's steady clock, or a virtual one that moves only when advance() is called.
class Clock {
 public:
  /// The machine's steady clock; a fresh read each time (some 25 ns).
  Clock() = default;
  /// A virtual clock that stands at `start`.
  explicit Clock(Instant start) : virtual_(true), virtual_now_(start) {}

  [[nodiscard]] Instant now() const noexcept {
    return virtual_ ? virtual_now_ : std::chrono::steady_clock::now();
  }
  [[nodiscard]] bool is_virtual() const noexcept { return virtual_; }
  /// Moves a virtual clock to `instant`; never back.
  void advance_to(Instant instant) noexcept {
    if (instant > virtual_now_) virtual_now_ = instant;
  }

 private:
  bool virtual_ = false;
  Instant virtual_now_{};
};

/// `start` + `duration`, or the end of time where that would overflow: kForever means no deadline.
constexpr Instant deadline_after(Instant start, Duration duration) noexcept {
  return duration >= Instant::max() - start ? Instant::max() : start + duration;
}

/// The sum of two durations that are not negative; kForever where it would overflow.
constexpr Duration sum_of(Duration a, Duration b) noexcept {
  return b >= kForever - a ? kForever : a + b;
}

}  // namespace chaperon
