#include "websocket/client.hpp"

#include <utility>

namespace chaperon::websocket {

Client::Client(runtime::EventLoop& loop, std::uint64_t seed) : loop_(loop), random_(seed), later_(*this) {}

Client::~Client() {
  dismissed_.clear_and_dispose([](Connection* connection) { delete connection; });
}

void Client::read_later(Connection& connection) {
  reading_.push_back(&connection);
  loop_.timers().arm(later_, loop_.now());
}

// It may be in the middle of one of its own calls, and events for it may be waiting.
void Client::forget(Connection& connection) noexcept {
  std::erase(reading_, &connection);
  dismissed_.erase(dismissed_.iterator_to(connection));
  runtime::TimerQueue::disarm(connection);
  loop_.destroy_later(std::unique_ptr<Connection>(&connection));
}

void Client::go_on() {
  for (Connection* connection : std::exchange(reading_, {}))
    connection->read();
}

}  // namespace chaperon::websocket
