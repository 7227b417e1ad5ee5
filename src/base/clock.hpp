// The steady clock, which a test can replace by one that it moves itself.
#pragma once

#include <algorithm>
#include <cstdint>

#include <chaperon/duration.hpp>

namespace chaperon {

/// Tells the time: the machine's steady clock, or a virtual one that moves only when advance_to() is called.
/// Belongs to one thread.
///
/// A loop reads its clock several times for each request. Where the kernel takes the time from the
/// processor's counter of cycles (clock source `tsc`), so does this, for a third of the price: synchronise()
/// tells what the counter means. Elsewhere it asks the kernel each time. It never goes back, unless the
/// counter has jumped, as it does when a virtual machine moves.
class Clock {
 public:
  /// The machine's steady clock; a fresh read each time (some 10 ns once synchronised, else 30).
  Clock() = default;
  /// A virtual clock that stands at `start`.
  explicit Clock(Instant start) : virtual_(true), virtual_now_(start) {}

  [[nodiscard]] Instant now() const noexcept {
#if defined(__x86_64__)
    if (scale_ != 0) return std::max(floor_, base_ + since_base(__builtin_ia32_rdtsc()));
#endif
    return virtual_ ? virtual_now_ : std::chrono::steady_clock::now();
  }
  [[nodiscard]] bool is_virtual() const noexcept {
    return virtual_;
  }
  /// Moves a virtual clock to `instant`; never back.
  void advance_to(Instant instant) noexcept {
    if (instant > virtual_now_) virtual_now_ = instant;
  }
  /// To be called again and again: compares the counter of cycles with the kernel's clock, at most once in a
  /// millisecond.
  void synchronise() noexcept;

 private:
  __extension__ using Wide = unsigned __int128;

  [[nodiscard]] Duration since_base(std::uint64_t ticks) const noexcept {
    // Another processor's counter may be some ticks behind.
    if (ticks <= base_ticks_) return Duration::zero();
    return Duration(static_cast<std::int64_t>((Wide{ticks - base_ticks_} * scale_) >> 32U));
  }

  bool virtual_ = false;
  Instant virtual_now_{};

  std::uint64_t scale_ = 0;  // nanoseconds to a tick, times 2^32; 0: not known, or no counter to be used
  std::uint64_t base_ticks_ = 0;
  Instant base_{};
  Instant floor_{};  // stands still for some nanoseconds where it has been ahead
  // Where the present measurement of the scale began.
  std::uint64_t first_ticks_ = 0;
  Instant first_{};
};

/// The machine's steady clock.
inline Instant steady_now() noexcept {
  return std::chrono::steady_clock::now();
}

/// `start` + `duration`, or the end of time where that would overflow: kForever means no deadline.
constexpr Instant deadline_after(Instant start, Duration duration) noexcept {
  return duration >= Instant::max() - start ? Instant::max() : start + duration;
}

/// A duration in seconds.
constexpr double in_seconds(Duration duration) noexcept {
  return std::chrono::duration<double>(duration).count();
}

/// The sum of two durations that are not negative; kForever where it would overflow.
constexpr Duration sum_of(Duration a, Duration b) noexcept {
  return b >= kForever - a ? kForever : a + b;
}

}  // namespace chaperon
