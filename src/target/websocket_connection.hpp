// WebSocket connections of the target server: echo, and subscribers of /foo.
#pragma once

#include "target/routes.hpp"
#include "target/service.hpp"
#include "target/socket.hpp"

namespace chaperon::target {

/// Answers an upgrade request and serves the WebSocket; returns at once. The first subprotocol that the
/// client offers is accepted, and permessage-deflate if it offers that. A message over `max_body` ends the
/// connection with code 1009.
///
/// A subscriber of /foo that lets more than `subscriber_queue` messages or `subscriber_bytes` bytes pile up
/// gets no more of them, and its connection is closed with code 1013 (try again later); if it does not even
/// take that within five seconds, without one.
void accept_websocket(Socket socket, Request request, Service& service);

}  // namespace chaperon::target
