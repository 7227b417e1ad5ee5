// Opens the target server's listening sockets.
#pragma once

#include <cstdint>
#include <string>

#include "target/socket.hpp"

namespace chaperon::target {

/// Listens on a numeric IP address or `localhost`; port 0 lets the system choose. Throws std::runtime_error
/// with the remedy.
Acceptor listen_tcp(net::io_context& context, const std::string& address, std::uint16_t port);

/// Listens on a Unix socket; a file that a dead server left behind is replaced. Throws std::runtime_error
/// with the remedy.
Acceptor listen_unix(net::io_context& context, const std::string& path);

/// The port that a TCP acceptor is bound to.
std::uint16_t bound_port(const Acceptor& acceptor);

}  // namespace chaperon::target
