#include "cluster/listener.hpp"

#include <limits>
#include <mutex>
#include <utility>

#include <nats/nats.h>

#include "cluster/call.hpp"

namespace chaperon::cluster {

struct Listener::State {
  std::mutex mutex;  // held while the handler runs
  Handler handler;
};

namespace {

// What waits for a handler that is slow; beyond that the newest is dropped.
constexpr int kMostBytesWaiting = 256 * 1024 * 1024;

}  // namespace

Listener::Listener(std::shared_ptr<Connection> connection, const std::string& subject, Handler handler)
    : connection_(std::move(connection)), state_(std::make_shared<State>()) {
  state_->handler = std::move(handler);
  const Call call(*connection_, "subscribe to", subject);

  // The thread of cnats holds the state as long as it lives, which is longer than we do.
  auto held = std::make_unique<std::shared_ptr<State>>(state_);
  const auto on_message = [](natsConnection*, natsSubscription*, natsMsg* raw, void* closure) {
    const CnatsPointer<natsMsg> message(raw);
    const auto state = *static_cast<std::shared_ptr<State>*>(closure);
    const std::lock_guard lock(state->mutex);
    if (state->handler) state->handler(*message);
  };
  const auto on_end = [](void* closure) { delete static_cast<std::shared_ptr<State>*>(closure); };

  natsSubscription* raw = nullptr;
  call.check(natsConnection_Subscribe(&raw, connection_->get(), subject.c_str(), on_message, held.get()));
  subscription_.reset(raw);
  // It fails if the connection was closed meanwhile. Whether the thread has ended then cannot be known: the
  // closure is given up.
  auto status = natsSubscription_SetOnCompleteCB(raw, on_end, held.release());
  if (status == NATS_OK) {
    status = natsSubscription_SetPendingLimits(raw, std::numeric_limits<int>::max(), kMostBytesWaiting);
  }
  if (status == NATS_OK) return;
  end();
  call.check(status);
}

Listener::~Listener() {
  end();
}

void Listener::end() noexcept {
  // It fails where the connection has been closed, which has ended the subscription as well.
  natsSubscription_Unsubscribe(subscription_.get());
  Handler last;
  const std::lock_guard lock(state_->mutex);
  last.swap(state_->handler);
}

}  // namespace chaperon::cluster
