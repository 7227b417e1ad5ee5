#include "http/cookie_codec.hpp"

#include <chrono>
#include <string>
#include <string_view>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace chaperon::http {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

constexpr CookieJar::Time kNow{std::chrono::hours(24 * 365 * 56)};

std::string bytes_of(const CookieJar& jar) {
  std::string bytes;
  ByteWriter out(bytes);
  encode(out, jar);
  return bytes;
}

CookieJar jar_of(std::string_view bytes) {
  ByteReader in(bytes);
  auto jar = decode_cookies(in);
  in.end();
  return jar;
}

std::string sent(const CookieJar& jar, std::string_view url, CookieJar::Time now = kNow) {
  std::string out;
  jar.append_header_value(out, parse_url(url), now);
  return out;
}

void store(CookieJar& jar, std::string_view header, std::string_view url = "http://www.example.com/a/b") {
  EXPECT_TRUE(jar.store(header, parse_url(url), kNow)) << header;
}

CookieJar sample() {
  CookieJar jar;
  store(jar, "root=1; path=/");
  store(jar, "deep=2");
  store(jar, "all=3; domain=example.com; path=/");
  store(jar, "short=4; max-age=60; path=/");
  store(jar, "safe=5; secure; path=/", "https://www.example.com/");
  store(jar, "tab=a\tb", "http://localhost/");
  store(jar, "empty=", "http://127.0.0.1/");
  store(jar, "root=6; path=/");  // keeps its place
  return jar;
}

// One cookie.
struct Cookie {
  std::uint8_t flags = 1;
  std::string name = "a";
  std::string value = "1";
  std::string domain = "example.com";
  std::string path = "/";
};

void put(ByteWriter& out, const Cookie& cookie) {
  out.byte(cookie.flags);
  for (const auto& text : {cookie.name, cookie.value, cookie.domain, cookie.path})
    out.text(text);
  if ((cookie.flags & 4U) != 0) out.zigzag(CookieJar::Time::max().time_since_epoch().count());
}

std::string complaint(std::initializer_list<Cookie> cookies) {
  std::string bytes;
  ByteWriter out(bytes);
  out.varint(cookies.size());
  for (const auto& cookie : cookies)
    put(out, cookie);
  try {
    jar_of(bytes);
    return {};
  } catch (const MalformedBytes& e) {
    return e.what();
  }
}

TEST(CookieCodec, AJarSendsWhatItHasSentBefore) {
  const CookieJar jar = sample();
  const std::string bytes = bytes_of(jar);
  const CookieJar other = jar_of(bytes);
  EXPECT_EQ(other.size(), jar.size());
  EXPECT_EQ(bytes_of(other), bytes);
  for (const auto url :
       {"http://www.example.com/a/b", "https://www.example.com/a/c", "http://www.example.com/",
        "http://x.example.com/", "http://localhost/", "http://127.0.0.1/"}) {
    for (const auto later : {0s, 59s, 60s})
      EXPECT_EQ(sent(other, url, kNow + later), sent(jar, url, kNow + later)) << url;
  }
  EXPECT_EQ(sent(other, "http://www.example.com/a/b"), "deep=2; root=6; all=3; short=4");
  EXPECT_EQ(sent(other, "http://www.example.com/a/b", kNow + 60s), "deep=2; root=6; all=3");
  EXPECT_TRUE(jar_of(bytes_of({})).empty());
}

TEST(CookieCodec, AReceivedJarGoesOn) {
  CookieJar jar = jar_of(bytes_of(sample()));
  store(jar, "new=7; path=/");
  store(jar, "deep=; max-age=0");
  EXPECT_EQ(sent(jar, "http://www.example.com/a/b"), "root=6; all=3; short=4; new=7");
}

TEST(CookieCodec, AFullJarComesBack) {
  CookieJar jar;
  for (std::size_t i = 0; i < CookieJar::kMax; ++i) {
    const auto host = "http://host" + std::to_string(i / CookieJar::kMaxPerDomain) + ".example/";
    store(jar, "cookie" + std::to_string(i) + "=1", host);
  }
  ASSERT_EQ(jar.size(), CookieJar::kMax);
  const std::string bytes = bytes_of(jar);
  EXPECT_EQ(bytes_of(jar_of(bytes)), bytes);
}

TEST(CookieCodec, WhatNoJarHoldsIsRefused) {
  EXPECT_EQ(complaint({{}}), "");
  EXPECT_EQ(complaint({{.path = "/"}, {.path = "/a"}, {.domain = "other"}}), "");
  EXPECT_THAT(complaint({{}, {.value = "2"}}), HasSubstr("twice"));
  EXPECT_THAT(complaint({{.flags = 8}}), HasSubstr("kind"));
  EXPECT_THAT(complaint({{.flags = 4}}), HasSubstr("end of time"));
  EXPECT_THAT(complaint({{.name = ""}}), HasSubstr("not one that a jar stores"));
  EXPECT_THAT(complaint({{.domain = ""}}), HasSubstr("not one that a jar stores"));
  EXPECT_THAT(complaint({{.path = "a"}}), HasSubstr("not one that a jar stores"));
  EXPECT_THAT(complaint({{.value = std::string(CookieJar::kMaxCookieSize, 'a')}}),
              HasSubstr("not one that a jar stores"));
  EXPECT_THAT(complaint({{.value = std::string(CookieJar::kMaxCookieSize + 1, 'a')}}),
              HasSubstr("more than 4096"));
  EXPECT_THAT(complaint({{.name = "a=b"}}), HasSubstr("the name of a cookie has a character"));
  EXPECT_THAT(complaint({{.value = "a\r\nHost: x"}}), HasSubstr("the value of a cookie has a character"));
  EXPECT_THAT(complaint({{.value = "a; b"}}), HasSubstr("the value of a cookie has a character"));
  EXPECT_THAT(complaint({{.domain = "a\n"}}), HasSubstr("the domain of a cookie has a character"));
  EXPECT_THAT(complaint({{.path = "/\n"}}), HasSubstr("the path of a cookie has a character"));
}

TEST(CookieCodec, TheLimitsOfAJarHold) {
  const auto bytes = [](std::size_t count, std::size_t per_domain) {
    std::string text;
    ByteWriter out(text);
    out.varint(count);
    for (std::size_t i = 0; i < count; ++i)
      put(out, {.name = "a" + std::to_string(i), .domain = "host" + std::to_string(i / per_domain)});
    return text;
  };
  EXPECT_EQ(jar_of(bytes(CookieJar::kMax, CookieJar::kMaxPerDomain)).size(), CookieJar::kMax);
  EXPECT_THROW(jar_of(bytes(CookieJar::kMax + 1, CookieJar::kMaxPerDomain)), MalformedBytes);
  EXPECT_THROW(jar_of(bytes(CookieJar::kMaxPerDomain + 1, CookieJar::kMaxPerDomain + 1)), MalformedBytes);
}

TEST(CookieCodec, EveryBeginningIsRefused) {
  const std::string bytes = bytes_of(sample());
  for (std::size_t size = 0; size < bytes.size(); ++size)
    EXPECT_THROW(jar_of(std::string_view(bytes).substr(0, size)), MalformedBytes);
}

}  // namespace
}  // namespace chaperon::http
