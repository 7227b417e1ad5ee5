#include "http/url.hpp"

#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "http/percent_encoding.hpp"

namespace chaperon::http {
namespace {

using namespace std::string_literals;

std::string error_of(std::string_view text, std::string_view what = "URL") {
  try {
    const Url url = parse_url(text, what);
    return "no error: " + url.text();
  } catch (const UrlError& e) {
    return e.what();
  }
}

void expect_error(std::string_view text, std::string_view part) {
  const std::string error = error_of(text);
  EXPECT_NE(error.find(part), std::string::npos) << text << " gives: " << error;
}

TEST(Url, Parts) {
  const Url url = parse_url("http://Example.COM:8080/a/b?x=1&y=2#part");
  EXPECT_EQ(url.scheme, "http");
  EXPECT_EQ(url.host, "example.com");
  EXPECT_EQ(url.host_kind, HostKind::name);
  EXPECT_EQ(url.port, 8080);
  EXPECT_EQ(url.target, "/a/b?x=1&y=2");
  EXPECT_EQ(url.path(), "/a/b");
  EXPECT_FALSE(url.basic_auth.has_value());
  EXPECT_EQ(url.origin(), "http://example.com:8080");
  EXPECT_EQ(url.host_header(), "example.com:8080");
  EXPECT_EQ(url.text(), "http://example.com:8080/a/b?x=1&y=2");
  EXPECT_EQ(url.text(false), "http://example.com:8080/a/b");
}

TEST(Url, SchemesAndTheirPorts) {
  struct Case {
    std::string_view scheme;
    int port;
    bool secure;
    bool websocket;
  };
  for (const Case& c : {Case{"http", 80, false, false}, Case{"https", 443, true, false},
                        Case{"ws", 80, false, true}, Case{"wss", 443, true, true}}) {
    const Url url = parse_url(std::string(c.scheme) + "://h/x");
    EXPECT_EQ(url.port, c.port);
    EXPECT_EQ(url.is_secure(), c.secure);
    EXPECT_EQ(url.is_websocket(), c.websocket);
    EXPECT_TRUE(url.has_default_port());
    EXPECT_EQ(url.host_header(), "h");
    EXPECT_EQ(url.text(), std::string(c.scheme) + "://h/x");
    EXPECT_EQ(url.origin(), std::string(c.scheme) + "://h:" + std::to_string(c.port));
  }
  EXPECT_EQ(parse_url("HTTP://h/").scheme, "http");
  EXPECT_EQ(parse_url("https://h:80/").text(), "https://h:80/");
  EXPECT_EQ(parse_url("http://h:80/").text(), "http://h/");
  EXPECT_EQ(parse_url("http://h:/").text(), "http://h/");
  EXPECT_EQ(parse_url("http://h:00080/").port, 80);
}

TEST(Url, TargetBeginsWithASlash) {
  EXPECT_EQ(parse_url("http://h").target, "/");
  EXPECT_EQ(parse_url("http://h?q=1").target, "/?q=1");
  EXPECT_EQ(parse_url("http://h#x").target, "/");
  EXPECT_EQ(parse_url("http://h//a").target, "//a");
  EXPECT_EQ(parse_url("http://h/a/../b/./c").target, "/a/../b/./c") << "a path is sent as written";
}

TEST(Url, UnsafeCharactersAreEncoded) {
  EXPECT_EQ(parse_url("http://h/a b\"<>\\^`{|}").target, "/a%20b%22%3C%3E%5C%5E%60%7B%7C%7D");
  EXPECT_EQ(parse_url("http://h/caf\xc3\xa9?q=\xff").target, "/caf%C3%A9?q=%FF");
  EXPECT_EQ(parse_url("http://h/%41%zz%4?100%").target, "/%41%25zz%254?100%25");
  EXPECT_EQ(parse_url("http://h/a\r\nEvil: x\0\t\x7f"s).target, "/a%0D%0AEvil:%20x%00%09%7F");
  EXPECT_EQ(parse_url("http://h/!$&'()*+,;=:@[]-._~?/?").target, "/!$&'()*+,;=:@[]-._~?/?");
}

TEST(Url, WhatIsParsedAgainStaysTheSame) {
  for (const std::string_view text : {"http://h/a%20b?x=%25", "ws://[::1]:81/", "http://127.0.0.1:5000/x?y#z",
                                      "http+unix://%2Frun%2Fa%20b.sock/x"}) {
    const std::string once = parse_url(text).text();
    EXPECT_EQ(parse_url(once).text(), once);
  }
}

TEST(Url, UserInfo) {
  const Url url = parse_url("http://ann%40home:p%3Aw%2F:d@h:81/x");
  ASSERT_TRUE(url.basic_auth.has_value());
  EXPECT_EQ(url.basic_auth->user, "ann@home");
  EXPECT_EQ(url.basic_auth->password, "p:w/:d");
  EXPECT_EQ(url.host, "h");
  EXPECT_EQ(url.text(), "http://h:81/x");
  EXPECT_EQ(parse_url("http://ann@h/").basic_auth->password, "");
  EXPECT_EQ(parse_url("http://a@b@h/").basic_auth->user, "a@b");
  EXPECT_FALSE(parse_url("http://h/a@b").basic_auth.has_value());
  expect_error("http://a%3Ab:c@h/", "the user name has a colon");
  expect_error("http://a%zz@h/", "not followed by two hexadecimal digits");
  expect_error("http://a%0D%0A:b@h/", "control character");
}

TEST(Url, Addresses) {
  const Url six = parse_url("http://[2001:DB8:0::1]:8080/x");
  EXPECT_EQ(six.host, "2001:db8::1");
  EXPECT_EQ(six.host_kind, HostKind::ipv6);
  EXPECT_EQ(six.origin(), "http://[2001:db8::1]:8080");
  EXPECT_EQ(six.host_header(), "[2001:db8::1]:8080");
  EXPECT_EQ(parse_url("http://[::1]").host_header(), "[::1]");
  const Url four = parse_url("http://127.0.0.1:5000");
  EXPECT_EQ(four.host, "127.0.0.1");
  EXPECT_EQ(four.host_kind, HostKind::ipv4);
  EXPECT_EQ(parse_url("http://a1.b2").host_kind, HostKind::name);
  EXPECT_EQ(parse_url("http://example.com.").host, "example.com.");

  for (const std::string_view host :
       {"1.2.3", "256.1.1.1", "127.1", "0x7f.0.0.1", "1.2.3.4.5", "a.0X1f", "017.0.0.1", "1.2.3.4."}) {
    expect_error("http://" + std::string(host) + "/", "looks like an IPv4 address and is none");
  }
  expect_error("http://[::1", "not closed");
  expect_error("http://[::g]/", "not an IPv6 address");
  expect_error("http://[]/", "not an IPv6 address");
  expect_error("http://[127.0.0.1]/", "not an IPv6 address");
  expect_error("http://[::1\0]/"s, "not an IPv6 address");
  expect_error("http://[fe80::1%25eth0]/", "zone");
  expect_error("http://[::1]80/", "only a port can follow");
  expect_error("http://::1/", "write an IPv6 address in brackets");
}

TEST(Url, UnixSockets) {
  const Url url = parse_url("http+unix://%2Frun%2Fapp.sock/path?q");
  EXPECT_EQ(url.unix_path, "/run/app.sock");
  EXPECT_EQ(url.target, "/path?q");
  EXPECT_EQ(url.host_header(), "localhost");
  EXPECT_EQ(url.origin(), "http+unix://%2Frun%2Fapp.sock");
  EXPECT_EQ(url.text(), "http+unix://%2Frun%2Fapp.sock/path?q");
  expect_error("http+unix:///run/app.sock", "percent-encoded absolute path of a socket");
  expect_error("http+unix://app.sock/", "percent-encoded absolute path of a socket");
  expect_error("http+unix://%2Fa%00b/", "percent-encoded absolute path of a socket");
  expect_error("http+unix://%2F" + std::string(107, 'a') + "/", "107 bytes");
}

TEST(Url, ErrorsSayWhatWhyAndHow) {
  EXPECT_EQ(error_of("localhost:80x", "base URL"),
            "base URL \"localhost:80x\": the scheme is missing: write it as http://HOST[:PORT]/PATH");
  EXPECT_EQ(
      error_of("http://localhost:80x", "base URL"),
      "base URL \"http://localhost:80x\": the port \"80x\" is not a number from 1 to 65535: write it as "
      "http://HOST[:PORT]/PATH");
}

TEST(Url, Errors) {
  for (const std::string_view text : {"", "/", "h", "//h", "http", "http:", "http:/h", "http//h", "://h",
                                      "1http://h", " http://h", "localhost:5000", "mailto:a@b"}) {
    expect_error(text, "the scheme is missing");
  }
  expect_error("ftp://h/", "the scheme \"ftp\" is not known");
  expect_error("httpss://h/", "is not known");
  for (const std::string_view port : {"0", "65536", "99999999999", "-1", "+1", "8 0", "0x50", "80x"}) {
    expect_error("http://h:" + std::string(port) + "/", "not a number from 1 to 65535");
  }
  for (const std::string_view text : {"http://", "http:///x", "http://:80/", "http://?q", "http://a@/"}) {
    expect_error(text, "the host is missing");
  }
  expect_error("http://a b/", "cannot have the character \" \"");
  expect_error("http://a\r\nb/", "cannot have the character \"\\r\"");
  expect_error("http://a%20b/", "cannot have the character \"%\"");
  expect_error("http://h\\x/", "backslash");
  expect_error("http://good.example\\@bad.example/", "backslash");
  expect_error(
      "http://b\xc3\xbc"
      "cher.example/",
      "xn--");
  expect_error("http://a..b/", "empty part");
  expect_error("http://./", "empty part");
  expect_error("http://.a/", "empty part");
  expect_error("http://" + std::string(64, 'a') + "/", "63 characters");
  std::string long_host;
  for (int i = 0; i < 64; ++i)
    long_host += "abc.";
  expect_error("http://" + long_host + "d/", "253 characters");
}

TEST(Url, ErrorsDoNotShowPasswords) {
  for (const std::string_view text :
       {"http://ann:secret@h:0/", "ann:secret@h", "ftp://ann:secret@h/", "http:/ann:secret@h/",
        "http://ann:secret@bad host/p", "http://ann:se/cret@h"}) {
    const std::string error = error_of(text);
    EXPECT_EQ(error.find("secret"), std::string::npos) << error;
  }
}

TEST(Url, ErrorsAreShortAndPrintable) {
  const std::string error = error_of("nothing\r\n\x01" + std::string(5000, 'x'));
  EXPECT_LT(error.size(), 300U);
  EXPECT_EQ(error.find('\n'), std::string::npos);
  EXPECT_EQ(error.find('\x01'), std::string::npos);
}

TEST(Url, JoinsWithExactlyOneSlash) {
  struct Case {
    std::string_view base, path, expected;
  };
  for (const Case& c : {
           Case{"http://h", "/a", "http://h/a"},
           Case{"http://h/", "/a", "http://h/a"},
           Case{"http://h", "a", "http://h/a"},
           Case{"http://h//", "//a", "http://h/a"},
           Case{"http://h/api", "items", "http://h/api/items"},
           Case{"http://h/api/", "/items", "http://h/api/items"},
           Case{"http://h/api/", "items/", "http://h/api/items/"},
           Case{"http://h/api", "", "http://h/api"},
           Case{"http://h", "", "http://h/"},
           Case{"http://h/api", "/", "http://h/api/"},
           Case{"http://h/api", "?q=1", "http://h/api?q=1"},
           Case{"http://h", "?q=1", "http://h/?q=1"},
           Case{"http://h", "/?q=1", "http://h/?q=1"},
           Case{"http://h/api", "/a?q=/x//y", "http://h/api/a?q=/x//y"},
           Case{"http://h/api", "/a#part", "http://h/api/a"},
           Case{"http://h/api", "#part", "http://h/api"},
           Case{"http://h/api?key=1", "", "http://h/api?key=1"},
           Case{"http://h/api", "/a b", "http://h/api/a%20b"},
           Case{"http://h/api", "/a:80", "http://h/api/a:80"},
           Case{"http://h/api", "/to?u=http://x/", "http://h/api/to?u=http://x/"},
           Case{"http://h/api", "http://other:81/x", "http://other:81/x"},
           Case{"http://h/api", "ws://other/x", "ws://other/x"},
           Case{"http://h:81/api", "//other/x", "http://h:81/api/other/x"},
       }) {
    EXPECT_EQ(join_url(parse_url(c.base), c.path).text(), c.expected) << c.base << " + " << c.path;
  }
}

TEST(Url, JoinKeepsTheUserInfo) {
  EXPECT_EQ(join_url(parse_url("http://ann:pw@h/"), "/x").basic_auth->password, "pw");
  EXPECT_FALSE(join_url(parse_url("http://ann:pw@h/"), "http://h/x").basic_auth.has_value());
}

TEST(Url, ABaseWithAQueryIsAnError) {
  try {
    join_url(parse_url("http://h/api?key=1"), "/items");
    FAIL() << "no error";
  } catch (const UrlError& e) {
    EXPECT_STREQ(
        e.what(),
        "\"http://h/api?key=1\" cannot be joined with the path \"/items\": it has a query of its own: leave "
        "the "
        "query out of the base URL and give it to each request, as in .params = {{\"key\", \"value\"}}");
  }
}

TEST(Url, JoinedTargetIsAppended) {
  std::string out = "GET ";
  append_joined_target(out, parse_url("http://h/api"), "/x");
  EXPECT_EQ(out, "GET /api/x");
}

TEST(Url, TellsAbsoluteOnes) {
  for (const std::string_view text : {"http://h", "HTTPS://h", "ws://", "a+b-c.1://x"})
    EXPECT_TRUE(is_absolute_url(text));
  for (const std::string_view text : {"", "/", "h", "h:80", "/a://b", "?a://b", "://", "1a://b", "//h"}) {
    EXPECT_FALSE(is_absolute_url(text)) << text;
  }
}

// RFC 3986, section 5.4.
TEST(Redirect, ExamplesOfTheRfc) {
  struct Case {
    std::string_view location, expected;
  };
  const Url base = parse_url("http://a/b/c/d;p?q");
  for (const Case& c : {
           Case{"http://g/h", "http://g/h"},
           Case{"g", "http://a/b/c/g"},
           Case{"./g", "http://a/b/c/g"},
           Case{"g/", "http://a/b/c/g/"},
           Case{"/g", "http://a/g"},
           Case{"//g", "http://g/"},
           Case{"?y", "http://a/b/c/d;p?y"},
           Case{"g?y", "http://a/b/c/g?y"},
           Case{"#s", "http://a/b/c/d;p?q"},
           Case{"g#s", "http://a/b/c/g"},
           Case{"g?y#s", "http://a/b/c/g?y"},
           Case{";x", "http://a/b/c/;x"},
           Case{"g;x", "http://a/b/c/g;x"},
           Case{"g;x?y#s", "http://a/b/c/g;x?y"},
           Case{"", "http://a/b/c/d;p?q"},
           Case{".", "http://a/b/c/"},
           Case{"./", "http://a/b/c/"},
           Case{"..", "http://a/b/"},
           Case{"../", "http://a/b/"},
           Case{"../g", "http://a/b/g"},
           Case{"../..", "http://a/"},
           Case{"../../", "http://a/"},
           Case{"../../g", "http://a/g"},
           Case{"../../../g", "http://a/g"},
           Case{"../../../../g", "http://a/g"},
           Case{"/./g", "http://a/g"},
           Case{"/../g", "http://a/g"},
           Case{"g.", "http://a/b/c/g."},
           Case{".g", "http://a/b/c/.g"},
           Case{"g..", "http://a/b/c/g.."},
           Case{"..g", "http://a/b/c/..g"},
           Case{"./../g", "http://a/b/g"},
           Case{"./g/.", "http://a/b/c/g/"},
           Case{"g/./h", "http://a/b/c/g/h"},
           Case{"g/../h", "http://a/b/c/h"},
           Case{"g;x=1/./y", "http://a/b/c/g;x=1/y"},
           Case{"g;x=1/../y", "http://a/b/c/y"},
           Case{"g?y/./x", "http://a/b/c/g?y/./x"},
           Case{"g?y/../x", "http://a/b/c/g?y/../x"},
           Case{"g#s/../x", "http://a/b/c/g"},
       }) {
    EXPECT_EQ(resolve_redirect(base, c.location).text(), c.expected) << c.location;
  }
}

TEST(Redirect, OtherForms) {
  const Url base = parse_url("http://h:81/x/y?q");
  EXPECT_EQ(resolve_redirect(base, "//other:82/z").text(), "http://other:82/z");
  EXPECT_EQ(resolve_redirect(base, "HTTPS://other").text(), "https://other/");
  EXPECT_EQ(resolve_redirect(base, "http://o/a/../b?c/../d").text(), "http://o/b?c/../d");
  EXPECT_EQ(resolve_redirect(base, "/a b\xc3\xa9").text(), "http://h:81/a%20b%C3%A9");
  EXPECT_EQ(resolve_redirect(base, "/t?u=http://z").text(), "http://h:81/t?u=http://z");
  EXPECT_EQ(resolve_redirect(base, "/a//b").text(), "http://h:81/a//b");
  EXPECT_EQ(resolve_redirect(parse_url("http://h"), "x").text(), "http://h/x");
}

TEST(Redirect, Refused) {
  const Url base = parse_url("http://h/");
  for (const std::string_view location :
       {"mailto:a@b", "http:", "http://", "http://h:0", "javascript:alert(1)", "ftp://h/",
        "http+unix://%2Frun%2Fdocker.sock/x", ":80/x"}) {
    EXPECT_THROW(resolve_redirect(base, location), UrlError) << location;
  }
}

TEST(Redirect, OnALocalSocketStaysThere) {
  const Url base = parse_url("http+unix://%2Frun%2Fa.sock/x/y");
  EXPECT_EQ(resolve_redirect(base, "z").text(), "http+unix://%2Frun%2Fa.sock/x/z");
  EXPECT_THROW(resolve_redirect(base, "http+unix://%2Frun%2Fb.sock/"), UrlError);
}

TEST(Url, TlsIsRefusedWithARemedy) {
  EXPECT_NO_THROW(require_supported(parse_url("http://h/")));
  EXPECT_NO_THROW(require_supported(parse_url("ws://h/")));
  EXPECT_NO_THROW(require_supported(parse_url("http+unix://%2Fa/")));
  EXPECT_THROW(require_supported(parse_url("wss://h/")), UrlError);
  try {
    require_supported(parse_url("https://ann:pw@h/x"));
    FAIL() << "no error";
  } catch (const UrlError& e) {
    EXPECT_STREQ(e.what(),
                 "TLS is not built in yet: https://h/x cannot be requested: use an http: URL, or a proxy "
                 "that adds TLS");
  }
}

TEST(PercentEncoding, Components) {
  std::string query;
  std::string form;
  const std::string text = "aZ09-._~* +&=%/\xc3\xa9\n\0"s;
  append_query_component(query, text);
  append_form_component(form, text);
  EXPECT_EQ(query, "aZ09-._~%2A%20%2B%26%3D%25%2F%C3%A9%0A%00");
  EXPECT_EQ(form, "aZ09-._%7E*+%2B%26%3D%25%2F%C3%A9%0A%00");
}

TEST(PercentEncoding, Decodes) {
  EXPECT_EQ(percent_decode("a%20b%2f%2F+%00"), "a b//+\0"s);
  EXPECT_EQ(percent_decode(""), "");
  for (const std::string_view text : {"%", "%2", "a%2g", "%%20", "%-1"})
    EXPECT_FALSE(percent_decode(text)) << text;
}

TEST(Url, SchemeIsAddedWhereNoneIs) {
  EXPECT_EQ(with_scheme("localhost:8080"), "http://localhost:8080");
  EXPECT_EQ(with_scheme("localhost"), "http://localhost");
  EXPECT_EQ(with_scheme("h/a?u=http://x"), "http://h/a?u=http://x");
  EXPECT_EQ(with_scheme("[::1]:80/a"), "http://[::1]:80/a");
  EXPECT_EQ(with_scheme("https://h"), "https://h");
  EXPECT_EQ(with_scheme("http+unix://%2Ftmp%2Fa/x"), "http+unix://%2Ftmp%2Fa/x");
}

}  // namespace
}  // namespace chaperon::http
