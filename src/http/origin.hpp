// A server as one loop knows it: where it is, and who waits to connect to it.
#pragma once

#include <cstddef>
#include <optional>
#include <string>

#include <boost/intrusive/list.hpp>

#include "http/exchange.hpp"
#include "http/url.hpp"
#include "net/address.hpp"
#include "net/resolver.hpp"

namespace chaperon::http {

using WaitingExchanges = boost::intrusive::list<Exchange, boost::intrusive::constant_time_size<false>>;

/// Scheme, host and port, and what is going on with them. Belongs to a Client and stays where it is.
class Origin {
 public:
  explicit Origin(const Url& url);

  /// `http://localhost:5000`.
  [[nodiscard]] const std::string& text() const noexcept { return text_; }
  /// The value of the Host header.
  [[nodiscard]] const std::string& host_header() const noexcept { return host_header_; }

 private:
  friend class Client;
  friend class Connection;

  // As many connections may be in their handshake at once, so that a crowd that starts together does not run
  // into the server's backlog and the kernel's retransmissions, which come after a second.
  static constexpr std::size_t kMostConnecting = 128;

  std::string text_;
  std::string host_header_;
  std::string host_;  // to be resolved; empty where address_ is set
  std::uint16_t port_ = 0;
  std::optional<net::Address> address_;  // literal, or a Unix socket
  std::string address_error_;            // why there can be none
  std::size_t connecting_ = 0;
  std::size_t next_address_ = 0;  // where the next connection begins among the host's addresses
  WaitingExchanges waiting_;
};

}  // namespace chaperon::http
