// Leaving a fiber for its loop, whether it will come back or not.
#pragma once

#include "runtime/event_loop.hpp"

namespace chaperon::runtime {

/// The switches between a loop and its fibers. A struct of static functions so that loop and fiber name one
/// friend.
struct Departure {
  /// Where a new fiber starts.
  static void* make_context(std::byte* top, std::size_t size) noexcept;
  /// The first thing that a new fiber does.
  static void arrive(EventLoop& loop, void* loop_context) noexcept;
  /// On the loop's stack: goes into the fiber, and comes back when it leaves.
  static void enter(EventLoop& loop, Fiber& fiber) noexcept;
  /// On the fiber's stack: goes to the loop, and comes back when it is resumed.
  static void leave(EventLoop& loop, Fiber& fiber) noexcept;
  /// On the fiber's stack or in a signal handler that interrupted it: goes to the loop for good.
  [[noreturn]] static void abandon(EventLoop& loop, FiberEnd end) noexcept;
  /// Says why the fiber that runs now is about to be abandoned.
  static void note_reason(EventLoop& loop, std::string why) { loop.fiber_end_reason_ = std::move(why); }
  /// In a signal handler: the fiber that runs now has used up its stack, and goes on in a guard page until it
  /// leaves for the loop; there it ends as FiberEnd::overflowed.
  static void note_opened_guard(EventLoop& loop) noexcept {
    loop.guard_opened_.store(true, std::memory_order_relaxed);
  }
  /// Whether the watchdog still means the fiber that runs now.
  static bool interrupt_wanted(const EventLoop& loop) noexcept {
    return loop.interrupt_at_.load(std::memory_order_relaxed) ==
           loop.switches_.load(std::memory_order_relaxed);
  }
};

/// Catches what a fiber cannot survive, but the process can: std::terminate, a stack overflow (SIGSEGV in a
/// guard page), the watchdog's interrupt. Process-wide, installed once.
void install_fault_handlers();

/// An alternate stack for this thread's signal handlers, as long as it lives.
class SignalStack {
 public:
  SignalStack();
  ~SignalStack();
  SignalStack(const SignalStack&) = delete;
  SignalStack& operator=(const SignalStack&) = delete;

 private:
  std::unique_ptr<std::byte[]> memory_;
};

/// The signal that interrupt_fiber() sends.
int interrupt_signal() noexcept;

/// On a thread whose fiber has been abandoned by the watchdog's interrupt, which left the signal blocked.
void accept_interrupts() noexcept;

}  // namespace chaperon::runtime
