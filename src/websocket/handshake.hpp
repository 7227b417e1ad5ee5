// The opening handshake (RFC 6455, section 4.1): what a client sends beside an ordinary request, and what the
// answer must have.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/random.hpp"
#include "http/message.hpp"
#include "websocket/deflate_parameters.hpp"

namespace chaperon::websocket {

/// A Sec-WebSocket-Key: 16 random bytes in base64.
std::string make_key(Random& random);

/// The Sec-WebSocket-Accept that answers a key. Throws std::runtime_error if OpenSSL has no SHA-1.
std::string accept_of(std::string_view key);

/// What a client asks for.
struct Offer {
  std::string key{};                            ///< of make_key()
  std::span<const std::string> subprotocols{};  ///< the most welcome first
  bool compression = false;                     ///< offer permessage-deflate
};

/// Appends the header lines that ask for the upgrade, each with its line end: Upgrade, Connection,
/// Sec-WebSocket-Key, -Version, and -Protocol and -Extensions if there are any. Throws InvalidArgument, and
/// appends nothing, if a subprotocol is not a token or is there twice.
void append_upgrade_fields(std::string& out, const Offer& offer);

/// What client and server have agreed on.
struct Agreement {
  std::string subprotocol{};                   ///< one of those that were offered, or empty
  std::optional<DeflateParameters> deflate{};  ///< nothing: messages are not compressed
};

/// What the answer to an upgrade comes to.
struct HandshakeCheck {
  Agreement agreement{};
  std::string
      error{};  ///< what is wrong with the answer, such as `it has no Upgrade header`; empty if nothing is
};

/// Checks the header fields of a 101 answer.
HandshakeCheck check_answer(const http::Message& answer, const Offer& offer);

}  // namespace chaperon::websocket
