// The connections of one user, or of one loop where they are shared.
#pragma once

#include <boost/intrusive/list.hpp>

#include "http/connection.hpp"

namespace chaperon::http {

/// Owns connections: idle ones are lent again, all are closed with it.
class Pool {
 public:
  Pool() = default;
  ~Pool() { clear(); }
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;

  /// An idle connection to that server; nullptr if there is none.
  [[nodiscard]] Connection* find_idle(const Origin& origin) noexcept;
  /// Closes all connections.
  void clear() noexcept;
  [[nodiscard]] bool empty() const noexcept { return idle_.empty() && busy_.empty(); }

  /// For connections: takes note of what they do.
  void add(Connection& connection) noexcept { busy_.push_front(connection); }
  void now_idle(Connection& connection) noexcept;
  void now_busy(Connection& connection) noexcept;
  void remove(Connection& connection) noexcept;

 private:
  using Connections = boost::intrusive::list<Connection, boost::intrusive::constant_time_size<false>>;

  Connections idle_;  // the one that was used last comes first
  Connections busy_;
};

}  // namespace chaperon::http
