// One thread's loop: fibers, timers, I/O events and calls from other threads.
#pragma once

#include <atomic>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <pthread.h>

#include "base/clock.hpp"
#include "metrics/histogram.hpp"
#include "runtime/fence.hpp"
#include "runtime/fiber.hpp"
#include "runtime/reactor.hpp"
#include "runtime/stack_pool.hpp"
#include "runtime/timer_queue.hpp"

namespace chaperon::runtime {

class SignalStack;

/// Runs fibers. Everything but post(), stop() and the watchdog's calls belongs to the thread that calls
/// run().
class EventLoop {
 public:
  EventLoop(Clock& clock, Reactor& reactor, std::size_t stack_size = 0, GuardKind guard = GuardKind::light);
  ~EventLoop();
  EventLoop(const EventLoop&) = delete;
  EventLoop& operator=(const EventLoop&) = delete;

  /// Before run(): makes the loop stand still once `fence`, which outlives it, has passed.
  void set_fence(Fence& fence) noexcept { fence_ = &fence; }
  /// Whether the loop stands still because its fence has passed: nothing of it may be used or destroyed any
  /// more.
  [[nodiscard]] bool fenced() const noexcept { return fenced_; }
  /// For whoever is about to send something: whether it must not, because the fence has passed.
  [[nodiscard]] bool must_not_send() noexcept { return fence_ != nullptr && past_fence(now()); }

  /// Runs until stop() is called or the fence has passed, or, with a VirtualReactor, may be stepped by
  /// turn().
  void run();
  /// One turn: calls from other threads, due timers, ready fibers, then I/O; waits for I/O if there is
  /// nothing else.
  void turn();
  /// Makes run() return after the present turn. From any thread.
  void stop() noexcept;
  /// Has `call` made on the loop's thread, in the order of posting. From any thread.
  void post(std::function<void()> call);

  /// Creates a fiber that runs `main` from the next turn on. nullptr if there is no memory for its stack.
  Fiber* spawn(FiberMain& main);

  [[nodiscard]] Clock& clock() noexcept { return clock_; }
  [[nodiscard]] Instant now() const noexcept { return clock_.now(); }
  [[nodiscard]] TimerQueue& timers() noexcept { return timers_; }
  [[nodiscard]] Reactor& reactor() noexcept { return reactor_; }
  /// Destroys an object once the events at hand are delivered: it may be in the middle of one of its own
  /// calls, and events for it may be waiting.
  void destroy_later(std::unique_ptr<IoHandler> handler) { doomed_.push_back(std::move(handler)); }
  /// The fiber that runs now; nullptr on the loop's own stack.
  [[nodiscard]] Fiber* current() const noexcept { return current_; }
  /// The loop of this thread, or nullptr.
  static EventLoop* here() noexcept;

  // --- On a fiber --------------------------------------------------------------------------------

  /// The one suspension primitive. Leaves the fiber, calls `start()` on the loop's stack, and comes back when
  /// wake() was called, `deadline` has come, or the fiber was cancelled: exactly one of them. Comes back at
  /// once, without calling `start`, if the fiber is cancelled already. Rethrows what `start` throws.
  template <class Start>
  Wake suspend(Instant deadline, Start&& start) {
    Fiber& fiber = *current_;
    if (fiber.cancelled()) return Wake::cancelled;
    std::exception_ptr failure;
    auto guarded = [&]() noexcept {
      try {
        start();
      } catch (...) {
        failure = std::current_exception();
        fiber.wake();
      }
    };
    const Wake reason = wait(
        fiber, deadline, [](void* call) noexcept { (*static_cast<decltype(guarded)*>(call))(); }, &guarded);
    if (failure) std::rethrow_exception(std::move(failure));
    return reason;
  }
  Wake suspend(Instant deadline) {
    Fiber& fiber = *current_;
    if (fiber.cancelled()) return Wake::cancelled;
    return wait(fiber, deadline, nullptr, nullptr);
  }
  /// Waits for wake() alone, whatever happens: for work that uses the fiber's stack and cannot be called
  /// back.
  void suspend_uninterruptibly();

  /// Calls f on the loop's stack and comes back without letting anything else run. Rethrows what f throws.
  template <class F>
  void on_loop_stack(F&& f) {
    std::exception_ptr failure;
    auto guarded = [&]() noexcept {
      try {
        f();
      } catch (...) {
        failure = std::current_exception();
      }
    };
    call_on_loop_stack([](void* call) noexcept { (*static_cast<decltype(guarded)*>(call))(); }, &guarded);
    if (failure) std::rethrow_exception(std::move(failure));
  }

  /// Lets every other ready fiber and I/O have its turn, then comes back.
  void yield();

  /// Returns the pages that a suspended fiber does not use at present to the machine; for a fiber that will
  /// wait long. On the loop's stack, as in `start` of suspend().
  static void discard_unused_stack(Fiber& fiber) noexcept;

  /// Says how long something that a fiber waited for took: by it is judged for how long events may gather.
  void waited_for_answer(Duration time) noexcept { typical_answer_ += (time - typical_answer_) / 64; }

  // --- Health ------------------------------------------------------------------------------------

  /// How late the loop was for what it did, in nanoseconds: an event that came while the loop was busy waited
  /// at most that long. One sample an event.
  [[nodiscard]] const metrics::Histogram& lateness() const noexcept { return lateness_; }
  /// The same since the last call of this.
  [[nodiscard]] metrics::Histogram take_lateness() noexcept { return std::exchange(lateness_, {}); }
  /// CPU time of the loop's thread so far.
  [[nodiscard]] Duration cpu_time() const noexcept;

  /// For a watchdog, from any thread: a number that changes each time the loop enters or leaves a fiber, odd
  /// while it is in one.
  [[nodiscard]] std::uint64_t switches() const noexcept { return switches_.load(std::memory_order_relaxed); }
  /// From any thread: takes the fiber that runs now off the loop, if no switch has come since `switches`, as
  /// soon as it executes code of the scenario; within a library it is left alone, so call this again. It ends
  /// as FiberEnd::hung.
  void interrupt_fiber(std::uint64_t switches) noexcept;

 private:
  friend class Fiber;
  friend struct Departure;
  using LoopCall = void (*)(void*) noexcept;

  Wake wait(Fiber& fiber, Instant deadline, LoopCall call, void* argument);
  void call_on_loop_stack(LoopCall call, void* argument);
  void make_ready(Fiber& fiber) noexcept;
  void run_ready();
  void resume(Fiber& fiber);
  void finish(Fiber& fiber, FiberEnd end);
  void run_posted();
  bool gather(Instant now);
  void deal_with_events(Instant came_at);
  bool past_fence(Instant now) noexcept;
  void note_idle(Instant from, Instant to) noexcept;
  void adopt_thread();

  Clock& clock_;
  Reactor& reactor_;
  StackPool stacks_;
  TimerQueue timers_;
  metrics::Histogram lateness_;
  Fence* fence_ = nullptr;
  bool fenced_ = false;

  Fiber* current_ = nullptr;
  void* loop_context_ = nullptr;
  Fiber::ExceptionState* thread_exceptions_ = nullptr;
  LoopCall loop_call_ = nullptr;
  void* loop_call_argument_ = nullptr;
  bool return_at_once_ = false;
  Fiber* ready_head_ = nullptr;
  Fiber* ready_tail_ = nullptr;

  // How the fiber that runs now has ended; written on its own stack or in a signal handler just before
  // leaving it.
  std::optional<FiberEnd> fiber_end_;
  std::string fiber_end_reason_;
  // Whether a signal handler has opened a guard page of the fiber that runs now.
  std::atomic<bool> guard_opened_ = false;
  std::size_t events_ = 0;
  std::vector<std::unique_ptr<IoHandler>> doomed_;
  Instant woke_at_{};

  // For what share of an answer's time events may gather, 0 for not at all, and what that is judged by.
  int gathering_share_ = 0;
  Duration gathered_{0};  // how long the events at hand were let gather
  Duration idle_{0};
  Instant idle_since_{};
  Duration typical_answer_{0};

  std::atomic<bool> stopping_ = false;
  std::atomic<bool> posted_flag_ = false;
  std::mutex posted_mutex_;
  std::vector<std::function<void()>> posted_;

  std::atomic<std::uint64_t> switches_ = 0;
  std::atomic<std::uint64_t> interrupt_at_ = 0;
  pthread_t thread_{};
  std::atomic<bool> has_thread_ = false;
  std::unique_ptr<SignalStack> signal_stack_;
#ifdef CHAPERON_ASAN
  const void* loop_stack_bottom_ = nullptr;
  std::size_t loop_stack_size_ = 0;
#endif
#ifdef CHAPERON_TSAN
  void* tsan_loop_ = nullptr;
#endif
};

}  // namespace chaperon::runtime
