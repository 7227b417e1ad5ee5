#include "cluster/outbox.hpp"

#include <utility>

#include <fmt/format.h>

#include "base/log.hpp"

namespace chaperon::cluster {
namespace {

constexpr Duration kRetry = 50ms;
// Short, so that an end of all sending is noticed in time.
constexpr Duration kConfirmation = 1s;

}  // namespace

Outbox::Outbox(Nats& nats, std::string name, std::function<bool()> give_up)
    : nats_(nats), name_(std::move(name)), give_up_(std::move(give_up)), thread_([this] { send_all(); }) {}

Outbox::~Outbox() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    changed_.notify_all();
  }
  thread_.join();
}

void Outbox::put(std::string subject, std::string payload) {
  const std::lock_guard lock(mutex_);
  waiting_.push_back({std::move(subject), std::move(payload), fmt::format("{}.{}", name_, ++number_)});
  changed_.notify_all();
}

bool Outbox::flush(Duration patience) {
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, patience, [this] { return waiting_.empty(); });
}

std::string Outbox::failure() const {
  const std::lock_guard lock(mutex_);
  return failure_;
}

std::uint64_t Outbox::bytes() const {
  const std::lock_guard lock(mutex_);
  return bytes_;
}

void Outbox::send_all() {
  while (true) {
    Outgoing message;
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [this] { return stopping_ || !waiting_.empty(); });
      if (stopping_) return;
      message = waiting_.front();
    }
    send(message);
    const std::lock_guard lock(mutex_);
    waiting_.pop_front();
    changed_.notify_all();
  }
}

// Returns when it is stored, or will never be.
void Outbox::send(const Outgoing& message) {
  while (!give_up_()) {
    try {
      nats_.publish_stored(message.subject, message.payload, message.id, kConfirmation);
      const std::lock_guard lock(mutex_);
      bytes_ += message.payload.size();
      return;
    } catch (const NatsError& error) {
      if (!error.retryable()) {
        write_log(LogLevel::error,
                  fmt::format("a message to {} was not sent: {}", message.subject, error.what()));
        const std::lock_guard lock(mutex_);
        if (failure_.empty()) failure_ = error.what();
        return;
      }
    }
    std::unique_lock lock(mutex_);
    if (changed_.wait_for(lock, kRetry, [this] { return stopping_; })) return;
  }
}

}  // namespace chaperon::cluster
