// A reactor for tests: no descriptors, and time that jumps to the next deadline instead of passing.
#pragma once

#include <atomic>

#include "base/clock.hpp"
#include "runtime/reactor.hpp"

namespace chaperon::runtime {

/// Moves a virtual clock. A loop that would wait for ever with nothing to wake it finds idle() set.
class VirtualReactor final : public Reactor {
 public:
  explicit VirtualReactor(Clock& clock) : clock_(clock) {}

  /// False, with errno ENOTSUP: there is no I/O here.
  bool add(int descriptor, IoHandler& handler) override;
  bool hand_over(int descriptor, IoHandler& handler) override { return add(descriptor, handler); }
  void forget(IoHandler& handler) noexcept override;
  void wait(Instant now, Instant deadline) override;
  std::size_t deliver() override { return 0; }
  void pause(Duration /*time*/) override {}
  [[nodiscard]] Instant woke_at() const noexcept override { return clock_.now(); }
  void wake() noexcept override { woken_.store(true); }

  /// Makes add() take descriptors, of which nothing will ever be heard: of peers that never answer.
  void watch_in_silence() noexcept { silent_ = true; }

  /// Whether the last wait() had neither a deadline nor a wake-up: nothing will ever happen again.
  [[nodiscard]] bool idle() const noexcept { return idle_; }

 private:
  Clock& clock_;
  std::atomic<bool> woken_ = false;
  bool idle_ = false;
  bool silent_ = false;
};

}  // namespace chaperon::runtime
