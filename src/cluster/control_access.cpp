#include "cluster/control_access.hpp"

#include <algorithm>
#include <utility>

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

// `Example.com.:8080` is `example.com`, `[::1]:8080` is `::1`; empty if it is neither.
std::string host_name(std::string_view header) {
  std::string_view name = header;
  std::string_view port;
  if (header.starts_with('[')) {
    const auto end = header.find(']');
    if (end == std::string_view::npos) return {};
    name = header.substr(1, end - 1);
    port = header.substr(end + 1);
  } else if (const auto colon = header.find(':'); colon != std::string_view::npos) {
    name = header.substr(0, colon);
    port = header.substr(colon);
  }
  // Which port it is says nothing: it may have been forwarded.
  if (!port.empty() &&
      (port.front() != ':' || port.find_first_not_of("0123456789", 1) != std::string_view::npos))
    return {};
  if (name.ends_with('.')) name.remove_suffix(1);
  return lower(name);
}

}  // namespace

bool is_loopback_address(std::string_view address) noexcept {
  return address == "localhost" || address == "::1" || address.starts_with("127.");
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
  return is_loopback_address(name) || name == lower(local) || std::ranges::find(hosts_, name) != hosts_.end();
}

}  // namespace chaperon::cluster
