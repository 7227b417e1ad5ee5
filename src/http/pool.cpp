#include "http/pool.hpp"

namespace chaperon::http {

Connection* Pool::find_idle(const Origin& origin) noexcept {
  for (Connection& connection : idle_) {
    if (&connection.origin() == &origin) return &connection;
  }
  return nullptr;
}

void Pool::clear() noexcept {
  // Closing a connection takes it out of its list.
  while (!idle_.empty())
    idle_.front().abandon();
  while (!busy_.empty())
    busy_.front().abandon();
}

void Pool::now_idle(Connection& connection) noexcept {
  busy_.erase(busy_.iterator_to(connection));
  idle_.push_front(connection);
}

void Pool::now_busy(Connection& connection) noexcept {
  idle_.erase(idle_.iterator_to(connection));
  busy_.push_front(connection);
}

void Pool::remove(Connection& connection) noexcept {
  auto& list = connection.idle() ? idle_ : busy_;
  list.erase(list.iterator_to(connection));
}

}  // namespace chaperon::http
