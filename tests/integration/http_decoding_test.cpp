// Compressed answers: decoded where it was asked for, left alone elsewhere.
#include <ostream>
#include <string>

#include <zlib.h>
#include <zstd.h>

#include "integration/http_fixture.hpp"

namespace chaperon::test {
namespace {

using ::testing::HasSubstr;

const std::string& text() {
  static const std::string json = R"({"data": ")" + std::string(5000, 'd') + R"("})";
  return json;
}

// `window_bits` as zlib has it: MAX_WBITS is deflate, 16 more is gzip, negative is without a wrapper.
std::string zlib_compressed(const std::string& bytes, int window_bits) {
  z_stream stream{};
  deflateInit2(&stream, 9, Z_DEFLATED, window_bits, 8, Z_DEFAULT_STRATEGY);
  std::string out(deflateBound(&stream, bytes.size()) + 32, '\0');
  std::string in = bytes;
  stream.next_in = reinterpret_cast<Bytef*>(in.data());
  stream.avail_in = static_cast<uInt>(in.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  EXPECT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

std::string gzip(const std::string& bytes) {
  return zlib_compressed(bytes, MAX_WBITS + 16);
}

// A brotli stream of one uncompressed block (RFC 7932, section 9.2), since only the decoder is at hand here.
std::string brotli(const std::string& bytes) {
  const auto header = static_cast<std::uint32_t>(((bytes.size() - 1) << 4U) | (1U << 20U));
  std::string out;
  for (unsigned shift = 0; shift < 24; shift += 8)
    out.push_back(static_cast<char>(header >> shift));
  return out + bytes + '\x03';
}

std::string zstd(const std::string& bytes) {
  std::string out(ZSTD_compressBound(bytes.size()), '\0');
  out.resize(ZSTD_compress(out.data(), out.size(), bytes.data(), bytes.size(), 3));
  return out;
}

std::string encoded(const std::string& coding, const std::string& bytes) {
  return answer(bytes, "Content-Encoding: " + coding + "\r\n");
}

struct Coding {
  const char* test_name;
  const char* header;
  std::string bytes;
  // ctest lists tests by what this prints.
  friend void PrintTo(const Coding& coding, std::ostream* out) { *out << coding.header; }
};

class HttpDecoding : public ::testing::TestWithParam<Coding> {};

TEST_P(HttpDecoding, ByDecode) {
  const ScriptedServer server(always(encoded(GetParam().header, GetParam().bytes)));
  run_user(server.url(), [&](Session& s) {
    EXPECT_EQ(s.get("/", {.decode = Decode::content}).response().body(), text());
    EXPECT_EQ(s.get("/", {.decode = Decode::json}).response().body(), text());
  });
}

TEST_P(HttpDecoding, ByJson) {
  const ScriptedServer server(always(encoded(GetParam().header, GetParam().bytes)));
  run_user(server.url(), [&](Session& s) {
    const auto response = s.get("/").response();
    EXPECT_EQ(response.json(), Json::parse(text()));
    EXPECT_EQ(response.body(), GetParam().bytes);
    s.get("/", {.with_result = [&](Session&, const Json& json) { EXPECT_EQ(json, Json::parse(text())); }});
    EXPECT_EQ(s.response().body(), text());
  });
}

TEST_P(HttpDecoding, ByConfig) {
  ScriptedServer server(always(encoded(GetParam().header, GetParam().bytes)));
  run_user(server.url(), [&](Session& s) { EXPECT_EQ(s.get("/").response().body(), text()); },
           {{"http", {{"decompress", true}}}});
  const auto accepted = header_of(server.requests().at(0), "Accept-Encoding").value_or("");
  for (const auto* coding : {"gzip", "deflate", "br", "zstd"})
    EXPECT_THAT(accepted, HasSubstr(coding));
}

TEST_P(HttpDecoding, NotUnasked) {
  ScriptedServer server(always(encoded(GetParam().header, GetParam().bytes)));
  run_user(server.url(), [&](Session& s) { EXPECT_EQ(s.get("/").response().body(), GetParam().bytes); });
  EXPECT_EQ(header_of(server.requests().at(0), "Accept-Encoding"), std::nullopt);
}

INSTANTIATE_TEST_SUITE_P(
    Codings, HttpDecoding,
    ::testing::Values(Coding{"gzip", "gzip", gzip(text())}, Coding{"XGzip", "X-GZIP", gzip(text())},
                      Coding{"deflate", "deflate", zlib_compressed(text(), MAX_WBITS)},
                      Coding{"RawDeflate", "deflate", zlib_compressed(text(), -MAX_WBITS)},
                      Coding{"br", "br", brotli(text())}, Coding{"zstd", "zstd", zstd(text())},
                      Coding{"Several", "gzip, br", brotli(gzip(text()))},
                      Coding{"Identity", "identity", text()},
                      Coding{"GzipAndIdentity", "identity, gzip", gzip(text())}),
    [](const auto& param) { return std::string(param.param.test_name); });

TEST(HttpDecodingOf, TheTargetsOwn) {
  const TargetThread target;
  run_user(target.url(),
           [](Session& s) {
             EXPECT_EQ(s.get("/gzip/100000").response().body().size(), 100'000U);
             EXPECT_EQ(s.response().header("Content-Encoding"), "gzip");
             EXPECT_EQ(s.get("/deflate/100000").response().body().size(), 100'000U);
             EXPECT_EQ(s.response().header("Content-Encoding"), "deflate");
           },
           {{"http", {{"decompress", true}}}});
}

TEST(HttpDecodingOf, AnswersWithoutABody) {
  ScriptedServer server(answers({"HTTP/1.1 304 Not Modified\r\nContent-Encoding: gzip\r\n\r\n",
                                 "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 50\r\n\r\n",
                                 encoded("gzip", "")}));
  const auto results = run_user(server.url(), [](Session& s) { s.get("/").head("/").get("/"); },
                                {{"http", {{"decompress", true}}}});
  EXPECT_EQ(results.traffic.responses, 3U);
  EXPECT_EQ(results.traffic.errors, 0U);
}

// A body that does not decode is a failure of its request, and of no other.
void expect_undecodable(const std::string& bytes, std::string_view reason, std::string_view message) {
  ScriptedServer server(answers({bytes, answer("next")}));
  Error seen;
  const auto results = run_user(
      server.url(),
      [&](Session& s) {
        s.get("/z", {.decode = Decode::content,
                     .with_result = [](Session&, const Response&) { ADD_FAILURE() << "it was decoded"; },
                     .on_error = [&](Session&, const Error& error) { seen = error; }});
        EXPECT_EQ(s.response().status(), 0);
        EXPECT_EQ(s.response().error().name(), reason);
        s.get("/next").expect(200);
      },
      {{"http", {{"max_response_size", 1'000'000}}}});
  EXPECT_EQ(seen.name(), reason);
  EXPECT_THAT(seen.message, HasSubstr(std::string(message)));
  EXPECT_EQ(results.count("User Error " + std::string(reason) + " get(" + server.url() + "/z)"), 1U);
  EXPECT_EQ(results.count("User get(" + server.url() + "/z)"), 0U);
  EXPECT_EQ(server.connections(), 1U);
  expect_conservation(results, 1);
}

TEST(HttpDecodingOf, CorruptBodies) {
  expect_undecodable(encoded("gzip", "this is no gzip"), "decode", "not valid gzip");
  expect_undecodable(encoded("gzip", gzip(text()).substr(0, 30)), "decode", "not valid gzip");
  std::string flipped = gzip(text());
  flipped[flipped.size() - 6] = static_cast<char>(flipped[flipped.size() - 6] ^ 1);
  expect_undecodable(encoded("gzip", flipped), "decode", "not valid gzip");
  expect_undecodable(encoded("br", "this is no brotli"), "decode", "not valid br");
  expect_undecodable(encoded("zstd", "this is no zstd"), "decode", "not valid zstd");
  expect_undecodable(encoded("deflate", "\xff\xff\xff"), "decode", "not valid deflate");
  expect_undecodable(encoded("compress", "abc"), "decode", "unknown Content-Encoding");
}

TEST(HttpDecodingOf, DecompressionBombs) {
  const std::string huge(std::size_t{64} << 20, '\0');
  const std::string brotli_mebibyte("\x5b\xff\xff\x8f\x7f\x02\x20\x1e\x0b\x04\x72\xef\x1f\x00", 14);
  expect_undecodable(encoded("gzip", gzip(huge)), "too_large", "http.max_response_size");
  expect_undecodable(encoded("br", brotli_mebibyte), "too_large", "http.max_response_size");
  expect_undecodable(encoded("zstd", zstd(huge)), "too_large", "http.max_response_size");
  expect_undecodable(encoded("gzip, gzip", gzip(gzip(huge))), "too_large", "http.max_response_size");
}

TEST(HttpDecodingOf, ABombThatJsonIsAskedOf) {
  ScriptedServer server(always(encoded("gzip", gzip(std::string(std::size_t{2} << 20, ' ')))));
  run_user(server.url(), [](Session& s) { EXPECT_THROW((void)s.get("/").response().json(), DecodeError); },
           {{"http", {{"max_response_size", 1 << 20}}}});
}

}  // namespace
}  // namespace chaperon::test
