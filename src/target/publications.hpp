// Broadcast from POST /publications to the WebSocket subscribers of /foo.
#pragma once

#include <cstddef>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace chaperon::target {

/// One who gets what is published.
class Subscriber {
 public:
  Subscriber() = default;
  Subscriber(const Subscriber&) = delete;
  Subscriber& operator=(const Subscriber&) = delete;
  virtual ~Subscriber() = default;

  /// Queues a message; false if its queue is full, after which it is told nothing more. Called from any
  /// thread, never from two at once; must not call back into Publications.
  virtual bool deliver(const std::shared_ptr<const std::string>& message) = 0;
};

/// The list of subscribers. May be used from any thread. All subscribers see the messages in the same order.
class Publications {
 public:
  /// Adds one, which gets everything published from then on.
  void subscribe(std::shared_ptr<Subscriber> subscriber);
  /// Removes one; nothing happens if it is not there.
  void unsubscribe(const Subscriber* subscriber);
  /// Queues a message to everyone and returns how many they are; those whose queue is full are removed
  /// instead.
  std::size_t publish(std::string message);
  /// Removes everyone.
  void clear();

 private:
  std::mutex mutex_;
  std::vector<std::shared_ptr<Subscriber>> subscribers_;
};

}  // namespace chaperon::target
