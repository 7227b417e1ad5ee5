#include "net/address.hpp"

#include <array>
#include <charconv>
#include <cstddef>
#include <cstring>

#include <arpa/inet.h>
#include <fmt/format.h>

#include <chaperon/errors.hpp>

namespace chaperon::net {

std::optional<Address> Address::from_ip(std::string_view text, std::uint16_t port) {
  const std::string terminated(text);
  Address address;
  if (::inet_pton(AF_INET, terminated.c_str(), &address.storage_.v4.sin_addr) == 1) {
    address.storage_.v4.sin_family = AF_INET;
    address.storage_.v4.sin_port = htons(port);
    address.size_ = sizeof(sockaddr_in);
    return address;
  }
  address = Address();
  if (::inet_pton(AF_INET6, terminated.c_str(), &address.storage_.v6.sin6_addr) == 1) {
    address.storage_.v6.sin6_family = AF_INET6;
    address.storage_.v6.sin6_port = htons(port);
    address.size_ = sizeof(sockaddr_in6);
    return address;
  }
  return std::nullopt;
}

std::optional<Address> Address::from_sockaddr(const sockaddr* source) {
  Address address;
  if (source->sa_family == AF_INET) {
    address.size_ = sizeof(sockaddr_in);
  } else if (source->sa_family == AF_INET6) {
    address.size_ = sizeof(sockaddr_in6);
  } else {
    return std::nullopt;
  }
  std::memcpy(&address.storage_, source, address.size_);
  return address;
}

std::optional<Address> Address::from_unix_path(std::string_view path) {
  Address address;
  auto& local = address.storage_.local;
  if (path.empty() || path.size() >= sizeof local.sun_path) return std::nullopt;
  local.sun_family = AF_UNIX;
  std::memcpy(local.sun_path, path.data(), path.size());
  auto size = offsetof(sockaddr_un, sun_path) + path.size();
  if (path.front() == '@') {
    local.sun_path[0] = '\0';
  } else {
    ++size;
  }
  address.size_ = static_cast<socklen_t>(size);
  return address;
}

Address Address::with_port(std::uint16_t port) const noexcept {
  Address address = *this;
  if (family() == AF_INET) address.storage_.v4.sin_port = htons(port);
  if (family() == AF_INET6) address.storage_.v6.sin6_port = htons(port);
  return address;
}

std::string Address::text() const {
  std::array<char, INET6_ADDRSTRLEN> buffer{};
  switch (family()) {
    case AF_INET:
      ::inet_ntop(AF_INET, &storage_.v4.sin_addr, buffer.data(), buffer.size());
      return fmt::format("{}:{}", buffer.data(), ntohs(storage_.v4.sin_port));
    case AF_INET6:
      ::inet_ntop(AF_INET6, &storage_.v6.sin6_addr, buffer.data(), buffer.size());
      return fmt::format("[{}]:{}", buffer.data(), ntohs(storage_.v6.sin6_port));
    case AF_UNIX: {
      std::string path(storage_.local.sun_path, size_ - offsetof(sockaddr_un, sun_path));
      if (path.starts_with('\0')) path.front() = '@';
      if (path.ends_with('\0')) path.pop_back();
      return path;
    }
    default:
      return "an address of no known family";
  }
}

namespace {

constexpr unsigned kMostBlockBits = 16;

[[noreturn]] void throw_bad_local_address(const std::string& text) {
  throw InputError(fmt::format(
      "local address \"{}\" is neither an IP address nor a CIDR block of at most 65,536 addresses: write it "
      "like 127.0.0.2 or 127.1.0.0/24",
      text));
}

// Appends the address `first` + 0, 1, 2 … 2^bits - 1, counted in its last four bytes.
void append_block(std::vector<Address>& out, const Address& first, unsigned host_bits) {
  sockaddr_storage storage{};
  std::memcpy(&storage, first.data(), first.size());
  std::byte* tail =
      first.family() == AF_INET
          ? reinterpret_cast<std::byte*>(&reinterpret_cast<sockaddr_in*>(&storage)->sin_addr)
          : reinterpret_cast<std::byte*>(&reinterpret_cast<sockaddr_in6*>(&storage)->sin6_addr) + 12;
  std::uint32_t base = 0;
  std::memcpy(&base, tail, sizeof base);
  base = ntohl(base) & ~((1U << host_bits) - 1);
  for (std::uint32_t i = 0; i < (1U << host_bits); ++i) {
    const std::uint32_t number = htonl(base + i);
    std::memcpy(tail, &number, sizeof number);
    out.push_back(*Address::from_sockaddr(reinterpret_cast<const sockaddr*>(&storage)));
  }
}

}  // namespace

std::vector<Address> parse_local_addresses(const std::vector<std::string>& texts) {
  std::vector<Address> result;
  for (const auto& text : texts) {
    const auto slash = text.find('/');
    const auto address = Address::from_ip(std::string_view{text}.substr(0, slash), 0);
    if (!address) throw_bad_local_address(text);
    const unsigned bits = address->family() == AF_INET ? 32 : 128;
    unsigned prefix = bits;
    if (slash != std::string::npos) {
      const char* end = text.data() + text.size();
      const auto [stop, error] = std::from_chars(text.data() + slash + 1, end, prefix);
      if (error != std::errc{} || stop != end || prefix > bits || bits - prefix > kMostBlockBits) {
        throw_bad_local_address(text);
      }
    }
    append_block(result, *address, bits - prefix);
  }
  return result;
}

}  // namespace chaperon::net
