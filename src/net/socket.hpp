// A non-blocking stream socket.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>
#include <utility>

#include <sys/uio.h>

#include <chaperon/errors.hpp>

#include "net/address.hpp"

namespace chaperon::net {

/// What a call on a socket came to: a number of bytes, or an errno.
struct IoResult {
  std::size_t bytes = 0;
  int error = 0;  ///< 0, or the errno; EAGAIN when it would block
  [[nodiscard]] bool would_block() const noexcept { return error == EAGAIN; }
};

/// Owns the descriptor. All calls return at once.
class Socket {
 public:
  Socket() = default;
  ~Socket() { close(); }
  Socket(Socket&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
  Socket& operator=(Socket&& other) noexcept {
    std::swap(descriptor_, other.descriptor_);
    return *this;
  }

  /// Opens a socket for an address of that family, with TCP_NODELAY where it applies; the errno if there is
  /// none.
  int open(int family) noexcept;
  /// Chooses the local address; its port is chosen when it connects (IP_BIND_ADDRESS_NO_PORT). 0 or an errno.
  [[nodiscard]] int bind(const Address& local) noexcept;
  /// Begins to connect. 0 if that is done already, EINPROGRESS, EAGAIN for a Unix socket whose queue of
  /// connections is full, or another errno.
  [[nodiscard]] int connect(const Address& peer) noexcept;
  /// How connecting went, once the socket is writable: 0 or an errno.
  [[nodiscard]] int connect_error() const noexcept;

  [[nodiscard]] IoResult send(std::string_view first, std::string_view second = {}) noexcept;
  /// 0 bytes without an error: the peer has shut down.
  [[nodiscard]] IoResult receive(std::span<char> into) noexcept;

  /// Closes it; the peer sees a FIN, or a reset if there was data unread.
  void close() noexcept;
  [[nodiscard]] int descriptor() const noexcept { return descriptor_; }
  [[nodiscard]] bool is_open() const noexcept { return descriptor_ >= 0; }

 private:
  int descriptor_ = -1;
};

/// What an errno of a socket call means for an action.
Reason reason_of(int error) noexcept;

}  // namespace chaperon::net
