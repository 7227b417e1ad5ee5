// A jar may hold only what is safe to send, within its limits. Input: lines, each a Set-Cookie header.
#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "http/ascii.hpp"
#include "http/cookie_date.hpp"
#include "http/cookies.hpp"
#include "require.hpp"

namespace {

using namespace chaperon::http;

constexpr CookieJar::Time kNow{std::chrono::hours(24 * 365 * 56)};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const Url urls[] = {parse_url("http://www.example.com/a/b"), parse_url("https://example.com/"),
                             parse_url("http://localhost:5000/x"), parse_url("http://127.0.0.1/")};
  std::string_view input(reinterpret_cast<const char*>(data), size);
  CookieJar jar;
  std::size_t turn = 0;
  while (!input.empty()) {
    const std::size_t end = std::min(input.find('\n'), input.size());
    const std::string_view header = input.substr(0, end);
    input.remove_prefix(std::min(end + 1, input.size()));
    static_cast<void>(parse_cookie_date(header));
    const std::size_t before = jar.size();
    const bool taken = jar.store(header, urls[turn++ % std::size(urls)], kNow);
    FUZZ_REQUIRE(taken || jar.size() == before);
    FUZZ_REQUIRE(jar.size() <= before + 1);
  }
  FUZZ_REQUIRE(jar.size() <= CookieJar::kMax);
  for (const Url& url : urls) {
    std::string value;
    const bool any = jar.append_header_value(value, url, kNow);
    FUZZ_REQUIRE(any == !value.empty());
    FUZZ_REQUIRE(std::ranges::none_of(value, [](char c) { return is_control(c) && c != '\t'; }));
    FUZZ_REQUIRE(value.size() <= 2 * CookieJar::kMaxPerDomain * (CookieJar::kMaxCookieSize + 3));
  }
  return 0;
}
