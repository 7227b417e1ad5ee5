#include "http/cookies.hpp"

#include <algorithm>
#include <optional>
#include <utility>

#include "http/ascii.hpp"
#include "http/cookie_date.hpp"

namespace chaperon::http {
namespace {

using Time = CookieJar::Time;

// What a Set-Cookie header says: RFC 6265, section 5.2.
struct SetCookie {
  std::string_view name;
  std::string_view value;
  std::string_view domain;  // without a leading dot; empty if there is none
  std::string_view path;    // empty if there is none that can be used
  std::optional<Time> expires;
  std::optional<Time> max_age;
  bool secure = false;
};

// RFC 6265, section 5.2.2. Nothing if the value is not a number.
std::optional<Time> parse_max_age(std::string_view value, Time now) noexcept {
  const bool negative = value.starts_with('-');
  if (negative) value.remove_prefix(1);
  if (value.empty() || !std::ranges::all_of(value, is_digit)) return std::nullopt;
  if (negative || value.find_first_not_of('0') == std::string_view::npos) return Time::min();
  constexpr std::int64_t kLongest = std::int64_t{100} * 365 * 24 * 3600;  // further ahead than any run
  std::int64_t seconds = 0;
  for (const char c : value)
    seconds = std::min(kLongest, 10 * seconds + (c - '0'));
  const auto age = std::chrono::seconds(seconds);
  return now > Time::max() - age ? Time::max() : now + age;
}

void parse_attribute(std::string_view attribute, SetCookie& cookie, Time now) noexcept {
  const std::size_t equals = attribute.find('=');
  const std::string_view name = trim(attribute.substr(0, equals));
  std::string_view value =
      equals == std::string_view::npos ? std::string_view() : trim(attribute.substr(equals + 1));
  if (value.size() > CookieJar::kMaxAttributeSize) return;
  if (equal_ignoring_case(name, "Expires")) {
    if (const auto time = parse_cookie_date(value)) cookie.expires = time;
  } else if (equal_ignoring_case(name, "Max-Age")) {
    if (const auto time = parse_max_age(value, now)) cookie.max_age = time;
  } else if (equal_ignoring_case(name, "Domain")) {
    if (value.starts_with('.')) value.remove_prefix(1);
    if (!value.empty()) cookie.domain = value;
  } else if (equal_ignoring_case(name, "Path")) {
    cookie.path = value.starts_with('/') ? value : std::string_view();
  } else if (equal_ignoring_case(name, "Secure")) {
    cookie.secure = true;
  }
}

std::optional<SetCookie> parse(std::string_view header, Time now) noexcept {
  // What is stored is sent again: nothing that could break a request may get in.
  if (std::ranges::any_of(header, [](char c) { return is_control(c) && c != '\t'; })) return std::nullopt;
  const std::string_view pair = header.substr(0, header.find(';'));
  const std::size_t equals = pair.find('=');
  if (equals == std::string_view::npos) return std::nullopt;
  SetCookie cookie;
  cookie.name = trim(pair.substr(0, equals));
  cookie.value = trim(pair.substr(equals + 1));
  if (cookie.name.empty() || cookie.name.size() + cookie.value.size() > CookieJar::kMaxCookieSize)
    return std::nullopt;
  for (std::size_t at = pair.size(); at < header.size();) {
    const std::size_t end = std::min(header.find(';', at + 1), header.size());
    parse_attribute(header.substr(at + 1, end - at - 1), cookie, now);
    at = end;
  }
  return cookie;
}

// RFC 6265, section 5.1.3, for a host that is a name.
bool domain_matches(std::string_view host, std::string_view domain) noexcept {
  if (host.size() <= domain.size()) return host == domain;
  return host.ends_with(domain) && host[host.size() - domain.size() - 1] == '.';
}

// RFC 6265, section 5.1.4.
bool path_matches(std::string_view request_path, std::string_view cookie_path) noexcept {
  if (!request_path.starts_with(cookie_path)) return false;
  return request_path.size() == cookie_path.size() || cookie_path.ends_with('/') ||
         request_path[cookie_path.size()] == '/';
}

std::string_view default_path(const Url& url) noexcept {
  const std::string_view path = url.path();
  const std::size_t slash = path.rfind('/');
  return slash == 0 || slash == std::string_view::npos ? std::string_view("/") : path.substr(0, slash);
}

}  // namespace

bool CookieJar::store(std::string_view set_cookie, const Url& url, Time now) {
  const std::optional<SetCookie> parsed = parse(set_cookie, now);
  if (!parsed) return false;

  Cookie cookie{.name = std::string(parsed->name),
                .value = std::string(parsed->value),
                .domain = url.host,
                .path = std::string(parsed->path.empty() ? default_path(url) : parsed->path),
                .expires = parsed->max_age.value_or(parsed->expires.value_or(Time::max())),
                .secure = parsed->secure};
  if (std::string domain = lower_case(parsed->domain); !domain.empty() && domain != url.host) {
    const bool is_public = domain.find('.') == std::string::npos;
    if (url.host_kind != HostKind::name || is_public || !domain_matches(url.host, domain)) return false;
    cookie.domain = std::move(domain);
    cookie.host_only = false;
  } else if (!domain.empty() && url.host_kind == HostKind::name && domain.find('.') != std::string::npos) {
    cookie.host_only = false;
  }

  const auto same = std::ranges::find_if(cookies_, [&](const Cookie& other) {
    return other.name == cookie.name && other.domain == cookie.domain && other.path == cookie.path;
  });
  const bool is_expired = cookie.expires <= now;
  if (same != cookies_.end()) {
    cookie.number = same->number;  // a replaced cookie keeps its age, and with it its place
    if (is_expired) {
      cookies_.erase(same);
    } else {
      *same = std::move(cookie);
    }
  } else if (!is_expired) {
    evict(cookie.domain, now);
    insert(std::move(cookie));
  }
  return true;
}

void CookieJar::insert(Cookie cookie) {
  cookie.number = next_number_++;
  const auto place = std::ranges::find_if(
      cookies_, [&](const Cookie& other) { return other.path.size() < cookie.path.size(); });
  cookies_.insert(place, std::move(cookie));
}

// Makes room for one more cookie of that domain. Expired ones go first, as the RFC says; then the oldest by
// creation, since a jar that does not note the last use can be read without being written.
void CookieJar::evict(const std::string& domain, Time now) {
  const auto of_domain = [&] {
    return static_cast<std::size_t>(std::ranges::count(cookies_, domain, &Cookie::domain));
  };
  if (cookies_.size() < kMaxPerDomain) return;
  if (cookies_.size() < kMax && of_domain() < kMaxPerDomain) return;
  std::erase_if(cookies_, [&](const Cookie& cookie) { return cookie.expires <= now; });
  if (of_domain() >= kMaxPerDomain) evict_oldest(&domain);
  if (cookies_.size() >= kMax) evict_oldest(nullptr);
}

void CookieJar::evict_oldest(const std::string* domain) {
  auto oldest = cookies_.end();
  for (auto it = cookies_.begin(); it != cookies_.end(); ++it) {
    if (domain != nullptr && it->domain != *domain) continue;
    if (oldest == cookies_.end() || it->number < oldest->number) oldest = it;
  }
  if (oldest != cookies_.end()) cookies_.erase(oldest);
}

bool CookieJar::append_header_value(std::string& out, const Url& url, Time now) const {
  bool is_first = true;
  for (const Cookie& cookie : cookies_) {
    const bool host_matches =
        cookie.host_only ? url.host == cookie.domain : domain_matches(url.host, cookie.domain);
    if (!host_matches || !path_matches(url.path(), cookie.path) || (cookie.secure && !url.is_secure()) ||
        cookie.expires <= now) {
      continue;
    }
    if (!is_first) out.append("; ");
    is_first = false;
    out.append(cookie.name).append(1, '=').append(cookie.value);
  }
  return !is_first;
}

}  // namespace chaperon::http
