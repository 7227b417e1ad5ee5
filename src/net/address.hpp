// Socket addresses: IPv4, IPv6, Unix.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

namespace chaperon::net {

/// Where to connect to, or from.
class Address {
 public:
  Address() = default;
  /// An address and port from `127.0.0.1` or `::1`; nothing if the text is neither.
  static std::optional<Address> from_ip(std::string_view text, std::uint16_t port);
  /// From what a resolver gives: AF_INET or AF_INET6. Nothing for any other family.
  static std::optional<Address> from_sockaddr(const sockaddr* source);
  /// A Unix socket; nothing if the path is empty or longer than the kernel takes (107 bytes). A leading '@'
  /// means the abstract namespace.
  static std::optional<Address> from_unix_path(std::string_view path);

  [[nodiscard]] Address with_port(std::uint16_t port) const noexcept;
  [[nodiscard]] const sockaddr* data() const noexcept { return &storage_.generic; }
  [[nodiscard]] socklen_t size() const noexcept { return size_; }
  [[nodiscard]] int family() const noexcept { return storage_.generic.sa_family; }
  /// For people: `127.0.0.1:5000`, `[::1]:5000`, `/run/app.sock`.
  [[nodiscard]] std::string text() const;

 private:
  // The largest member comes first: an initialiser clears no other.
  union Storage {
    sockaddr_un local;
    sockaddr generic;
    sockaddr_in v4;
    sockaddr_in6 v6;
  };
  Storage storage_{};
  socklen_t size_ = 0;
};

/// Local addresses to connect from: each text is an address or a CIDR block (`127.1.0.0/24`). Throws
/// InputError for anything else, and for a block of more than 65,536 addresses.
std::vector<Address> parse_local_addresses(const std::vector<std::string>& texts);

}  // namespace chaperon::net
