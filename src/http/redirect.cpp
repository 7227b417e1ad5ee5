#include <algorithm>
#include <string>
#include <string_view>

#include <fmt/format.h>

#include "http/percent_encoding.hpp"
#include "http/url.hpp"

namespace chaperon::http {
namespace {

// RFC 3986, section 5.2.4, for a path that begins with a slash: "." goes, ".." takes the segment before it
// along.
std::string remove_dot_segments(std::string_view path) {
  std::string result;
  while (!path.empty()) {
    const std::size_t end = std::min(path.find('/', 1), path.size());
    const std::string_view segment = path.substr(0, end);
    path.remove_prefix(end);
    if (segment == "/..") {
      result.erase(std::min(result.rfind('/'), result.size()));
    } else if (segment != "/.") {
      result.append(segment);
      continue;
    }
    // A dot segment at the end leaves its slash.
    if (path.empty()) result.push_back('/');
  }
  if (result.empty()) result.push_back('/');
  return result;
}

std::string without_dot_segments(std::string_view target) {
  const std::size_t query = std::min(target.find('?'), target.size());
  return remove_dot_segments(target.substr(0, query)).append(target.substr(query));
}

// RFC 3986, section 5.2.2, for a reference without scheme and authority.
std::string resolve_target(const Url& current, std::string_view reference) {
  std::string merged;
  if (reference.empty()) return current.target;
  if (reference.front() == '?') {
    merged.append(current.path());
  } else if (reference.front() != '/') {
    const std::string_view path = current.path();
    merged.append(path.substr(0, path.rfind('/') + 1));
  }
  append_target(merged, reference);
  return without_dot_segments(merged);
}

}  // namespace

Url resolve_redirect(const Url& current, std::string_view location) {
  // In a relative reference no colon stands before the first slash (RFC 3986, section 4.2).
  const std::size_t first = location.find_first_of(":/?#");
  const bool has_scheme = first != std::string_view::npos && location[first] == ':';
  Url next;
  if (has_scheme) {
    next = parse_url(location, "Location");
  } else if (location.starts_with("//")) {
    next = parse_url(std::string(current.scheme).append(":").append(location), "Location");
  } else {
    next = current;
    next.target = resolve_target(current, location.substr(0, location.find('#')));
    return next;
  }
  next.target = without_dot_segments(next.target);
  // Else any server could send its clients to the sockets of their own machine.
  if (!next.unix_path.empty() && next.unix_path != current.unix_path) {
    throw UrlError(fmt::format(
        "Location \"{}\": a redirect cannot lead to a local socket: request it directly", next.text()));
  }
  return next;
}

}  // namespace chaperon::http
