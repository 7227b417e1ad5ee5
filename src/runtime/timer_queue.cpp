#include "runtime/timer_queue.hpp"

#include <algorithm>

namespace chaperon::runtime {
namespace {
constexpr std::size_t kArity = 4;
}

Timer::~Timer() {
  if (index_ != kNowhere) queue_->remove(index_);
}

TimerQueue::~TimerQueue() {
  for (const auto& entry : heap_)
    entry.timer->index_ = Timer::kNowhere;
}

void TimerQueue::arm(Timer& timer, Instant due) {
  timer.due_ = due;
  if (due == Instant::max()) return;
  if (timer.index_ == Timer::kNowhere) {
    timer.queue_ = this;
    heap_.push_back({});
    sift_up(heap_.size() - 1, {.key = due, .timer = &timer});
  } else if (due < heap_[timer.index_].key) {
    sift_up(timer.index_, {.key = due, .timer = &timer});
  }
}

void TimerQueue::fire_due(Instant now) {
  while (!heap_.empty() && heap_.front().key <= now) {
    Timer& timer = *heap_.front().timer;
    // Moved later since: others may be due before it.
    if (timer.due_ > heap_.front().key && timer.armed()) {
      sift_down(0, {.key = timer.due_, .timer = &timer});
      continue;
    }
    const bool armed = timer.armed();
    remove(0);
    timer.due_ = Instant::max();
    if (armed) timer.on_timer();
  }
}

void TimerQueue::place(std::size_t index, Entry entry) noexcept {
  heap_[index] = entry;
  entry.timer->index_ = static_cast<std::uint32_t>(index);
}

void TimerQueue::sift_up(std::size_t index, Entry entry) noexcept {
  while (index > 0) {
    const std::size_t parent = (index - 1) / kArity;
    if (heap_[parent].key <= entry.key) break;
    place(index, heap_[parent]);
    index = parent;
  }
  place(index, entry);
}

void TimerQueue::sift_down(std::size_t index, Entry entry) noexcept {
  while (true) {
    const std::size_t first = (index * kArity) + 1;
    if (first >= heap_.size()) break;
    const std::size_t end = std::min(first + kArity, heap_.size());
    std::size_t least = first;
    for (std::size_t child = first + 1; child < end; ++child) {
      if (heap_[child].key < heap_[least].key) least = child;
    }
    if (heap_[least].key >= entry.key) break;
    place(index, heap_[least]);
    index = least;
  }
  place(index, entry);
}

void TimerQueue::remove(std::size_t index) noexcept {
  heap_[index].timer->index_ = Timer::kNowhere;
  const Entry last = heap_.back();
  heap_.pop_back();
  if (index == heap_.size()) return;
  if (index > 0 && last.key < heap_[(index - 1) / kArity].key) {
    sift_up(index, last);
  } else {
    sift_down(index, last);
  }
}

}  // namespace chaperon::runtime
