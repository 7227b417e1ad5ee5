// What a loop waits on: readiness of file descriptors, and the passing of time.
#pragma once

#include <cstddef>
#include <cstdint>

#include <chaperon/duration.hpp>

namespace chaperon::runtime {

/// Something with a file descriptor that wants to hear of it.
class IoHandler {
 public:
  virtual ~IoHandler() = default;
  /// Called on the loop's stack with what became true since the last call (edge-triggered).
  virtual void on_io(bool readable, bool writable, bool hung_up) = 0;
};

/// Waits for events of one loop. Used by that loop's thread alone, except wake().
class Reactor {
 public:
  virtual ~Reactor() = default;

  /// Registers a descriptor, once, for reading, writing and hang-up, edge-triggered; false if the kernel
  /// refuses (errno). Closing the descriptor ends it.
  virtual bool add(int descriptor, IoHandler& handler) = 0;

  /// Gives a descriptor that was added to another handler, which hears anew of all that is true of it; false
  /// if the kernel refuses (errno). What was collected for the handler before is still delivered to that one.
  virtual bool hand_over(int descriptor, IoHandler& handler) = 0;

  /// Forgets events of this handler that were collected but not delivered yet: for one that is destroyed at
  /// once. One that is given to EventLoop::destroy_later() outlives them, and still hears of them.
  virtual void forget(IoHandler& handler) noexcept = 0;

  /// Waits until something is ready, `deadline` has come, or wake() was called. `now` is the present; a
  /// deadline not after it means: do not wait. Instant::max(): no deadline.
  virtual void wait(Instant now, Instant deadline) = 0;

  /// Delivers the events that the last wait() has collected; returns how many.
  virtual std::size_t deliver() = 0;

  /// Lets time pass without delivering anything, so that events gather; wake() does not end it.
  virtual void pause(Duration time) = 0;

  /// When the last wait() returned from the kernel.
  [[nodiscard]] virtual Instant woke_at() const noexcept = 0;

  /// Makes the present or the next wait() return early. From any thread.
  virtual void wake() noexcept = 0;
};

}  // namespace chaperon::runtime
