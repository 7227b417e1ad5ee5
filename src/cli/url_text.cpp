#include "cli/url_text.hpp"

#include <algorithm>
#include <cctype>

#include <fmt/format.h>

namespace chaperon::cli {
namespace {

struct UrlParts {
  std::string_view scheme;  // with ://
  std::string_view user;    // with @
  std::string_view host;    // with port
  std::string_view rest;
};

UrlParts split(std::string_view url) {
  UrlParts parts;
  if (const auto scheme_end = url.find("://"); scheme_end != std::string_view::npos) {
    parts.scheme = url.substr(0, scheme_end + 3);
    url.remove_prefix(scheme_end + 3);
  }
  const auto authority = url.substr(0, url.find_first_of("/?#"));
  parts.rest = url.substr(authority.size());
  const auto at = authority.rfind('@');
  const auto host_begin = at == std::string_view::npos ? 0 : at + 1;
  parts.user = authority.substr(0, host_begin);
  parts.host = authority.substr(host_begin);
  return parts;
}

std::string lower_case(std::string_view text) {
  std::string result(text);
  std::transform(result.begin(), result.end(), result.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return result;
}

}  // namespace

std::string comparable_url(std::string_view url) {
  const auto parts = split(url);
  auto scheme = lower_case(parts.scheme);
  if (scheme == "ws://") scheme = "http://";
  if (scheme == "wss://") scheme = "https://";
  // What stands there for a Unix socket is its path.
  const auto host_and_port = scheme == "http+unix://" ? std::string(parts.host) : lower_case(parts.host);
  std::string_view host = host_and_port;
  const std::string_view default_port = scheme == "https://" ? ":443" : ":80";
  if (host.ends_with(default_port)) host.remove_suffix(default_port.size());
  return fmt::format("{}{}{}", scheme, host, parts.rest.substr(0, parts.rest.find('#')));
}

std::string origin_of(std::string_view url) {
  const auto parts = split(url);
  return fmt::format("{}{}", parts.scheme, parts.host);
}

std::string without_password(std::string_view url) {
  const auto parts = split(url);
  return fmt::format("{}{}{}{}", parts.scheme, parts.user.empty() ? "" : "***@", parts.host, parts.rest);
}

}  // namespace chaperon::cli
