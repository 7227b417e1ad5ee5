// Where NATS servers are, as people write it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace chaperon::cluster {

/// A NATS server, or several of one cluster.
struct NatsUrl {
  std::vector<std::string> servers{};  ///< each as `scheme://host:port`, with user and password where given
  std::string shown{};                 ///< all of them for a person, without users and passwords
  std::string far{};                   ///< the first that is not on this machine, without user; empty: none
  bool tls = false;                    ///< whether they are reached with TLS
};

/// Reads `nats://` or `tls://` URLs with commas in between; a URL without a scheme is nats://, without a port
/// 4222. Throws InputError, in which no password stands.
NatsUrl parse_nats_url(std::string_view text);

}  // namespace chaperon::cluster
