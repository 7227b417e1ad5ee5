#include "http/cookie_codec.hpp"

#include <algorithm>
#include <functional>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "http/ascii.hpp"

namespace chaperon::http {
namespace {

constexpr std::uint8_t kHostOnly = 1;
constexpr std::uint8_t kSecure = 2;
constexpr std::uint8_t kExpires = 4;

// Four texts, flags.
constexpr std::size_t kSmallest = 5;

// A text that is safe within a request.
std::string take_text(ByteReader& in, const char* what, std::string_view forbidden,
                      std::size_t most = std::string::npos) {
  const std::string_view text = in.text(what, most);
  if (std::ranges::any_of(text, [](char c) { return is_control(c) && c != '\t'; }) ||
      text.find_first_of(forbidden) != std::string_view::npos) {
    in.fail(std::string(what) + " has a character that it must not have");
  }
  return std::string(text);
}

}  // namespace

void encode(ByteWriter& out, const CookieJar& jar) {
  using Cookie = CookieJar::Cookie;
  // In the order of creation: that in which they are sent follows from it.
  std::vector<std::reference_wrapper<const Cookie>> cookies(jar.cookies_.begin(), jar.cookies_.end());
  std::ranges::sort(cookies, {}, &Cookie::number);
  out.varint(cookies.size());
  for (const Cookie& cookie : cookies) {
    const bool expires = cookie.expires != CookieJar::Time::max();
    out.byte(static_cast<std::uint8_t>((cookie.host_only ? kHostOnly : 0) | (cookie.secure ? kSecure : 0) |
                                       (expires ? kExpires : 0)));
    out.text(cookie.name);
    out.text(cookie.value);
    out.text(cookie.domain);
    out.text(cookie.path);
    if (expires) out.zigzag(cookie.expires.time_since_epoch().count());
  }
}

CookieJar decode_cookies(ByteReader& in) {
  using Cookie = CookieJar::Cookie;
  CookieJar jar;
  auto& cookies = jar.cookies_;
  const std::size_t count = in.count("the number of cookies", kSmallest);
  if (count > CookieJar::kMax) in.fail("there are more cookies than a jar holds");
  cookies.reserve(count);
  while (jar.next_number_ < count) {
    const std::uint8_t flags = in.byte("a cookie");
    if (flags > (kHostOnly | kSecure | kExpires)) in.fail("a cookie is of no known kind");
    Cookie cookie{.name = take_text(in, "the name of a cookie", "=;", CookieJar::kMaxCookieSize),
                  .value = take_text(in, "the value of a cookie", ";", CookieJar::kMaxCookieSize),
                  .domain = take_text(in, "the domain of a cookie", " ;", CookieJar::kMaxAttributeSize),
                  .path = take_text(in, "the path of a cookie", {}),
                  .number = jar.next_number_++,
                  .host_only = (flags & kHostOnly) != 0,
                  .secure = (flags & kSecure) != 0};
    if (cookie.name.empty() || cookie.domain.empty() || !cookie.path.starts_with('/') ||
        cookie.name.size() + cookie.value.size() > CookieJar::kMaxCookieSize) {
      in.fail("a cookie is not one that a jar stores");
    }
    if ((flags & kExpires) != 0) {
      cookie.expires = CookieJar::Time(CookieJar::Time::duration(in.zigzag("when a cookie expires")));
      if (cookie.expires == CookieJar::Time::max()) in.fail("a cookie expires at the end of time");
    }
    cookies.push_back(std::move(cookie));
  }

  const auto identity = [](const Cookie& cookie) {
    return std::tie(cookie.domain, cookie.path, cookie.name);
  };
  std::ranges::sort(cookies, {}, identity);
  if (std::ranges::adjacent_find(cookies, {}, identity) != cookies.end()) in.fail("a cookie is there twice");
  for (std::size_t at = CookieJar::kMaxPerDomain; at < cookies.size(); ++at) {
    if (cookies[at - CookieJar::kMaxPerDomain].domain == cookies[at].domain)
      in.fail("there are more cookies of a domain than a jar holds");
  }
  // As insert() does.
  std::ranges::sort(cookies, [](const Cookie& a, const Cookie& b) {
    return std::make_tuple(b.path.size(), a.number) < std::make_tuple(a.path.size(), b.number);
  });
  return jar;
}

}  // namespace chaperon::http
