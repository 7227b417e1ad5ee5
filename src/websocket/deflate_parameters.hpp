// What client and server have agreed on about compression.
#pragma once

namespace chaperon::websocket {

/// The parameters of permessage-deflate (RFC 7692, section 7.1).
struct DeflateParameters {
  bool server_no_context_takeover = false;  ///< each message of the server is compressed by itself
  bool client_no_context_takeover = false;  ///< each message of the client is to be compressed by itself
  int server_max_window_bits = 15;  ///< 8 to 15: how far back the server's messages refer, as a power of 2
  int client_max_window_bits = 15;  ///< 8 to 15: how far back the client's messages may refer
  friend bool operator==(const DeflateParameters&, const DeflateParameters&) = default;
};

}  // namespace chaperon::websocket
