#include "http/cookies.hpp"

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include "http/cookie_date.hpp"

namespace chaperon::http {
namespace {

using namespace std::chrono_literals;
using std::chrono::sys_days;
using std::chrono::system_clock;

constexpr auto kNow = system_clock::time_point(sys_days(std::chrono::year(2026) / 1 / 31));

std::string sent(const CookieJar& jar, std::string_view url, system_clock::time_point now = kNow) {
  std::string out;
  const bool any = jar.append_header_value(out, parse_url(url), now);
  EXPECT_EQ(any, !out.empty());
  return out;
}

bool store(CookieJar& jar, std::string_view header, std::string_view url = "http://example.com/",
           system_clock::time_point now = kNow) {
  return jar.store(header, parse_url(url), now);
}

// A jar with that one cookie from http://example.com/.
CookieJar jar_with(std::string_view header, std::string_view url = "http://example.com/") {
  CookieJar jar;
  EXPECT_TRUE(store(jar, header, url)) << header;
  return jar;
}

TEST(Cookies, AreSentBack) {
  CookieJar jar;
  EXPECT_TRUE(jar.empty());
  EXPECT_EQ(sent(jar, "http://example.com/"), "");
  EXPECT_TRUE(store(jar, "id=17"));
  EXPECT_FALSE(jar.empty());
  EXPECT_EQ(sent(jar, "http://example.com/"), "id=17");
  EXPECT_TRUE(store(jar, "b=2"));
  EXPECT_EQ(sent(jar, "http://example.com/any/path?q"), "id=17; b=2");
  jar.clear();
  EXPECT_TRUE(jar.empty());
}

TEST(Cookies, AreAppended) {
  const CookieJar jar = jar_with("a=1");
  std::string out = "Cookie: ";
  EXPECT_TRUE(jar.append_header_value(out, parse_url("http://example.com/"), kNow));
  EXPECT_EQ(out, "Cookie: a=1");
}

TEST(Cookies, NameAndValue) {
  EXPECT_EQ(sent(jar_with(" a = b c ; Path=/"), "http://example.com/"), "a=b c");
  EXPECT_EQ(sent(jar_with("a="), "http://example.com/"), "a=");
  EXPECT_EQ(sent(jar_with("a=\"b\""), "http://example.com/"), "a=\"b\"");
  EXPECT_EQ(sent(jar_with("a=b=c=="), "http://example.com/"), "a=b=c==");
  EXPECT_EQ(sent(jar_with("a=b;"), "http://example.com/"), "a=b");
  EXPECT_EQ(sent(jar_with("a=caf\xc3\xa9"), "http://example.com/"), "a=caf\xc3\xa9");
  CookieJar jar;
  for (const std::string_view header :
       {"", "a", "=b", " =b", ";a=b", "a;b=c", "a=b\x01", "a=b\r\nX: y", "a=b; Path=/\x7f"}) {
    EXPECT_FALSE(store(jar, header)) << header;
  }
  EXPECT_FALSE(store(jar, std::string_view("a=\0b", 4)));
  EXPECT_TRUE(jar.empty());
}

TEST(Cookies, NamesAreCaseSensitive) {
  CookieJar jar = jar_with("a=1");
  store(jar, "A=2");
  EXPECT_EQ(sent(jar, "http://example.com/"), "a=1; A=2");
}

TEST(Cookies, WithoutDomainBelongToTheHostAlone) {
  const CookieJar jar = jar_with("a=1");
  EXPECT_EQ(sent(jar, "http://EXAMPLE.com:8080/"), "a=1");
  EXPECT_EQ(sent(jar, "ws://example.com/"), "a=1");
  EXPECT_EQ(sent(jar, "http://www.example.com/"), "");
  EXPECT_EQ(sent(jar, "http://com/"), "");
}

TEST(Cookies, DomainMatching) {
  for (const std::string_view domain : {"example.com", ".example.com", "EXAMPLE.com"}) {
    const CookieJar jar = jar_with("a=1; Domain=" + std::string(domain), "http://www.example.com/");
    EXPECT_EQ(sent(jar, "http://www.example.com/"), "a=1") << domain;
    EXPECT_EQ(sent(jar, "http://example.com/"), "a=1");
    EXPECT_EQ(sent(jar, "http://a.b.example.com/"), "a=1");
    EXPECT_EQ(sent(jar, "http://badexample.com/"), "");
    EXPECT_EQ(sent(jar, "http://example.org/"), "");
  }
  EXPECT_EQ(sent(jar_with("a=1; Domain=example.com"), "http://www.example.com/"), "a=1");
  EXPECT_EQ(sent(jar_with("a=1; Domain="), "http://www.example.com/"), "");
}

TEST(Cookies, ForeignDomainsAreRefused) {
  CookieJar jar;
  EXPECT_FALSE(store(jar, "a=1; Domain=other.com"));
  EXPECT_FALSE(store(jar, "a=1; Domain=www.example.com"));
  EXPECT_FALSE(store(jar, "a=1; Domain=xample.com"));
  EXPECT_FALSE(store(jar, "a=1; Domain=..example.com"));
  EXPECT_FALSE(store(jar, "a=1; Domain=com"));
  EXPECT_FALSE(store(jar, "a=1; Domain=.com"));
  EXPECT_TRUE(jar.empty());
}

TEST(Cookies, SingleLabelHosts) {
  const CookieJar jar = jar_with("a=1; Domain=localhost", "http://localhost:5000/");
  EXPECT_EQ(sent(jar, "http://localhost/"), "a=1");
  EXPECT_EQ(sent(jar, "http://www.localhost/"), "") << "host-only";
  CookieJar other;
  EXPECT_FALSE(store(other, "a=1; Domain=localhost", "http://www.localhost/"));
}

TEST(Cookies, AddressesAreHostOnly) {
  EXPECT_EQ(sent(jar_with("a=1", "http://127.0.0.1/"), "http://127.0.0.1:81/"), "a=1");
  EXPECT_EQ(sent(jar_with("a=1; Domain=127.0.0.1", "http://127.0.0.1/"), "http://127.0.0.1/"), "a=1");
  EXPECT_EQ(sent(jar_with("a=1", "http://[::1]/"), "http://[0:0::1]/"), "a=1");
  CookieJar jar;
  EXPECT_FALSE(store(jar, "a=1; Domain=0.0.1", "http://127.0.0.1/"));
  EXPECT_FALSE(store(jar, "a=1; Domain=1", "http://127.0.0.1/"));
}

TEST(Cookies, DefaultPath) {
  struct Case {
    std::string_view url, path;
  };
  for (const Case& c : {Case{"http://h", "/"}, Case{"http://h/x", "/"}, Case{"http://h/x/", "/x"},
                        Case{"http://h/x/y", "/x"}, Case{"http://h/x/y?a=/b/c", "/x"}}) {
    CookieJar jar = jar_with("a=1", c.url);
    EXPECT_EQ(sent(jar, "http://h" + std::string(c.path)), "a=1") << c.url;
    EXPECT_EQ(sent(jar, "http://h/").empty(), c.path != "/") << c.url;
  }
  EXPECT_EQ(sent(jar_with("a=1; Path=x", "http://h/y/z"), "http://h/y"), "a=1")
      << "a relative path is ignored";
  EXPECT_EQ(sent(jar_with("a=1; Path=", "http://h/y/z"), "http://h/"), "");
}

TEST(Cookies, PathMatching) {
  const CookieJar jar = jar_with("a=1; Path=/x");
  EXPECT_EQ(sent(jar, "http://example.com/x"), "a=1");
  EXPECT_EQ(sent(jar, "http://example.com/x/"), "a=1");
  EXPECT_EQ(sent(jar, "http://example.com/x/y"), "a=1");
  EXPECT_EQ(sent(jar, "http://example.com/x?q"), "a=1");
  EXPECT_EQ(sent(jar, "http://example.com/xy"), "");
  EXPECT_EQ(sent(jar, "http://example.com/"), "");
  EXPECT_EQ(sent(jar, "http://example.com/X"), "");
  EXPECT_EQ(sent(jar_with("a=1; Path=/x/"), "http://example.com/x/y"), "a=1");
  EXPECT_EQ(sent(jar_with("a=1; Path=/x/"), "http://example.com/x"), "");
}

TEST(Cookies, LongerPathsFirstThenOlderOnes) {
  CookieJar jar;
  store(jar, "a=1; Path=/");
  store(jar, "b=2; Path=/x/y");
  store(jar, "c=3; Path=/x");
  store(jar, "d=4; Path=/x/y");
  store(jar, "e=5; Path=/");
  EXPECT_EQ(sent(jar, "http://example.com/x/y"), "b=2; d=4; c=3; a=1; e=5");
}

TEST(Cookies, ReplacedOnesKeepTheirAge) {
  CookieJar jar;
  store(jar, "a=1");
  store(jar, "b=2");
  store(jar, "a=3");
  EXPECT_EQ(jar.size(), 2U);
  EXPECT_EQ(sent(jar, "http://example.com/"), "a=3; b=2");
  store(jar, "a=4; Path=/x");
  EXPECT_EQ(jar.size(), 3U) << "another path is another cookie";
}

TEST(Cookies, SecureOnesGoOnlyOverTls) {
  const CookieJar jar = jar_with("a=1; Secure", "https://example.com/");
  EXPECT_EQ(sent(jar, "https://example.com/"), "a=1");
  EXPECT_EQ(sent(jar, "wss://example.com/"), "a=1");
  EXPECT_EQ(sent(jar, "http://example.com/"), "");
  EXPECT_EQ(sent(jar_with("a=1; secure=no", "http://localhost/"), "http://localhost/"), "");
}

TEST(Cookies, UnknownAttributesAreIgnored) {
  EXPECT_EQ(sent(jar_with("a=1; HttpOnly; SameSite=Strict; Priority=High; =x; ;;"), "http://example.com/"),
            "a=1");
}

TEST(Cookies, MaxAge) {
  const CookieJar jar = jar_with("a=1; Max-Age=10");
  EXPECT_EQ(sent(jar, "http://example.com/", kNow + 9s), "a=1");
  EXPECT_EQ(sent(jar, "http://example.com/", kNow + 10s), "");
  for (const std::string_view value : {"99999999999999999999999999", "9223372036854775807"}) {
    EXPECT_EQ(sent(jar_with("a=1; Max-Age=" + std::string(value)), "http://example.com/", kNow + 24h * 365),
              "a=1");
  }
  for (const std::string_view value : {"", "x", "1x", "+1", "1.5", "-", "--1", "0x1"}) {
    EXPECT_EQ(sent(jar_with("a=1; Max-Age=" + std::string(value)), "http://example.com/", kNow + 24h), "a=1")
        << value << " is ignored";
  }
}

TEST(Cookies, AreDeletedByExpiry) {
  for (const std::string_view attribute :
       {"Max-Age=0", "Max-Age=-1", "max-age=000", "Expires=Thu, 01 Jan 1970 00:00:00 GMT",
        "Expires=Sat, 31-Jan-26 00:00:00 GMT"}) {
    CookieJar jar = jar_with("a=1");
    EXPECT_TRUE(store(jar, "a=; " + std::string(attribute)));
    EXPECT_TRUE(jar.empty()) << attribute;
    EXPECT_TRUE(store(jar, "b=; " + std::string(attribute)));
    EXPECT_TRUE(jar.empty()) << attribute;
  }
}

TEST(Cookies, ExpiresAndMaxAge) {
  const CookieJar jar = jar_with("a=1; Expires=Sat, 31 Jan 2026 00:00:30 GMT");
  EXPECT_EQ(sent(jar, "http://example.com/", kNow + 29s), "a=1");
  EXPECT_EQ(sent(jar, "http://example.com/", kNow + 30s), "");
  EXPECT_EQ(sent(jar_with("a=1; Expires=never"), "http://example.com/", kNow + 240h), "a=1");
  const CookieJar both = jar_with("a=1; Max-Age=60; Expires=Sat, 31 Jan 2026 00:00:30 GMT");
  EXPECT_EQ(sent(both, "http://example.com/", kNow + 59s), "a=1") << "Max-Age wins";
}

TEST(Cookies, TheLastAttributeWins) {
  EXPECT_EQ(sent(jar_with("a=1; Path=/x; Path=/y"), "http://example.com/y"), "a=1");
  EXPECT_EQ(sent(jar_with("a=1; Path=/x; Path=y"), "http://example.com/z"), "a=1")
      << "a bad last path is the default";
  EXPECT_EQ(sent(jar_with("a=1; Max-Age=10; Max-Age=100"), "http://example.com/", kNow + 50s), "a=1");
}

TEST(Cookies, TooLargeOnesAreIgnored) {
  CookieJar jar;
  EXPECT_TRUE(store(jar, "a=" + std::string(CookieJar::kMaxCookieSize - 1, 'x')));
  EXPECT_FALSE(store(jar, "b=" + std::string(CookieJar::kMaxCookieSize, 'x')));
  EXPECT_TRUE(store(jar, "c=1; Path=/" + std::string(CookieJar::kMaxAttributeSize, 'x')));
  EXPECT_EQ(jar.size(), 2U);
  EXPECT_NE(sent(jar, "http://example.com/").find("c=1"), std::string::npos) << "the attribute is ignored";
}

TEST(Cookies, AtMostFiftyADomain) {
  CookieJar jar;
  store(jar, "kept=1", "http://other.com/");
  for (int i = 0; i < 60; ++i)
    store(jar, "c" + std::to_string(i) + "=1");
  EXPECT_EQ(jar.size(), 51U);
  const std::string cookies = sent(jar, "http://example.com/");
  EXPECT_EQ(cookies.substr(0, 6), "c10=1;") << "the oldest went";
  EXPECT_EQ(sent(jar, "http://other.com/"), "kept=1");
  store(jar, "c59=2");
  EXPECT_EQ(jar.size(), 51U) << "replacing evicts nothing";
}

TEST(Cookies, ExpiredOnesMakeRoomFirst) {
  CookieJar jar;
  store(jar, "old=1");
  for (int i = 0; i < 49; ++i)
    store(jar, "c" + std::to_string(i) + "=1; Max-Age=10");
  store(jar, "new=1", "http://example.com/", kNow + 20s);
  EXPECT_EQ(sent(jar, "http://example.com/", kNow + 20s), "old=1; new=1");
  EXPECT_EQ(jar.size(), 2U);
}

TEST(Cookies, AtMostThreeThousand) {
  CookieJar jar;
  for (int host = 0; host < 70; ++host) {
    for (int i = 0; i < 45; ++i) {
      store(jar, "c" + std::to_string(i) + "=1", "http://h" + std::to_string(host) + ".example/");
    }
  }
  EXPECT_EQ(jar.size(), CookieJar::kMax);
  EXPECT_EQ(sent(jar, "http://h0.example/"), "");
  EXPECT_NE(sent(jar, "http://h69.example/"), "");
}

TEST(Cookies, CopiesAreApart) {
  CookieJar parent = jar_with("a=1");
  CookieJar child = parent;
  store(child, "b=2");
  EXPECT_EQ(sent(parent, "http://example.com/"), "a=1");
  EXPECT_EQ(sent(child, "http://example.com/"), "a=1; b=2");
}

std::optional<system_clock::time_point> at(int year, int month, int day, std::chrono::seconds of_day) {
  return sys_days(std::chrono::year(year) / month / day) + of_day;
}

TEST(CookieDate, FormsThatServersWrite) {
  const auto expected = at(1994, 11, 6, 8h + 49min + 37s);
  for (const std::string_view text :
       {"Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994",
        "Sun, 06-Nov-1994 08:49:37 GMT", "06 november 1994 8:49:37", "1994 Nov 6 08:49:37",
        "08:49:37 6 NOV 94", "Sun,06/Nov/1994/08:49:37", "6th Nov 1994 08:49:37x",
        "  06  Nov 1994\t08:49:37 +0200"}) {
    EXPECT_EQ(parse_cookie_date(text), expected) << text;
  }
}

TEST(CookieDate, TwoDigitYears) {
  EXPECT_EQ(parse_cookie_date("1 Jan 70 00:00:00"), at(1970, 1, 1, 0s));
  EXPECT_EQ(parse_cookie_date("1 Jan 99 00:00:00"), at(1999, 1, 1, 0s));
  EXPECT_EQ(parse_cookie_date("1 Jan 00 00:00:00"), at(2000, 1, 1, 0s));
  EXPECT_EQ(parse_cookie_date("1 Jan 69 00:00:00"), at(2069, 1, 1, 0s));
}

TEST(CookieDate, NoDates) {
  for (const std::string_view text : {"",
                                      "never",
                                      "06 Nov 1994",
                                      "08:49:37",
                                      "Nov 1994 08:49:37",
                                      "06 1994 08:49:37",
                                      "06 Nov 08:49:37",
                                      "32 Jan 2000 00:00:00",
                                      "30 Feb 2000 00:00:00",
                                      "29 Feb 1900 00:00:00",
                                      "0 Jan 2000 00:00:00",
                                      "1 Jan 1600 00:00:00",
                                      "1 Jan 2000 24:00:00",
                                      "1 Jan 2000 00:60:00",
                                      "1 Jan 2000 00:00:60",
                                      "1 Jan 100 00:00:00",
                                      "1 Jan 20000 00:00:00",
                                      "1 Jan 2000 000:00:00",
                                      "1 Jan 2000 00:00",
                                      "1 Jan 2000 00:00:",
                                      "1 Jam 2000 00:00:00"}) {
    EXPECT_EQ(parse_cookie_date(text), std::nullopt) << text;
  }
}

TEST(CookieDate, BeyondTheClock) {
  EXPECT_EQ(parse_cookie_date("31 Dec 9999 23:59:59"), system_clock::time_point::max());
  EXPECT_EQ(parse_cookie_date("1 Jan 1601 00:00:00"), system_clock::time_point::min());
  EXPECT_EQ(parse_cookie_date("29 Feb 2000 00:00:00"), at(2000, 2, 29, 0s));
  EXPECT_EQ(parse_cookie_date("1 Jan 2262 00:00:00"), at(2262, 1, 1, 0s));
}

}  // namespace
}  // namespace chaperon::http
