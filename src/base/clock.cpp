#include "base/clock.hpp"

#include <fstream>
#include <string>

namespace chaperon {

#if defined(__x86_64__)

namespace {

constexpr Duration kInterval = 1ms;
// What the two clocks may drift apart in an interval: the kernel's is slewed by 0.05 % at most. More means
// that the counter has jumped, as it does when a virtual machine moves.
constexpr Duration kMostDrift = 20us;
// The scale is measured over this time at least.
constexpr Duration kLeastMeasured = 5ms;
// Two reads in a row that are further apart were interrupted, and do not belong together.
constexpr std::uint64_t kMostTicksApart = 8192;

// The kernel takes its time from the counter only where all processors' agree and none ever stops.
bool counter_is_trusted() {
  std::ifstream file("/sys/devices/system/clocksource/clocksource0/current_clocksource");
  std::string name;
  return std::getline(file, name) && name == "tsc";
}

}  // namespace

void Clock::synchronise() noexcept {
  static const bool trusted = counter_is_trusted();
  if (virtual_ || !trusted) return;
  const auto before = __builtin_ia32_rdtsc();
  const Instant told = base_ + since_base(before);
  if (scale_ != 0 && told - base_ < kInterval) return;

  const Instant actual = std::chrono::steady_clock::now();
  const auto after = __builtin_ia32_rdtsc();
  const auto ticks = before + (after - before) / 2;
  if (after - before > kMostTicksApart) return;
  const Duration most = kMostDrift + (actual - base_) / 1000;
  const bool jumped = scale_ != 0 && (actual - told > most || told - actual > most);
  if (first_ == Instant{} || jumped) {
    scale_ = 0;
    floor_ = {};
    first_ = actual;
    first_ticks_ = ticks;
    return;
  }
  if (actual - first_ < kLeastMeasured) return;
  const auto nanoseconds = static_cast<std::uint64_t>((actual - first_).count());
  // What was told so far; it is never gone back behind.
  if (scale_ != 0) floor_ = base_ + since_base(ticks);
  scale_ = static_cast<std::uint64_t>((Wide{nanoseconds} << 32U) / (ticks - first_ticks_));
  base_ = actual;
  base_ticks_ = ticks;
}

#else

void Clock::synchronise() noexcept {}

#endif

}  // namespace chaperon
