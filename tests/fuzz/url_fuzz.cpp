// Whatever parses as a URL must be safe on the wire and parse to itself again; so must joins and redirects.
// Input: a URL, a line feed, a path or Location.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "http/ascii.hpp"
#include "http/url.hpp"
#include "require.hpp"

namespace {

using namespace chaperon::http;

bool is_safe(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return c > ' ' && !is_control(c); });
}

void check(const Url& url) {
  FUZZ_REQUIRE(url.target.starts_with('/'));
  FUZZ_REQUIRE(is_safe(url.target));
  FUZZ_REQUIRE(url.target.find('#') == std::string::npos);
  FUZZ_REQUIRE(!url.host.empty());
  FUZZ_REQUIRE(is_safe(url.host_header()));
  FUZZ_REQUIRE(is_safe(url.origin()));
  FUZZ_REQUIRE((url.port == 0) == !url.unix_path.empty());
  const Url again = parse_url(url.text());
  FUZZ_REQUIRE(again.text() == url.text());
  FUZZ_REQUIRE(again.origin() == url.origin());
  FUZZ_REQUIRE(again.host_kind == url.host_kind);
  FUZZ_REQUIRE(again.host_header() == url.host_header());
  FUZZ_REQUIRE(again.unix_path == url.unix_path);
  FUZZ_REQUIRE(!again.basic_auth.has_value());
}

template <class F>
void check_result(F make) {
  try {
    check(make());
  } catch (const UrlError& e) {
    FUZZ_REQUIRE(std::string_view(e.what()).find('\n') == std::string_view::npos);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const std::size_t line = std::min(input.find('\n'), input.size());
  const std::string_view second = input.substr(std::min(line + 1, input.size()));
  check_result([&] { return parse_url(input); });
  const Url fixed = parse_url("http://host:81/a/b?c");
  check_result([&] { return resolve_redirect(fixed, input); });
  const Url base = parse_url("http://host:81/a/b/");
  check_result([&] { return join_url(base, input); });
  try {
    const Url url = parse_url(input.substr(0, line));
    check(url);
    check_result([&] { return join_url(url, second); });
    check_result([&] { return resolve_redirect(url, second); });
  } catch (const UrlError&) {
    return 0;
  }
  return 0;
}
