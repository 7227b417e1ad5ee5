#include "target/publications.hpp"

#include <algorithm>
#include <utility>

namespace chaperon::target {

void Publications::subscribe(std::shared_ptr<Subscriber> subscriber) {
  const std::lock_guard lock(mutex_);
  subscribers_.push_back(std::move(subscriber));
}

void Publications::unsubscribe(const Subscriber* subscriber) {
  const std::lock_guard lock(mutex_);
  std::erase_if(subscribers_, [subscriber](const auto& one) { return one.get() == subscriber; });
}

std::size_t Publications::publish(std::string message) {
  const auto shared = std::make_shared<const std::string>(std::move(message));
  // The lock is what gives all subscribers the same order.
  const std::lock_guard lock(mutex_);
  std::erase_if(subscribers_, [&shared](const auto& one) { return !one->deliver(shared); });
  return subscribers_.size();
}

void Publications::clear() {
  const std::lock_guard lock(mutex_);
  subscribers_.clear();
}

}  // namespace chaperon::target
