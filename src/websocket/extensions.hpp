// The extensions of a WebSocket as client and server negotiate them. There is one: permessage-deflate.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "websocket/deflate_parameters.hpp"

namespace chaperon::websocket {

/// The offer of compression, as the value of a Sec-WebSocket-Extensions header: without conditions, and the
/// server may limit the client's window.
inline constexpr std::string_view kDeflateOffer = "permessage-deflate; client_max_window_bits";

/// What a server has agreed to. `error` says in a sentence what is wrong; it is empty if all is well.
struct ExtensionsCheck {
  std::optional<DeflateParameters> deflate{};
  std::string error{};
};

/// Reads the Sec-WebSocket-Extensions of an answer (RFC 6455, section 9.1; RFC 7692, section 7.1): a list,
/// several headers joined by commas. `offered`: whether kDeflateOffer was sent.
ExtensionsCheck check_extensions(std::string_view list, bool offered);

}  // namespace chaperon::websocket
