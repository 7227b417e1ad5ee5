#include "http/encode.hpp"

#include <cmath>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include <chaperon/errors.hpp>

#include "http/content_coding.hpp"

namespace chaperon::http {
namespace {

using namespace std::string_literals;

template <class F>
std::string error_of(F f) {
  try {
    f();
    return "no error";
  } catch (const InvalidArgument& e) {
    return e.what();
  }
}

TEST(EncodeQuery, Values) {
  EXPECT_EQ(
      encode_query({{"a", 1}, {"b", "x y"}, {"c", true}, {"d", nullptr}, {"e", 1.5}, {"f", -7}, {"g", ""}}),
      "a=1&b=x%20y&c=true&d=&e=1.5&f=-7&g=");
  EXPECT_EQ(encode_query({{"big", 18446744073709551615U}}), "big=18446744073709551615");
}

TEST(EncodeQuery, KeysAndValuesAreEscaped) {
  Json params = Json::object();
  params["a&b=c d"] = "1&2=3+4%\r\n\xc3\xa9";
  EXPECT_EQ(encode_query(params), "a%26b%3Dc%20d=1%262%3D3%2B4%25%0D%0A%C3%A9");
  params = Json::object();
  params[""] = "\xff\0"s;
  EXPECT_EQ(encode_query(params), "=%FF%00");
}

TEST(EncodeQuery, ArraysRepeatTheirKey) {
  Json params = Json::object();
  params["a"] = Json::array({1, "x", nullptr, false});
  params["b"] = Json::array();
  params["c"] = 2;
  EXPECT_EQ(encode_query(params), "a=1&a=x&a=&a=false&c=2");
}

TEST(EncodeQuery, Empty) {
  EXPECT_EQ(encode_query(Json::object()), "");
}

TEST(EncodeQuery, NestedValuesAreErrorsThatNameTheKey) {
  Json params = Json::object();
  params["filter"]["a"] = 1;
  EXPECT_EQ(error_of([&] { encode_query(params); }),
            "params: the value of \"filter\" is an object: give a text, a number, true, false, null or an "
            "array of these");
  params = Json::object();
  params["list"] = Json::array({Json::array({1})});
  EXPECT_NE(error_of([&] { encode_query(params); }).find("\"list\""), std::string::npos);
  params = Json::object();
  params["x"] = std::nan("");
  EXPECT_NE(error_of([&] { encode_query(params); }), "no error");
  params["x"] = Json::binary({1, 2});
  EXPECT_NE(error_of([&] { encode_query(params); }), "no error");
}

TEST(EncodeQuery, OnlyAnObjectIsAQuery) {
  for (const Json& params : {Json(), Json("a"), Json(1), Json::array({1})}) {
    EXPECT_NE(error_of([&] { encode_query(params); }).find("params is "), std::string::npos) << params;
  }
  EXPECT_NE(error_of([] { encode_form(Json(1)); }).find("form is "), std::string::npos);
}

TEST(EncodeQuery, AppendsToATarget) {
  const auto appended = [](std::string target, const Json& params) {
    append_query(target, params);
    return target;
  };
  Json one = Json::object();
  one["a"] = 1;
  EXPECT_EQ(appended("/x", one), "/x?a=1");
  EXPECT_EQ(appended("/x?b=2", one), "/x?b=2&a=1");
  EXPECT_EQ(appended("/x?", one), "/x?a=1");
  EXPECT_EQ(appended("/x?b&", one), "/x?b&a=1");
  EXPECT_EQ(appended("/x", Json::object()), "/x");
  EXPECT_EQ(appended("/x?b", Json::object()), "/x?b");
  std::string target = "/x";
  EXPECT_THROW(append_query(target, Json(1)), InvalidArgument);
  EXPECT_EQ(target, "/x");
}

TEST(EncodeForm, SpacesArePluses) {
  Json form = Json::object();
  form["a b"] = "c d+~*";
  form["n"] = Json::array({1, 2});
  EXPECT_EQ(encode_form(form), "a+b=c+d%2B%7E*&n=1&n=2");
}

TEST(EncodeMultipart, FieldsAndFiles) {
  const std::vector<Part> parts = {
      {.name = "title", .content = "my file"},
      {.name = "file", .content = "\x00\x01\r\n--"s, .filename = "a.bin"},
      {.name = "page", .content = "<p>", .filename = "a.html", .content_type = "text/html"},
      {.name = "json", .content = "{}", .content_type = "application/json"},
  };
  EXPECT_EQ(
      encode_multipart(parts, "B"),
      "--B\r\nContent-Disposition: form-data; name=\"title\"\r\n\r\nmy file\r\n"
      "--B\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.bin\"\r\n"
      "Content-Type: application/octet-stream\r\n\r\n\x00\x01\r\n--\r\n"
      "--B\r\nContent-Disposition: form-data; name=\"page\"; filename=\"a.html\"\r\nContent-Type: "
      "text/html\r\n\r\n"
      "<p>\r\n"
      "--B\r\nContent-Disposition: form-data; name=\"json\"\r\nContent-Type: application/json\r\n\r\n{}\r\n"
      "--B--\r\n"s);
  EXPECT_EQ(encode_multipart({}, "B"), "--B--\r\n");
}

TEST(EncodeMultipart, NamesCannotBreakOut) {
  const std::vector<Part> parts = {
      {.name = "a\"; x=\"\r\nEvil: 1", .content = "", .filename = "\"\r\n\xc3\xa9%22"}};
  EXPECT_EQ(encode_multipart(parts, "B"),
            "--B\r\nContent-Disposition: form-data; name=\"a%22; x=%22%0D%0AEvil: 1\"; "
            "filename=\"%22%0D%0A\xc3\xa9%22\"\r\n"
            "Content-Type: application/octet-stream\r\n\r\n\r\n--B--\r\n");
  const std::vector<Part> bad = {{.name = "a", .content = "", .content_type = "text/plain\r\nEvil: 1"}};
  EXPECT_NE(error_of([&] { encode_multipart(bad, "B"); }).find("the part \"a\" has a control character"),
            std::string::npos);
}

TEST(EncodeMultipart, BoundaryOccursInNoPart) {
  Random first(1);
  const std::string taken = make_boundary(first, {});
  Random again(1);
  const std::vector<Part> parts = {{.name = "a", .content = "x--" + taken + "--"}};
  const std::string boundary = make_boundary(again, parts);
  EXPECT_NE(boundary, taken);
  EXPECT_EQ(parts[0].content.find(boundary), std::string::npos);
  EXPECT_LE(boundary.size(), 70U) << "RFC 2046";
  EXPECT_EQ(multipart_content_type("B"), "multipart/form-data; boundary=B");
}

// RFC 4648, section 10.
TEST(Base64, Vectors) {
  EXPECT_EQ(encode_base64(""), "");
  EXPECT_EQ(encode_base64("f"), "Zg==");
  EXPECT_EQ(encode_base64("fo"), "Zm8=");
  EXPECT_EQ(encode_base64("foo"), "Zm9v");
  EXPECT_EQ(encode_base64("foob"), "Zm9vYg==");
  EXPECT_EQ(encode_base64("fooba"), "Zm9vYmE=");
  EXPECT_EQ(encode_base64("foobar"), "Zm9vYmFy");
  EXPECT_EQ(encode_base64("\xff\xfe\xfd\0"s), "//79AA==");
}

TEST(BasicAuthorization, Value) {
  EXPECT_EQ(basic_authorization({.user = "Aladdin", .password = "open sesame"}),
            "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
  EXPECT_EQ(basic_authorization({.user = "", .password = ""}), "Basic Og==");
  EXPECT_EQ(basic_authorization({.user = "a", .password = "b:c"}), "Basic YTpiOmM=");
  EXPECT_NE(error_of([] { basic_authorization({.user = "a:b", .password = ""}); }).find("colon"),
            std::string::npos);
  EXPECT_NE(error_of([] { basic_authorization({.user = "a", .password = "\n"}); }).find("control"),
            std::string::npos);
}

TEST(Gzip, RoundTrips) {
  std::string big;
  Random random(7);
  for (int i = 0; i < 300'000; ++i)
    big.push_back(static_cast<char>(random() >> 33U));
  for (const std::string& text : {""s, "x"s, std::string(1'000'000, 'a'), big}) {
    const std::string packed = gzip_compress(text);
    ASSERT_GE(packed.size(), 18U);
    EXPECT_EQ(packed.substr(0, 2), "\x1f\x8b");
    EXPECT_EQ(decode_content("gzip", packed, text.size()), text);
    EXPECT_EQ(gzip_compress(text), packed);
  }
}

TEST(Chunks, AreFramed) {
  std::string out;
  append_chunk(out, "hello");
  append_chunk(out, "");
  append_chunk(out, std::string(26, 'x'));
  append_last_chunk(out);
  EXPECT_EQ(out, "5\r\nhello\r\n1a\r\nxxxxxxxxxxxxxxxxxxxxxxxxxx\r\n0\r\n\r\n");
}

}  // namespace
}  // namespace chaperon::http
