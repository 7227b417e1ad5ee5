#include "runtime/event_loop.hpp"

#include <algorithm>
#include <csignal>
#include <cstring>
#include <ctime>
#include <new>
#include <utility>

#include <cxxabi.h>
#include <sys/prctl.h>

#include "runtime/departure.hpp"

#ifdef CHAPERON_TSAN
#include <sanitizer/tsan_interface.h>
#endif

namespace chaperon::runtime {
namespace {

thread_local EventLoop* this_loop = nullptr;

// A fiber's control block stands at the top of its stack, aligned like a cache line.
constexpr std::size_t kFiberBytes = (sizeof(Fiber) + 63) / 64 * 64;

// See EventLoop::gather().
constexpr Duration kSaturationWindow = 2ms;
constexpr Duration kMostGathering = 50us;
constexpr Duration kLeastGathering = 5us;
// What share of an answer's time events may gather for, on a loop that hardly ever waits, and on one that
// waits less than half of the time.
constexpr int kShareWhenSaturated = 8;
constexpr int kShareWhenBusy = 16;
constexpr std::size_t kEnoughEvents = 24;

}  // namespace

EventLoop::EventLoop(Clock& clock, Reactor& reactor, std::size_t stack_size, GuardKind guard)
    : clock_(clock), reactor_(reactor), stacks_(stack_size, guard) {
  install_fault_handlers();
}

EventLoop::~EventLoop() {
  if (this_loop == this) this_loop = nullptr;
}

EventLoop* EventLoop::here() noexcept {
  return this_loop;
}

void EventLoop::adopt_thread() {
  if (this_loop == this) return;
  this_loop = this;
  thread_ = ::pthread_self();
  // The kernel lets a thread sleep up to 50 µs too long, unless it is told otherwise.
  ::prctl(PR_SET_TIMERSLACK, 1);
  has_thread_.store(true);
  signal_stack_ = std::make_unique<SignalStack>();
  thread_exceptions_ = reinterpret_cast<Fiber::ExceptionState*>(abi::__cxa_get_globals());
#ifdef CHAPERON_TSAN
  tsan_loop_ = __tsan_get_current_fiber();
#endif
}

void EventLoop::run() {
  adopt_thread();
  woke_at_ = now();
  while (!stopping_.load(std::memory_order_relaxed) && !fenced_)
    turn();
  stopping_.store(false);
  signal_stack_.reset();
  has_thread_.store(false);
  this_loop = nullptr;
}

void EventLoop::turn() {
  adopt_thread();
  if (past_fence(now())) return;
  doomed_.clear();
  if (posted_flag_.load(std::memory_order_acquire)) run_posted();
  clock_.synchronise();

  const Instant start = now();
  if (timers_.next() <= start) {
    lateness_.record((start - timers_.next()).count());
    timers_.fire_due(start);
  }
  run_ready();
  if (fenced_) return;

  const Instant end = now();
  // Whatever came while the loop was busy has waited for at most that long.
  if (events_ > 0) lateness_.record((end - woke_at_).count(), events_);
  const bool busy = ready_head_ != nullptr || posted_flag_.load(std::memory_order_relaxed) ||
                    stopping_.load(std::memory_order_relaxed);
  if (gathering_share_ > 0 && !busy && events_ < kEnoughEvents && gather(end)) return;
  gathered_ = Duration::zero();
  reactor_.wait(end, busy ? Instant::min() : timers_.next());
  note_idle(end, reactor_.woke_at());
  deal_with_events(reactor_.woke_at());
}

void EventLoop::deal_with_events(Instant came_at) {
  woke_at_ = came_at;
  if (past_fence(reactor_.woke_at())) return;
  events_ = reactor_.deliver();
}

bool EventLoop::past_fence(Instant now) noexcept {
  if (fence_ != nullptr && fence_->passed(now)) [[unlikely]] {
    // For all loops: it must not be put off any more once one of them stands still.
    fence_->close();
    fenced_ = true;
  }
  return fenced_;
}

// A busy loop finds one or two events each time it looks, and looking, or being woken, costs nearly as much
// as dealing with them. So it lets some gather first, as network cards do with interrupts: for a small share
// of what answers take, and 50 us at most, counted as lateness. A loop that waits most of the time does not.
bool EventLoop::gather(Instant now) {
  // Much less to do than time to gather it: not busy any more.
  if (gathered_ > Duration::zero() && now - reactor_.woke_at() < gathered_ / 4) {
    gathering_share_ = 0;
    return false;
  }
  gathered_ = std::min({kMostGathering, typical_answer_ / gathering_share_, timers_.next() - now});
  if (gathered_ < kLeastGathering) return false;
  reactor_.pause(gathered_);
  reactor_.wait(now, Instant::min());
  // They may have come at any time since.
  deal_with_events(now);
  return true;
}

void EventLoop::note_idle(Instant from, Instant to) noexcept {
  idle_ += to - from;
  const Duration window = to - idle_since_;
  if (window < kSaturationWindow) return;
  gathering_share_ = idle_ < window / 5 ? kShareWhenSaturated : idle_ < window / 2 ? kShareWhenBusy : 0;
  idle_ = Duration::zero();
  idle_since_ = to;
}

void EventLoop::stop() noexcept {
  stopping_.store(true, std::memory_order_relaxed);
  reactor_.wake();
}

void EventLoop::post(std::function<void()> call) {
  // The lock is held until the reactor is woken: once the call has been made the loop may come to its end,
  // and the reactor with it.
  const std::lock_guard lock(posted_mutex_);
  posted_.push_back(std::move(call));
  if (!posted_flag_.exchange(true, std::memory_order_release)) reactor_.wake();
}

void EventLoop::run_posted() {
  posted_flag_.store(false, std::memory_order_relaxed);
  std::vector<std::function<void()>> calls;
  {
    const std::lock_guard lock(posted_mutex_);
    calls.swap(posted_);
  }
  for (const auto& call : calls)
    call();
}

Fiber* EventLoop::spawn(FiberMain& main) {
  const Stack stack = stacks_.acquire();
  if (!stack) return nullptr;
  std::byte* place = stack.top() - kFiberBytes;
  auto* fiber = new (place) Fiber(*this, main, stack);
  const std::size_t guard = StackPool::kGuardPages * page_size();
  fiber->context_ = Departure::make_context(place, stack.size - guard - kFiberBytes);
  make_ready(*fiber);
  return fiber;
}

void EventLoop::make_ready(Fiber& fiber) noexcept {
  fiber.state_ = Fiber::State::ready;
  fiber.next_ready_ = nullptr;
  if (ready_tail_ == nullptr) {
    ready_head_ = &fiber;
  } else {
    ready_tail_->next_ready_ = &fiber;
  }
  ready_tail_ = &fiber;
}

void EventLoop::run_ready() {
  // Those that become ready meanwhile have to wait until I/O had its turn.
  Fiber* fiber = std::exchange(ready_head_, nullptr);
  ready_tail_ = nullptr;
  while (fiber != nullptr) {
    if (fence_ != nullptr && past_fence(now())) return;
    Fiber* next = fiber->next_ready_;
    resume(*fiber);
    fiber = next;
  }
}

void EventLoop::resume(Fiber& fiber) {
  fiber.state_ = Fiber::State::running;
  current_ = &fiber;
  const Fiber::ExceptionState own = *thread_exceptions_;
  LoopCall call = nullptr;
  bool go_back = false;
  do {
    switches_.store(switches_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
    *thread_exceptions_ = fiber.exceptions_;
    Departure::enter(*this, fiber);
    fiber.exceptions_ = *thread_exceptions_;
    *thread_exceptions_ = own;
    switches_.store(switches_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
    call = std::exchange(loop_call_, nullptr);
    go_back = std::exchange(return_at_once_, false);
    // Before anything is done for it: it would be made ready, or what it has written over would be used.
    const bool overflowed = guard_opened_.load(std::memory_order_relaxed) ||
                            (fiber.stack_.canary && StackPool::canary_broken(fiber.stack_));
    if (overflowed) [[unlikely]] {
      guard_opened_.store(false, std::memory_order_relaxed);
      fiber_end_ = FiberEnd::overflowed;
    }
    if (fiber_end_) break;
    if (call != nullptr) {
      current_ = nullptr;
      call(loop_call_argument_);
      current_ = &fiber;
    }
  } while (go_back);
  current_ = nullptr;
  if (fiber_end_) finish(fiber, *std::exchange(fiber_end_, std::nullopt));
}

void EventLoop::finish(Fiber& fiber, FiberEnd end) {
  FiberMain& main = fiber.main_;
  const Stack stack = fiber.stack_;
  fiber.state_ = Fiber::State::ended;
#ifdef CHAPERON_TSAN
  __tsan_destroy_fiber(fiber.tsan_fiber_);
#endif
  fiber.~Fiber();
  // What an abandoned fiber had on its stack may still be referred to: that stack is never used again.
  if (end == FiberEnd::returned) {
    stacks_.release(stack);
  } else {
    // A fiber that hung may have overflowed its stack as well.
    accept_interrupts();
  }
  main.ended(end, std::exchange(fiber_end_reason_, {}));
}

Wake EventLoop::wait(Fiber& fiber, Instant deadline, LoopCall call, void* argument) {
  fiber.state_ = Fiber::State::waiting;
  if (deadline != Instant::max()) timers_.arm(fiber, deadline);
  loop_call_ = call;
  loop_call_argument_ = argument;
  Departure::leave(*this, fiber);
  return fiber.wake_reason_;
}

void EventLoop::suspend_uninterruptibly() {
  Fiber& fiber = *current_;
  fiber.uninterruptible_ = true;
  wait(fiber, Instant::max(), nullptr, nullptr);
  fiber.uninterruptible_ = false;
}

void EventLoop::call_on_loop_stack(LoopCall call, void* argument) {
  loop_call_ = call;
  loop_call_argument_ = argument;
  return_at_once_ = true;
  Departure::leave(*this, *current_);
}

void EventLoop::yield() {
  Fiber& fiber = *current_;
  suspend(Instant::max(), [&fiber] { fiber.wake(); });
}

void EventLoop::discard_unused_stack(Fiber& fiber) noexcept {
  // The saved context is the stack pointer; the red zone below it is of no use to a function that has made a
  // call.
  const std::size_t guard = (StackPool::kGuardPages + (fiber.stack_.canary ? 1 : 0)) * page_size();
  discard_pages(fiber.stack_.base + guard, static_cast<std::byte*>(fiber.context_));
}

Duration EventLoop::cpu_time() const noexcept {
  clockid_t clock{};
  timespec spent{};
  if (!has_thread_.load() || ::pthread_getcpuclockid(thread_, &clock) != 0 ||
      ::clock_gettime(clock, &spent) != 0) {
    return Duration::zero();
  }
  return std::chrono::seconds(spent.tv_sec) + Duration(spent.tv_nsec);
}

void EventLoop::interrupt_fiber(std::uint64_t switches) noexcept {
  interrupt_at_.store(switches, std::memory_order_relaxed);
  if (has_thread_.load() && switches_.load(std::memory_order_relaxed) == switches) {
    ::pthread_kill(thread_, interrupt_signal());
  }
}

}  // namespace chaperon::runtime
