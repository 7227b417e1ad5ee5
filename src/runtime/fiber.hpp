// A fiber: a stack of its own, and what is needed to leave it and come back.
#pragma once

#include <cstdint>
#include <exception>
#include <string>
#include <string_view>

#include "runtime/sanitizers.hpp"
#include "runtime/stack_pool.hpp"
#include "runtime/timer_queue.hpp"

namespace chaperon::runtime {

class EventLoop;

/// Why a suspended fiber goes on.
enum class Wake : std::uint8_t {
  ready,      ///< what it waited for has happened
  deadline,   ///< it has not, in time
  cancelled,  ///< the fiber was cancelled
};

/// How a fiber came to an end.
enum class FiberEnd : std::uint8_t {
  returned,    ///< its main function returned
  terminated,  ///< std::terminate was reached on it (a throwing destructor, a noexcept function)
  overflowed,  ///< it used up its stack
  hung,        ///< it ran without waiting until the watchdog took it off the loop
};

/// What a fiber runs, and whom it tells of its end.
class FiberMain {
 public:
  virtual ~FiberMain() = default;
  /// Runs on the fiber. Exceptions must not leave it.
  virtual void run() = 0;
  /// Called on the loop's stack when the fiber has ended and is no more. If it did not return by itself it
  /// was abandoned: nothing on its stack is destroyed, and `why` says what happened.
  virtual void ended(FiberEnd end, std::string_view why) = 0;
};

/// Created by EventLoop::spawn(), lives at the top of its own stack, belongs to one loop and its thread.
class Fiber final : public Timer {
 public:
  // Only its loop ends it.
  ~Fiber() override = default;

  /// Marks the fiber cancelled for good and wakes it if it waits. On the loop's thread; not from the fiber
  /// itself while it waits uninterruptibly.
  void cancel() noexcept;
  [[nodiscard]] bool cancelled() const noexcept { return cancelled_; }
  /// Forgets a cancellation (the deadline of a teardown that has ended).
  void clear_cancellation() noexcept { cancelled_ = false; }

  /// Wakes the fiber if it waits; else nothing. On the loop's thread.
  void wake() noexcept { wake(Wake::ready); }
  [[nodiscard]] bool waiting() const noexcept { return state_ == State::waiting; }

  [[nodiscard]] EventLoop& loop() const noexcept { return loop_; }
  [[nodiscard]] FiberMain& main() const noexcept { return main_; }
  [[nodiscard]] const Stack& stack() const noexcept { return stack_; }

 private:
  friend class EventLoop;
  friend struct Departure;
  enum class State : std::uint8_t { ready, running, waiting, ended };

  // The C++ runtime keeps the exceptions in flight per thread; a fiber that suspends inside a catch block
  // takes its own along. The layout is the Itanium C++ ABI's __cxa_eh_globals.
  struct ExceptionState {
    void* caught = nullptr;
    unsigned uncaught = 0;
  };

  Fiber(EventLoop& loop, FiberMain& main, const Stack& stack);
  void on_timer() override { wake(Wake::deadline); }
  void wake(Wake reason) noexcept;

  EventLoop& loop_;
  FiberMain& main_;
  Stack stack_;
  void* context_ = nullptr;
  Fiber* next_ready_ = nullptr;
  ExceptionState exceptions_;
  State state_ = State::waiting;
  Wake wake_reason_ = Wake::ready;
  bool cancelled_ = false;
  bool uninterruptible_ = false;
#ifdef CHAPERON_ASAN
  void* fake_stack_ = nullptr;
#endif
#ifdef CHAPERON_TSAN
  void* tsan_fiber_ = nullptr;
#endif
};

}  // namespace chaperon::runtime
