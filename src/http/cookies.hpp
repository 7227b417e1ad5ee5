// Cookies of one user, as RFC 6265 says.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "http/url.hpp"

namespace chaperon {
class ByteReader;
class ByteWriter;
}  // namespace chaperon

namespace chaperon::http {

/// A cookie jar by RFC 6265, copyable (a child task gets a copy). It keeps to the RFC where browsers have
/// moved on: `Secure` cookies go only over https and wss, also on loopback; SameSite is ignored, since every
/// request of a scenario is one the user makes. It knows no list of public suffixes: it refuses cookies for a
/// domain of a single label (`com`), not those for `co.uk`.
class CookieJar {
 public:
  using Time = std::chrono::system_clock::time_point;

  static constexpr std::size_t kMaxCookieSize =
      4096;  ///< bytes of name and value; a larger cookie is ignored
  static constexpr std::size_t kMaxAttributeSize = 1024;  ///< bytes; a larger attribute is ignored
  static constexpr std::size_t kMaxPerDomain = 50;        ///< the oldest beyond that are evicted
  static constexpr std::size_t kMax = 3000;               ///< the oldest beyond that are evicted

  /// Takes a Set-Cookie header of an answer from `url`: stores, replaces or deletes a cookie, or ignores what
  /// the RFC says is to be ignored. Returns whether it was taken.
  bool store(std::string_view set_cookie, const Url& url, Time now);

  /// Appends the value of the Cookie header for a request to `url`, `a=1; b=2`: longer paths first, then
  /// older cookies. Returns whether there was one. Does not allocate beyond `out`.
  bool append_header_value(std::string& out, const Url& url, Time now) const;

  /// Whether it has no cookies, expired ones included.
  [[nodiscard]] bool empty() const noexcept { return cookies_.empty(); }
  /// How many cookies it has, expired ones included.
  [[nodiscard]] std::size_t size() const noexcept { return cookies_.size(); }
  /// Forgets all cookies.
  void clear() noexcept { cookies_.clear(); }

 private:
  // They send and receive exactly this: cookie_codec.hpp.
  friend void encode(ByteWriter& out, const CookieJar& jar);
  friend CookieJar decode_cookies(ByteReader& in);

  struct Cookie {
    std::string name;
    std::string value;
    std::string domain;
    std::string path;
    Time expires = Time::max();  // for the session's life
    std::uint64_t number = 0;    // in the order of creation
    bool host_only = true;
    bool secure = false;
  };

  void insert(Cookie cookie);
  void evict(const std::string& domain, Time now);
  void evict_oldest(const std::string* domain);

  std::vector<Cookie> cookies_;  // in the order in which they are sent
  std::uint64_t next_number_ = 0;
};

}  // namespace chaperon::http
