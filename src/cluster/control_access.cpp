#include "cluster/control_access.hpp"

#include <algorithm>
#include <optional>
#include <utility>

#include <boost/asio/ip/address.hpp>
#include <fmt/format.h>
#include <openssl/crypto.h>

#include "cluster/digest.hpp"
#include "http/encode.hpp"

namespace chaperon::cluster {
namespace {

std::string lower(std::string_view text) {
  std::string result(text);
  std::ranges::transform(result, result.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  return result;
}

// The IP address that a text is; nothing if it is none. An IPv4 one also where it is written as an IPv6 one.
std::optional<boost::asio::ip::address> ip_address(std::string_view text) {
  namespace ip = boost::asio::ip;
  boost::system::error_code error;
  const auto address = ip::make_address(text, error);
  // An interface (`::1%lo`) has no place in a URL.
  if (error || text.find('%') != std::string_view::npos) return std::nullopt;
  if (address.is_v6() && address.to_v6().is_v4_mapped())
    return ip::make_address_v4(ip::v4_mapped, address.to_v6());
  return address;
}

// `Example.com.:8080` is `example.com`, `[0::1]:8080` is `::1`; empty if it is neither.
std::string host_name(std::string_view header) {
  std::string_view name = header;
  std::string_view port;
  const bool in_brackets = header.starts_with('[');
  if (in_brackets) {
    const auto end = header.find(']');
    if (end == std::string_view::npos) return {};
    name = header.substr(1, end - 1);
    port = header.substr(end + 1);
    if (name.find(':') == std::string_view::npos) return {};
  } else if (const auto colon = header.find(':'); colon != std::string_view::npos) {
    name = header.substr(0, colon);
    port = header.substr(colon);
  }
  // Which port it is says nothing: it may have been forwarded.
  if (!port.empty() &&
      (port.front() != ':' || port.find_first_not_of("0123456789", 1) != std::string_view::npos))
    return {};
  if (name.ends_with('.')) name.remove_suffix(1);
  const auto address = ip_address(name);
  if (in_brackets && !address) return {};
  return address ? address->to_string() : lower(name);
}

}  // namespace

// A name is none that only begins like an address: whoever owns 127.evil.example says where it leads.
bool is_loopback_address(std::string_view text) {
  if (text == "localhost") return true;
  const auto address = ip_address(text);
  return address && address->is_loopback();
}

ControlAccess::ControlAccess(const std::string& token, std::vector<std::string> hosts)
    : digest_(token.empty() ? std::string()
                            : sha256(http::encode_base64(fmt::format("{}:{}", kApiUser, token)))),
      hosts_(std::move(hosts)) {
  for (auto& host : hosts_)
    host = host_name(host);
}

bool ControlAccess::authorizes(std::string_view authorization) const {
  if (!has_token()) return true;
  constexpr std::string_view kScheme = "basic ";
  if (lower(authorization.substr(0, kScheme.size())) != kScheme) return false;
  auto credentials = authorization.substr(kScheme.size());
  while (credentials.starts_with(' '))
    credentials.remove_prefix(1);
  // How far two digests are equal tells nothing of the token, and they are compared in constant time too.
  const auto given = sha256(credentials);
  return CRYPTO_memcmp(given.data(), digest_.data(), digest_.size()) == 0;
}

bool ControlAccess::accepts_host(std::string_view host, std::string_view local) const {
  const auto name = host_name(host);
  if (name.empty()) return false;
  const auto here = ip_address(local);
  return is_loopback_address(name) || (here && name == here->to_string()) ||
         std::ranges::find(hosts_, name) != hosts_.end();
}

}  // namespace chaperon::cluster
