#include "http/origin.hpp"

#include <fmt/format.h>

namespace chaperon::http {

Origin::Origin(const Url& url) : text_(url.origin()), host_header_(url.host_header()), port_(url.port) {
  if (!url.unix_path.empty()) {
    address_ = net::Address::from_unix_path(url.unix_path);
    if (!address_) {
      address_error_ =
          fmt::format("the socket path {} is longer than the 107 bytes that the system takes", url.unix_path);
    }
  } else if (url.host_kind == HostKind::name) {
    host_ = url.host;
  } else {
    address_ = net::Address::from_ip(url.host, url.port);
    if (!address_) address_error_ = fmt::format("{} is not an address", url.host);
  }
}

}  // namespace chaperon::http
