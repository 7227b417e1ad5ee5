#include "runtime/epoll_reactor.hpp"

#include <cerrno>
#include <ctime>
#include <system_error>

#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

namespace chaperon::runtime {
namespace {

[[noreturn]] void throw_errno(const char* what) {
  throw std::system_error(errno, std::generic_category(), what);
}

timespec to_timespec(Duration duration) noexcept {
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(duration);
  return {.tv_sec = seconds.count(), .tv_nsec = (duration - seconds).count()};
}

}  // namespace

EpollReactor::EpollReactor(Clock& clock)
    : clock_(clock), epoll_(::epoll_create1(EPOLL_CLOEXEC)), wake_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  if (epoll_ < 0 || wake_ < 0) throw_errno("an event loop needs two file descriptors");
  epoll_event event{.events = EPOLLIN | EPOLLET, .data = {.ptr = nullptr}};
  if (::epoll_ctl(epoll_, EPOLL_CTL_ADD, wake_, &event) != 0) throw_errno("epoll_ctl");
}

EpollReactor::~EpollReactor() {
  ::close(epoll_);
  ::close(wake_);
  if (timer_ >= 0) ::close(timer_);
}

bool EpollReactor::add(int descriptor, IoHandler& handler) {
  return control(EPOLL_CTL_ADD, descriptor, handler);
}

bool EpollReactor::hand_over(int descriptor, IoHandler& handler) {
  return control(EPOLL_CTL_MOD, descriptor, handler);
}

bool EpollReactor::control(int operation, int descriptor, IoHandler& handler) const noexcept {
  // EPOLLRDHUP: data and the peer's FIN may come in one edge, and no other event follows.
  epoll_event event{.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, .data = {.ptr = &handler}};
  return ::epoll_ctl(epoll_, operation, descriptor, &event) == 0;
}

void EpollReactor::forget(IoHandler& handler) noexcept {
  for (int i = 0; i < event_count_; ++i) {
    auto& event = events_[static_cast<std::size_t>(i)];
    if (event.data.ptr == &handler) event.data.ptr = nullptr;
  }
}

int EpollReactor::wait_for_events(Instant now, Instant deadline) {
  if (deadline <= now) return ::epoll_wait(epoll_, events_.data(), kEvents, 0);
  if (deadline == Instant::max()) return ::epoll_wait(epoll_, events_.data(), kEvents, -1);
  if (timer_ < 0) {
    const auto timeout = to_timespec(deadline - now);
    const int count = ::epoll_pwait2(epoll_, events_.data(), kEvents, &timeout, nullptr);
    if (count >= 0 || errno != ENOSYS) return count;
    timer_ = ::timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    epoll_event event{.events = EPOLLIN | EPOLLET, .data = {.ptr = nullptr}};
    if (timer_ < 0 || ::epoll_ctl(epoll_, EPOLL_CTL_ADD, timer_, &event) != 0) throw_errno("timerfd");
  }
  itimerspec when{};
  when.it_value = to_timespec(deadline - now);
  ::timerfd_settime(timer_, 0, &when, nullptr);
  return ::epoll_wait(epoll_, events_.data(), kEvents, -1);
}

void EpollReactor::wait(Instant now, Instant deadline) {
  event_count_ = wait_for_events(now, deadline);
  woke_at_ = clock_.now();
  if (event_count_ >= 0) return;
  event_count_ = 0;
  if (errno != EINTR) throw_errno("epoll_wait");
}

std::size_t EpollReactor::deliver() {
  std::size_t delivered = 0;
  for (int i = 0; i < event_count_; ++i) {
    const auto& event = events_[static_cast<std::size_t>(i)];
    // Null: a wake-up, a timer, or a handler that an earlier event of this batch has ended.
    if (event.data.ptr == nullptr) continue;
    ++delivered;
    static_cast<IoHandler*>(event.data.ptr)
        ->on_io((event.events & EPOLLIN) != 0, (event.events & EPOLLOUT) != 0,
                (event.events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0);
  }
  event_count_ = 0;
  return delivered;
}

void EpollReactor::pause(Duration time) {
  const auto span = to_timespec(time);
  ::clock_nanosleep(CLOCK_MONOTONIC, 0, &span, nullptr);
}

void EpollReactor::wake() noexcept {
  const std::uint64_t one = 1;
  // A full counter is as good as a written one: the loop wakes.
  [[maybe_unused]] const auto written = ::write(wake_, &one, sizeof one);
}

}  // namespace chaperon::runtime
