// Deadlines, cheap to move: a million of them, most of which never come.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include <chaperon/duration.hpp>

namespace chaperon::runtime {

class TimerQueue;

/// Something that happens at an instant. It may be armed and disarmed any number of times; destroying it
/// disarms it.
class Timer {
 public:
  Timer() = default;
  virtual ~Timer();
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;

  [[nodiscard]] bool armed() const noexcept { return due_ != Instant::max(); }
  /// When it is due; the end of time if it is not armed.
  [[nodiscard]] Instant due() const noexcept { return due_; }

 protected:
  /// Called on the loop's stack once the instant has come; the timer is disarmed before.
  virtual void on_timer() = 0;

 private:
  friend class TimerQueue;
  static constexpr std::uint32_t kNowhere = UINT32_MAX;

  Instant due_ = Instant::max();
  TimerQueue* queue_ = nullptr;
  std::uint32_t index_ = kNowhere;
};

/// The timers of one loop: a 4-ary heap whose keys may be too early. Moving a deadline later, or giving it
/// up, only notes the new one in the timer; the heap finds out when the old key comes up. So the timeout of a
/// request, set again with each request and never reached, costs two stores.
class TimerQueue {
 public:
  TimerQueue() = default;
  ~TimerQueue();
  TimerQueue(const TimerQueue&) = delete;
  TimerQueue& operator=(const TimerQueue&) = delete;

  /// Makes the timer due at `due`, in place of any instant before; Instant::max() disarms it.
  void arm(Timer& timer, Instant due);
  static void disarm(Timer& timer) noexcept { timer.due_ = Instant::max(); }

  /// Fires every timer that is due at `now`, earliest first.
  void fire_due(Instant now);
  /// No timer is due before this; Instant::max() if there is none.
  [[nodiscard]] Instant next() const noexcept { return heap_.empty() ? Instant::max() : heap_.front().key; }
  [[nodiscard]] std::size_t size() const noexcept { return heap_.size(); }

 private:
  friend class Timer;
  struct Entry {
    Instant key;
    Timer* timer = nullptr;
  };

  void place(std::size_t index, Entry entry) noexcept;
  void sift_up(std::size_t index, Entry entry) noexcept;
  void sift_down(std::size_t index, Entry entry) noexcept;
  void remove(std::size_t index) noexcept;

  std::vector<Entry> heap_;
};

}  // namespace chaperon::runtime
