// Threads for code that blocks.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace chaperon::runtime {

/// Runs calls on threads of its own, started as they are needed. Thread-safe.
class BlockingPool {
 public:
  /// At most this many threads.
  explicit BlockingPool(unsigned most_threads = 64) : most_threads_(most_threads) {}
  /// Waits for what runs; what is queued is still run.
  ~BlockingPool();
  BlockingPool(const BlockingPool&) = delete;
  BlockingPool& operator=(const BlockingPool&) = delete;

  /// Queues a call, which must not throw. Throws std::system_error if there is no thread and none can be
  /// started.
  void run(std::function<void()> call);

 private:
  void work();

  const unsigned most_threads_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::function<void()>> queue_;
  std::vector<std::thread> threads_;
  unsigned idle_ = 0;
  bool ending_ = false;
};

}  // namespace chaperon::runtime
