#include "runtime/fiber.hpp"

#include <boost/context/detail/fcontext.hpp>

#include "runtime/departure.hpp"
#include "runtime/event_loop.hpp"

#ifdef CHAPERON_ASAN
#include <sanitizer/common_interface_defs.h>
#endif
#ifdef CHAPERON_TSAN
#include <sanitizer/tsan_interface.h>
#endif

namespace chaperon::runtime {

namespace context = boost::context::detail;

Fiber::Fiber(EventLoop& loop, FiberMain& main, const Stack& stack) : loop_(loop), main_(main), stack_(stack) {
#ifdef CHAPERON_TSAN
  tsan_fiber_ = __tsan_create_fiber(0);
#endif
}

void Fiber::wake(Wake reason) noexcept {
  // What it waited for came together with its deadline, before its turn: it has come.
  if (state_ == State::ready && wake_reason_ == Wake::deadline && reason == Wake::ready) {
    wake_reason_ = Wake::ready;
    return;
  }
  if (state_ != State::waiting || (uninterruptible_ && reason != Wake::ready)) return;
  wake_reason_ = reason;
  TimerQueue::disarm(*this);
  loop_.make_ready(*this);
}

void Fiber::cancel() noexcept {
  cancelled_ = true;
  wake(Wake::cancelled);
}

namespace {

void fiber_entry(context::transfer_t from) {
  auto& loop = *static_cast<EventLoop*>(from.data);
  Departure::arrive(loop, from.fctx);
  loop.current()->main().run();
  Departure::abandon(loop, FiberEnd::returned);
}

}  // namespace

void* Departure::make_context(std::byte* top, std::size_t size) noexcept {
  return context::make_fcontext(top, size, fiber_entry);
}

void Departure::arrive(EventLoop& loop, void* loop_context) noexcept {
  loop.loop_context_ = loop_context;
#ifdef CHAPERON_ASAN
  // The first switch into a fiber is also where the bounds of the loop's own stack become known.
  __sanitizer_finish_switch_fiber(nullptr, &loop.loop_stack_bottom_, &loop.loop_stack_size_);
#endif
}

void Departure::enter(EventLoop& loop, Fiber& fiber) noexcept {
#ifdef CHAPERON_ASAN
  void* loop_fake_stack = nullptr;
  const std::size_t guard = StackPool::kGuardPages * page_size();
  __sanitizer_start_switch_fiber(&loop_fake_stack, fiber.stack_.base + guard, fiber.stack_.size - guard);
#endif
#ifdef CHAPERON_TSAN
  __tsan_switch_to_fiber(fiber.tsan_fiber_, 0);
#endif
  // The transfer's pointer is the loop in both directions; on the way in it tells a new fiber where it is.
  const auto from = context::jump_fcontext(fiber.context_, &loop);
  fiber.context_ = from.fctx;
#ifdef CHAPERON_ASAN
  __sanitizer_finish_switch_fiber(loop_fake_stack, nullptr, nullptr);
#endif
}

void Departure::leave(EventLoop& loop, [[maybe_unused]] Fiber& fiber) noexcept {
#ifdef CHAPERON_ASAN
  __sanitizer_start_switch_fiber(&fiber.fake_stack_, loop.loop_stack_bottom_, loop.loop_stack_size_);
#endif
#ifdef CHAPERON_TSAN
  __tsan_switch_to_fiber(loop.tsan_loop_, 0);
#endif
  const auto from = context::jump_fcontext(loop.loop_context_, nullptr);
  loop.loop_context_ = from.fctx;
#ifdef CHAPERON_ASAN
  __sanitizer_finish_switch_fiber(fiber.fake_stack_, nullptr, nullptr);
#endif
}

void Departure::abandon(EventLoop& loop, FiberEnd end) noexcept {
  loop.fiber_end_ = end;
#ifdef CHAPERON_ASAN
  // Null: the fiber's fake stack is of no more use.
  __sanitizer_start_switch_fiber(nullptr, loop.loop_stack_bottom_, loop.loop_stack_size_);
#endif
#ifdef CHAPERON_TSAN
  __tsan_switch_to_fiber(loop.tsan_loop_, 0);
#endif
  context::jump_fcontext(loop.loop_context_, nullptr);
  __builtin_unreachable();
}

}  // namespace chaperon::runtime
