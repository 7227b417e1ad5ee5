#include "runtime/blocking_pool.hpp"

#include <system_error>
#include <utility>

namespace chaperon::runtime {

BlockingPool::~BlockingPool() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
  }
  changed_.notify_all();
  for (auto& thread : threads_)
    thread.join();
}

void BlockingPool::run(std::function<void()> call) {
  {
    const std::lock_guard lock(mutex_);
    if (idle_ <= queue_.size() && threads_.size() < most_threads_) {
      try {
        threads_.emplace_back([this] { work(); });
      } catch (const std::system_error&) {
        if (threads_.empty()) throw;
      }
    }
    queue_.push_back(std::move(call));
  }
  changed_.notify_one();
}

void BlockingPool::work() {
  std::unique_lock lock(mutex_);
  while (true) {
    ++idle_;
    changed_.wait(lock, [this] { return ending_ || !queue_.empty(); });
    --idle_;
    if (queue_.empty()) return;
    const auto call = std::move(queue_.front());
    queue_.pop_front();
    lock.unlock();
    call();
    lock.lock();
  }
}

}  // namespace chaperon::runtime
