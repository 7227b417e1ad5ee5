#include "http/request_head.hpp"

#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include <chaperon/errors.hpp>

namespace chaperon::http {
namespace {

using namespace std::string_view_literals;

std::string error_of(std::string_view name, std::string_view value) {
  try {
    check_header(name, value);
    return "no error";
  } catch (const InvalidArgument& e) {
    return e.what();
  }
}

TEST(Method, Names) {
  EXPECT_EQ(to_string(Method::get), "GET");
  EXPECT_EQ(to_string(Method::del), "DELETE");
  EXPECT_EQ(to_string(Method::options), "OPTIONS");
  EXPECT_EQ(to_string(Method::other), "");
  EXPECT_EQ(action_name(Method::del), "del");
  EXPECT_EQ(action_name(Method::patch), "patch");
  EXPECT_EQ(action_name(Method::other), "");
}

TEST(Method, Parse) {
  for (const Method method :
       {Method::get, Method::head, Method::post, Method::put, Method::patch, Method::del, Method::options}) {
    EXPECT_EQ(parse_method(to_string(method)), method);
  }
  EXPECT_EQ(parse_method("get"), Method::get);
  EXPECT_EQ(parse_method("Delete"), Method::del);
  EXPECT_EQ(parse_method("PROPFIND"), Method::other);
  EXPECT_EQ(parse_method("M-SEARCH"), Method::other);
  for (const std::string_view token :
       {"", "GET ", "GE T", "GET/", "G\r\nX", "G\xc3\x84T", "CONNECT", "connect"}) {
    EXPECT_THROW(parse_method(token), InvalidArgument) << token;
  }
  EXPECT_THROW(parse_method("G\0T"sv), InvalidArgument);
}

TEST(Method, Idempotent) {
  for (const Method method : {Method::get, Method::head, Method::put, Method::del, Method::options}) {
    EXPECT_TRUE(is_idempotent(method));
  }
  for (const Method method : {Method::post, Method::patch, Method::other})
    EXPECT_FALSE(is_idempotent(method));
}

TEST(RequestHead, RequestLine) {
  std::string out = "before ";
  append_request_line(out, "GET", "/a?b");
  EXPECT_EQ(out, "before GET /a?b HTTP/1.1\r\n");
}

TEST(RequestHead, GoodHeaders) {
  for (const std::string_view name : {"A", "X-Request-Id", "x_1!#$%&'*+.^`|~"})
    EXPECT_NO_THROW(check_header(name, "v"));
  for (const std::string_view value : {"", " ", "a\tb", "caf\xc3\xa9", "\xff", "a: b, c;d=\"e\""}) {
    EXPECT_NO_THROW(check_header("A", value)) << value;
  }
}

TEST(RequestHead, BadHeaders) {
  for (const std::string_view name :
       {""sv, "a b"sv, "a:"sv, "a\r\nb"sv, "\xc3\xa4"sv, "a\0"sv, "(a)"sv, "a\x7f"sv}) {
    EXPECT_THROW(check_header(name, "v"), InvalidArgument) << name;
  }
  for (const std::string_view value : {"a\r\nEvil: x"sv, "\r"sv, "\n"sv, "a\0b"sv, "\x01"sv, "\x7f"sv}) {
    EXPECT_THROW(check_header("A", value), InvalidArgument);
  }
  EXPECT_EQ(error_of("X-Id", "ab\r\nEvil: 1"),
            "the value of the header \"X-Id\" cannot be sent: its byte 3 is the control character 0x0d; "
            "remove or encode "
            "it");
  EXPECT_EQ(error_of("a b", "v"),
            "the header name \"a b\" cannot be sent: a name is letters, digits and !#$%&'*+-.^_`|~, such as "
            "X-Request-Id");
}

TEST(RequestHead, FramingHeadersBelongToTheEngine) {
  EXPECT_EQ(error_of("content-LENGTH", "5"),
            "the header \"content-LENGTH\" cannot be set: it follows from the body; leave it out");
  EXPECT_NE(error_of("Transfer-Encoding", "chunked"), "no error");
  EXPECT_EQ(error_of("Content-Encoding", "gzip"), "no error");
}

TEST(RequestHead, StrongerLevelsReplaceWeakerOnes) {
  const Headers config{{"Accept", "a"}, {"X-Trace", "1"}, {"User-Agent", "u"}};
  const Headers session{{"accept", "b"}, {"Cookie", "c"}};
  const Headers options{{"ACCEPT", "d"}, {"ACCEPT", "e"}, {"x-trace", ""}};
  std::string out;
  append_headers(out, {config, session, options});
  EXPECT_EQ(out, "User-Agent: u\r\nCookie: c\r\nACCEPT: d\r\nACCEPT: e\r\nx-trace: \r\n");
  std::string none;
  append_headers(none, {});
  append_headers(none, {Headers{}, Headers{}});
  EXPECT_EQ(none, "");
}

TEST(RequestHead, HeadersAreCheckedWhenTheyAreAppended) {
  std::string out;
  const Headers bad{{"A", "b\r\nC: d"}};
  EXPECT_THROW(append_headers(out, {bad}), InvalidArgument);
  EXPECT_EQ(out, "");
}

TEST(RequestHead, FindsTheStrongestHeader) {
  const Headers weak{{"Host", "a"}, {"X", "1"}};
  const Headers strong{{"hOST", "b"}, {"HOST", "c"}};
  ASSERT_NE(find_header({weak, strong}, "host"), nullptr);
  EXPECT_EQ(find_header({weak, strong}, "host")->value, "c");
  EXPECT_EQ(find_header({weak, strong}, "x")->value, "1");
  EXPECT_EQ(find_header({weak, strong}, "y"), nullptr);
  EXPECT_EQ(find_header({}, "y"), nullptr);
}

TEST(RequestHead, SetReplacesAllOfThatName) {
  Headers headers{{"A", "1"}, {"B", "2"}, {"a", "3"}};
  set_header(headers, "A", "4");
  EXPECT_EQ(headers, (Headers{{"B", "2"}, {"A", "4"}}));
  set_header(headers, "C", headers.front().value);
  EXPECT_EQ(headers.back(), (Header{"C", "2"}));
  set_header(headers, headers.front().name, "5");
  EXPECT_EQ(headers.back(), (Header{"B", "5"}));
  EXPECT_THROW(set_header(headers, "A", "x\n"), InvalidArgument);
  EXPECT_EQ(headers.size(), 3U);
}

}  // namespace
}  // namespace chaperon::http
