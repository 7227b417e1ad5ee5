// The reactor on Linux's epoll.
#pragma once

#include <array>

#include <sys/epoll.h>

#include "base/clock.hpp"
#include "runtime/reactor.hpp"

namespace chaperon::runtime {

/// Edge-triggered epoll with nanosecond deadlines (epoll_pwait2, Linux 5.11; a timerfd where that is
/// missing).
class EpollReactor final : public Reactor {
 public:
  /// Throws std::system_error if the kernel gives no descriptor.
  explicit EpollReactor(Clock& clock);
  ~EpollReactor() override;
  EpollReactor(const EpollReactor&) = delete;
  EpollReactor& operator=(const EpollReactor&) = delete;

  bool add(int descriptor, IoHandler& handler) override;
  bool hand_over(int descriptor, IoHandler& handler) override;
  void forget(IoHandler& handler) noexcept override;
  void wait(Instant now, Instant deadline) override;
  std::size_t deliver() override;
  void pause(Duration time) override;
  [[nodiscard]] Instant woke_at() const noexcept override { return woke_at_; }
  void wake() noexcept override;

 private:
  static constexpr int kEvents = 256;
  bool control(int operation, int descriptor, IoHandler& handler) const noexcept;
  int wait_for_events(Instant now, Instant deadline);

  Clock& clock_;
  int epoll_;
  int wake_;
  int timer_ = -1;
  std::array<epoll_event, kEvents> events_{};
  int event_count_ = 0;
  Instant woke_at_{};
};

}  // namespace chaperon::runtime
