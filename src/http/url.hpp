// URLs: parsing, joining a base URL with a path, following redirects.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <chaperon/errors.hpp>
#include <chaperon/http.hpp>

namespace chaperon::http {

/// A URL cannot be used. what() names it (without its password), the reason and the remedy.
class UrlError : public InvalidArgument {
 public:
  using InvalidArgument::InvalidArgument;
};

/// What the host of a URL is.
enum class HostKind : std::uint8_t { name, ipv4, ipv6 };

/// An absolute URL, ready to be requested: `target` can be written to the wire as it is.
struct Url {
  std::string scheme{};    ///< http, https, ws, wss or http+unix
  std::string host{};      ///< lower-case name or address, IPv6 without brackets; localhost for http+unix
  std::uint16_t port = 0;  ///< always set; 0 for http+unix
  HostKind host_kind = HostKind::name;  ///< whether the host is to be resolved or is an address
  std::string target{};     ///< path and query: begins with '/', only characters that are safe on the wire
  std::string unix_path{};  ///< the path of the socket for http+unix, else empty
  std::optional<BasicAuth> basic_auth{};  ///< the user info, decoded

  /// Whether it is https or wss.
  [[nodiscard]] bool is_secure() const noexcept { return scheme == "https" || scheme == "wss"; }
  /// Whether it is ws or wss.
  [[nodiscard]] bool is_websocket() const noexcept { return scheme == "ws" || scheme == "wss"; }
  /// Whether the port is the one that the scheme implies.
  [[nodiscard]] bool has_default_port() const noexcept;
  /// The path: the target without its query. Lives as long as the target.
  [[nodiscard]] std::string_view path() const noexcept;

  /// What identifies the server: `http://host:port`, `http://[::1]:80`, `http+unix://%2Frun%2Fapp.sock`.
  [[nodiscard]] std::string origin() const;
  /// What the Host header says: `host`, `host:8080`, `[::1]:8080`; the default port is left out.
  [[nodiscard]] std::string host_header() const;
  /// The URL for metrics and messages: `http://host[:port]/path?query`, without user info, fragment and
  /// default port; without the query if `with_query` is false.
  [[nodiscard]] std::string text(bool with_query = true) const;
  /// Appends what text() begins with: `http://host[:port]`.
  void append_site(std::string& out) const;
};

/// Parses an absolute URL. `what` is what the error calls it, such as `base URL`. The path is kept as
/// written, dot segments too. Throws UrlError.
Url parse_url(std::string_view text, std::string_view what = "URL");

/// Whether a text begins as an absolute URL does: a scheme and `://`.
bool is_absolute_url(std::string_view text) noexcept;

/// The URL with `http://` before it if it names no scheme, as people type it: `localhost:8080` is
/// `http://localhost:8080`.
std::string with_scheme(std::string_view url);

/// Appends the target of `path` below `base`, whose own path may be more than "/": joined with exactly one
/// slash, escaped as in a Url, without fragment. An empty path is the base itself. `path` is not absolute.
/// Does not allocate beyond `out`. Throws UrlError if the base has a query and the path would have to go
/// behind it.
void append_joined_target(std::string& out, const Url& base, std::string_view path);

/// `base` with `path`: as append_joined_target() says, or `path` itself if it is an absolute URL. Throws
/// UrlError.
Url join_url(const Url& base, std::string_view path);

/// Where a `Location` of an answer from `current` leads (RFC 3986, section 5): absolute, or relative to
/// `current` in any way. Throws UrlError if it cannot be used, or if it leads to a local socket from
/// elsewhere.
Url resolve_redirect(const Url& current, std::string_view location);

/// Throws UrlError if the URL needs what is not there yet (TLS).
void require_supported(const Url& url);

}  // namespace chaperon::http
