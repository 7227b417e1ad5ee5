#include "http/url.hpp"

#include <algorithm>
#include <array>
#include <charconv>

#include <arpa/inet.h>
#include <fmt/format.h>

#include "http/ascii.hpp"
#include "http/percent_encoding.hpp"

namespace chaperon::http {
namespace {

constexpr std::string_view kUnixScheme = "http+unix";
constexpr std::size_t kMaxHost = 253;  // RFC 1035, section 2.3.4, less the root's label
constexpr std::size_t kMaxLabel = 63;
constexpr std::size_t kMaxUnixPath = 107;  // sockaddr_un::sun_path, less its NUL

struct SchemePort {
  std::string_view scheme;
  std::uint16_t port;
};
constexpr std::array<SchemePort, 5> kSchemes{
    {{"http", 80}, {"https", 443}, {"ws", 80}, {"wss", 443}, {kUnixScheme, 0}}};

const SchemePort* find_scheme(std::string_view scheme) noexcept {
  const auto* found = std::ranges::find(kSchemes, scheme, &SchemePort::scheme);
  return found == kSchemes.end() ? nullptr : found;
}

// The length of the scheme of an absolute URL; 0 if there is none.
std::size_t scheme_size(std::string_view text) noexcept {
  if (text.empty() || !is_alpha(text.front())) return 0;
  const auto* end = std::ranges::find_if_not(
      text, [](char c) { return is_alphanumeric(c) || c == '+' || c == '-' || c == '.'; });
  const auto size = static_cast<std::size_t>(end - text.begin());
  return text.substr(size).starts_with(':') ? size : 0;
}

// The text for an error message: short, printable, without a password.
std::string shown(std::string_view text) {
  constexpr std::size_t kMaxShown = 120;
  std::string result;
  const std::size_t slashes = text.find("://");
  const std::size_t authority = slashes == std::string_view::npos ? 0 : slashes + 3;
  // Where there is no authority to be found, anything before an @ may be a password.
  const std::string_view ends = authority == 0 ? "?#" : "/?#";
  const std::size_t at = text.substr(0, text.find_first_of(ends, authority)).rfind('@');
  if (at != std::string_view::npos && at >= authority) {
    result.append(text.substr(0, authority)).append("***");
    text.remove_prefix(at);
  }
  const bool cut = text.size() > kMaxShown;
  result.append(text.substr(0, kMaxShown));
  return fmt::format("{:?}{}", result, cut ? "..." : "");
}

// What is being parsed, for the error message.
struct Subject {
  std::string_view what;
  std::string_view text;

  [[noreturn]] void refuse(std::string_view reason,
                           std::string_view remedy = "write it as http://HOST[:PORT]/PATH") const {
    throw UrlError(fmt::format("{} {}: {}: {}", what, shown(text), reason, remedy));
  }
};

BasicAuth parse_user_info(std::string_view user_info, const Subject& subject) {
  const std::size_t colon = user_info.find(':');
  const auto user = percent_decode(user_info.substr(0, colon));
  const auto password =
      percent_decode(colon == std::string_view::npos ? std::string_view() : user_info.substr(colon + 1));
  if (!user || !password) {
    subject.refuse("a % in the user info is not followed by two hexadecimal digits", "write % as %25");
  }
  // RFC 7617, section 2: the colon ends the user, and control characters cannot be sent.
  if (user->find(':') != std::string::npos) {
    subject.refuse("the user name has a colon",
                   "HTTP Basic authentication cannot carry it; use another user name");
  }
  if (std::ranges::any_of(*user, is_control) || std::ranges::any_of(*password, is_control)) {
    subject.refuse("the user info has a control character", "remove it");
  }
  return {.user = *user, .password = *password};
}

void set_ipv6_host(Url& url, std::string_view literal, const Subject& subject) {
  if (literal.find('%') != std::string_view::npos) {
    subject.refuse("an IPv6 address with a zone is not supported",
                   "leave out the zone, or use another address");
  }
  const std::string text(literal);
  in6_addr address{};
  if (inet_pton(AF_INET6, text.c_str(), &address) != 1 || text.find('\0') != std::string::npos) {
    subject.refuse("what stands in brackets is not an IPv6 address", "write it as http://[::1]:PORT/PATH");
  }
  // Its one canonical form, so that two ways to write an address are one origin.
  std::array<char, INET6_ADDRSTRLEN> canonical{};
  url.host = inet_ntop(AF_INET6, &address, canonical.data(), canonical.size());
  url.host_kind = HostKind::ipv6;
}

bool is_ipv4(const std::string& host) noexcept {
  in_addr address{};
  return inet_pton(AF_INET, host.c_str(), &address) == 1;
}

// The last label of an IPv4 address is a number, and that of a name never is (WHATWG URL, "ends in a
// number").
bool ends_in_number(std::string_view host) noexcept {
  if (host.ends_with('.')) host.remove_suffix(1);
  const std::size_t dot = host.rfind('.');
  const std::string_view last = dot == std::string_view::npos ? host : host.substr(dot + 1);
  return !last.empty() && (std::ranges::all_of(last, is_digit) || last.starts_with("0x"));
}

void set_name_host(Url& url, std::string_view host, const Subject& subject) {
  if (host.empty()) subject.refuse("the host is missing");
  if (std::ranges::any_of(host, [](char c) { return byte_of(c) >= 0x80; })) {
    subject.refuse("the host has characters outside ASCII", "write it in its ASCII form, xn--...");
  }
  const auto* bad = std::ranges::find_if_not(
      host, [](char c) { return is_alphanumeric(c) || c == '-' || c == '.' || c == '_'; });
  if (bad != host.end()) {
    subject.refuse(fmt::format("a host cannot have the character {:?}", std::string_view(bad, 1)));
  }
  const std::string_view labels = host.ends_with('.') ? host.substr(0, host.size() - 1) : host;
  if (labels.size() > kMaxHost)
    subject.refuse("the host is longer than 253 characters", "use a shorter name");
  for (std::size_t at = 0; at <= labels.size();) {
    const std::size_t end = std::min(labels.find('.', at), labels.size());
    if (end == at) subject.refuse("the host has an empty part between its dots");
    if (end - at > kMaxLabel)
      subject.refuse("a part of the host is longer than 63 characters", "use a shorter name");
    at = end + 1;
  }
  url.host = lower_case(host);
  if (!ends_in_number(url.host)) return;
  if (!is_ipv4(url.host)) {
    subject.refuse("the host looks like an IPv4 address and is none",
                   "write four numbers from 0 to 255: 127.0.0.1");
  }
  url.host_kind = HostKind::ipv4;
}

std::uint16_t parse_port(std::string_view text, const Subject& subject) {
  unsigned port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (error != std::errc() || end != text.data() + text.size() || port == 0 || port > UINT16_MAX) {
    subject.refuse(fmt::format("the port {:?} is not a number from 1 to 65535", text));
  }
  return static_cast<std::uint16_t>(port);
}

void parse_unix_authority(Url& url, std::string_view authority, const Subject& subject) {
  constexpr std::string_view kRemedy = "write it as http+unix://%2Frun%2Fapp.sock/PATH";
  const auto path = percent_decode(authority);
  if (!path || path->empty() || path->front() != '/' || path->find('\0') != std::string::npos) {
    subject.refuse("the host is not the percent-encoded absolute path of a socket", kRemedy);
  }
  if (path->size() > kMaxUnixPath) {
    subject.refuse("the path of the socket is longer than 107 bytes, the system's limit",
                   "use a shorter path");
  }
  url.unix_path = *path;
  url.host = "localhost";
}

void parse_authority(Url& url, std::string_view authority, const Subject& subject) {
  // Browsers take it for a slash, RFC 3986 for part of the user info: no reading is safe.
  if (authority.find('\\') != std::string_view::npos) subject.refuse("the host has a backslash");
  if (const std::size_t at = authority.rfind('@'); at != std::string_view::npos) {
    url.basic_auth = parse_user_info(authority.substr(0, at), subject);
    authority.remove_prefix(at + 1);
  }
  if (url.scheme == kUnixScheme) return parse_unix_authority(url, authority, subject);

  std::string_view after_host;
  if (authority.starts_with('[')) {
    const std::size_t end = authority.find(']');
    if (end == std::string_view::npos) subject.refuse("the bracket of the IPv6 address is not closed");
    set_ipv6_host(url, authority.substr(1, end - 1), subject);
    after_host = authority.substr(end + 1);
  } else {
    const std::size_t colon = authority.find(':');
    if (colon != std::string_view::npos && authority.find(':', colon + 1) != std::string_view::npos) {
      subject.refuse("the host has more than one colon",
                     "write an IPv6 address in brackets: http://[::1]:PORT/PATH");
    }
    set_name_host(url, authority.substr(0, colon), subject);
    after_host = colon == std::string_view::npos ? std::string_view() : authority.substr(colon);
  }
  url.port = find_scheme(url.scheme)->port;
  if (after_host.empty() || after_host == ":") return;
  if (!after_host.starts_with(':')) subject.refuse("only a port can follow the IPv6 address");
  url.port = parse_port(after_host.substr(1), subject);
}

std::string_view without_fragment(std::string_view text) noexcept {
  return text.substr(0, text.find('#'));
}

}  // namespace

bool Url::has_default_port() const noexcept {
  const SchemePort* known = find_scheme(scheme);
  return known != nullptr && known->port == port;
}

std::string_view Url::path() const noexcept {
  return std::string_view{target}.substr(0, target.find('?'));
}

std::string Url::origin() const {
  std::string result;
  append_site(result);
  if (has_default_port() && port != 0) result.append(fmt::format(":{}", port));
  return result;
}

std::string Url::host_header() const {
  std::string result = host_kind == HostKind::ipv6 ? "[" + host + "]" : host;
  if (!has_default_port()) result.append(fmt::format(":{}", port));
  return result;
}

std::string Url::text(bool with_query) const {
  std::string result;
  append_site(result);
  return result.append(with_query ? std::string_view{target} : path());
}

void Url::append_site(std::string& out) const {
  out.append(scheme).append("://");
  if (!unix_path.empty()) {
    append_query_component(out, unix_path);
    return;
  }
  if (host_kind == HostKind::ipv6) out.push_back('[');
  out.append(host);
  if (host_kind == HostKind::ipv6) out.push_back(']');
  if (!has_default_port()) fmt::format_to(std::back_inserter(out), ":{}", port);
}

Url parse_url(std::string_view text, std::string_view what) {
  const Subject subject{.what = what, .text = text};
  const std::size_t scheme_end = scheme_size(text);
  if (scheme_end == 0 || !text.substr(scheme_end).starts_with("://")) subject.refuse("the scheme is missing");

  Url url;
  url.scheme = lower_case(text.substr(0, scheme_end));
  if (find_scheme(url.scheme) == nullptr) {
    subject.refuse(fmt::format("the scheme {:?} is not known", url.scheme), "use http or http+unix");
  }
  const std::string_view rest = without_fragment(text.substr(scheme_end + 3));
  const std::size_t authority_end = std::min(rest.find_first_of("/?"), rest.size());
  parse_authority(url, rest.substr(0, authority_end), subject);
  const std::string_view target = rest.substr(authority_end);
  if (!target.starts_with('/')) url.target.push_back('/');
  append_target(url.target, target);
  return url;
}

bool is_absolute_url(std::string_view text) noexcept {
  const std::size_t size = scheme_size(text);
  return size != 0 && text.substr(size).starts_with("://");
}

std::string with_scheme(std::string_view url) {
  const auto before_path = url.substr(0, url.find_first_of("/?#"));
  // `http:` alone before the first slash is the scheme of `http://…`; `localhost:8080` has no `//` behind its
  // colon.
  const bool has_scheme = url.substr(before_path.size()).starts_with("//") && before_path.ends_with(':');
  return has_scheme ? std::string(url) : fmt::format("http://{}", url);
}

void append_joined_target(std::string& out, const Url& base, std::string_view path) {
  path = without_fragment(path);
  if (path.empty()) {
    out.append(base.target);
    return;
  }
  std::string_view base_path = base.path();
  if (base_path.size() != base.target.size()) {
    throw UrlError(fmt::format(
        "{} cannot be joined with the path {:?}: it has a query of its own: leave the query out of "
        "the base URL and give it to each request, as in .params = {{{{\"key\", \"value\"}}}}",
        shown(base.text()), path));
  }
  if (path.front() != '?') {
    while (base_path.ends_with('/'))
      base_path.remove_suffix(1);
    while (path.starts_with('/'))
      path.remove_prefix(1);
    out.append(base_path).append(1, '/');
  } else {
    out.append(base_path);
  }
  append_target(out, path);
}

Url join_url(const Url& base, std::string_view path) {
  if (is_absolute_url(path)) return parse_url(path);
  std::string target;
  append_joined_target(target, base, path);
  Url url = base;
  url.target = std::move(target);
  return url;
}

void require_supported(const Url& url) {
  if (!url.is_secure()) return;
  throw UrlError(
      fmt::format("TLS is not built in yet: {} cannot be requested: use {}: URL, or a proxy that adds TLS",
                  url.text(), url.is_websocket() ? "a ws" : "an http"));
}

}  // namespace chaperon::http
