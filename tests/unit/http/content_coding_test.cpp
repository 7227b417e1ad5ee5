#include "http/content_coding.hpp"

#include <string>
#include <string_view>

#include <gtest/gtest.h>
#include <zlib.h>
#include <zstd.h>

#include "base/random.hpp"
#include "http/encode.hpp"

namespace chaperon::http {
namespace {

using namespace std::string_literals;

constexpr std::string_view kText = "hello, hello, hello, world";
constexpr std::size_t kLimit = 1 << 20;

// Made with libbrotlienc, since only the decoder is at hand here.
const std::string kBrotliText =
    "\x1b\x19\x00\xf8\x8d\x94\x6e\xde\x44\x09\x52\x86\x96\x6c\x2c\x6f\x35\x88\x3c\x95\x00\x0a\x73\x1c\x02"s;
const std::string kBrotliMebibyteOfZeros = "\x5b\xff\xff\x8f\x7f\x02\x20\x1e\x0b\x04\x72\xef\x1f\x00"s;

std::string deflate_with(std::string_view text, int window_bits) {
  z_stream stream{};
  EXPECT_EQ(deflateInit2(&stream, 9, Z_DEFLATED, window_bits, 8, Z_DEFAULT_STRATEGY), Z_OK);
  std::string out(deflateBound(&stream, text.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  EXPECT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

std::string zlib(std::string_view text) {
  return deflate_with(text, 15);
}
std::string raw_deflate(std::string_view text) {
  return deflate_with(text, -15);
}

std::string zstd(std::string_view text) {
  std::string out(ZSTD_compressBound(text.size()), '\0');
  out.resize(ZSTD_compress(out.data(), out.size(), text.data(), text.size(), 3));
  return out;
}

struct Failure {
  Reason reason = Reason::none;
  std::string message{};
};

Failure failure(std::string_view coding, std::string_view body, std::size_t limit = kLimit) {
  try {
    decode_content(coding, body, limit);
    return {};
  } catch (const ContentError& e) {
    return {e.reason(), e.what()};
  }
}

TEST(ContentCoding, EachDecodes) {
  EXPECT_EQ(decode_content("gzip", gzip_compress(kText), kLimit), kText);
  EXPECT_EQ(decode_content("x-gzip", gzip_compress(kText), kLimit), kText);
  EXPECT_EQ(decode_content("deflate", zlib(kText), kLimit), kText);
  EXPECT_EQ(decode_content("deflate", raw_deflate(kText), kLimit), kText);
  EXPECT_EQ(decode_content("br", kBrotliText, kLimit), kText);
  EXPECT_EQ(decode_content("zstd", zstd(kText), kLimit), kText);
  EXPECT_EQ(decode_content("identity", kText, kLimit), kText);
  EXPECT_EQ(decode_content("", kText, kLimit), kText);
}

TEST(ContentCoding, NamesInAnyCaseAndSpacing) {
  EXPECT_EQ(decode_content(" GZip\t", gzip_compress(kText), kLimit), kText);
  EXPECT_EQ(decode_content(", ,gzip,", gzip_compress(kText), kLimit), kText);
}

TEST(ContentCoding, ListsAreUndoneFromTheirEnd) {
  EXPECT_EQ(decode_content("br, gzip", gzip_compress(kBrotliText), kLimit), kText);
  EXPECT_EQ(decode_content("gzip, identity, zstd", zstd(gzip_compress(kText)), kLimit), kText);
  EXPECT_EQ(decode_content("gzip,gzip,gzip,gzip",
                           gzip_compress(gzip_compress(gzip_compress(gzip_compress(kText)))), kLimit),
            kText);
  EXPECT_EQ(failure("gzip,gzip,gzip,gzip,gzip", "x").message, "the body has more than 4 Content-Encodings");
  EXPECT_EQ(failure("gzip, br", gzip_compress(kBrotliText)).reason, Reason::decode) << "the wrong order";
}

TEST(ContentCoding, TellsWhetherThereIsAnythingToDo) {
  for (const std::string_view header : {"", " ", "identity", "Identity, identity", ","})
    EXPECT_FALSE(is_encoded(header));
  for (const std::string_view header : {"gzip", "identity, br", "what"})
    EXPECT_TRUE(is_encoded(header));
}

TEST(ContentCoding, AnEmptyBodyStaysEmpty) {
  for (const std::string_view coding : {"gzip", "deflate", "br", "zstd", "gzip, br"}) {
    EXPECT_EQ(decode_content(coding, "", kLimit), "") << coding;
  }
  EXPECT_EQ(failure("what", "").reason, Reason::decode);
}

TEST(ContentCoding, EncodedNothingDecodes) {
  EXPECT_EQ(decode_content("gzip", gzip_compress(""), kLimit), "");
  EXPECT_EQ(decode_content("gzip", gzip_compress(""), 0), "");
  EXPECT_EQ(decode_content("deflate", zlib(""), kLimit), "");
  EXPECT_EQ(decode_content("deflate", raw_deflate(""), kLimit), "");
  EXPECT_EQ(decode_content("br", "\x06", kLimit), "");
  EXPECT_EQ(decode_content("zstd", zstd(""), kLimit), "");
  EXPECT_EQ(decode_content("gzip, gzip", gzip_compress(gzip_compress("")), kLimit), "");
}

TEST(ContentCoding, UnknownCodingsAreNamed) {
  const Failure f = failure("gzip, compress", "x");
  EXPECT_EQ(f.reason, Reason::decode);
  EXPECT_EQ(f.message, "the body has the unknown Content-Encoding \"compress\"");
}

TEST(ContentCoding, SeveralMembersAndFrames) {
  EXPECT_EQ(decode_content("gzip", gzip_compress("one ") + gzip_compress("") + gzip_compress("two"), kLimit),
            "one two");
  EXPECT_EQ(decode_content("zstd", zstd("one ") + zstd("two"), kLimit), "one two");
  const std::string skippable = "\x50\x2a\x4d\x18\x03\x00\x00\x00xyz"s;
  EXPECT_EQ(decode_content("zstd", skippable + zstd("one") + skippable, kLimit), "one");
}

TEST(ContentCoding, WhatFollowsIsIgnored) {
  EXPECT_EQ(decode_content("gzip", gzip_compress(kText) + "garbage", kLimit), kText);
  EXPECT_EQ(decode_content("gzip", gzip_compress(kText) + std::string(512, '\0'), kLimit), kText);
  EXPECT_EQ(decode_content("deflate", zlib(kText) + "garbage", kLimit), kText);
  EXPECT_EQ(decode_content("br", kBrotliText + "garbage", kLimit), kText);
  EXPECT_EQ(failure("zstd", zstd(kText) + "garbage").reason, Reason::decode)
      << "zstd frames have no end but the body's";
}

void expect_truncations_fail(std::string_view coding, const std::string& body) {
  for (std::size_t size = 1; size < body.size(); ++size) {
    EXPECT_EQ(failure(coding, body.substr(0, size)).reason, Reason::decode) << coding << " cut to " << size;
  }
}

TEST(ContentCoding, TruncatedBodiesFail) {
  expect_truncations_fail("gzip", gzip_compress(kText));
  expect_truncations_fail("deflate", zlib(kText));
  expect_truncations_fail("deflate", raw_deflate(kText));
  expect_truncations_fail("br", kBrotliText);
  expect_truncations_fail("zstd", zstd(kText));
  EXPECT_EQ(failure("gzip", gzip_compress(kText).substr(0, 20)).message,
            "the body is not valid gzip: it ends too early");
  EXPECT_EQ(failure("gzip", gzip_compress(kText) + gzip_compress(kText).substr(0, 20)).reason,
            Reason::decode);
}

TEST(ContentCoding, CorruptBodiesFail) {
  for (const std::string_view coding : {"gzip", "deflate", "br", "zstd"}) {
    EXPECT_EQ(failure(coding, "\xff\xff\xff\xff this is no compressed text").reason, Reason::decode)
        << coding;
  }
  std::string checksum = gzip_compress(kText);
  checksum[checksum.size() - 6] ^= 1;
  EXPECT_EQ(failure("gzip", checksum).reason, Reason::decode);
  checksum = zlib(kText);
  checksum.back() ^= 1;
  EXPECT_EQ(failure("deflate", checksum).reason, Reason::decode);
  std::string dictionary = zlib(kText);
  dictionary[1] = '\x20' | '\x1f';
  EXPECT_EQ(failure("deflate", dictionary).reason, Reason::decode);
}

TEST(ContentCoding, LimitIsExact) {
  const std::string text(10'000, 'a');
  for (const auto& [coding, body] : {std::pair<std::string, std::string>("gzip", gzip_compress(text)),
                                     {"deflate", zlib(text)},
                                     {"deflate", raw_deflate(text)},
                                     {"zstd", zstd(text)},
                                     {"gzip, gzip", gzip_compress(gzip_compress(text))}}) {
    EXPECT_EQ(decode_content(coding, body, text.size()), text) << coding;
    EXPECT_EQ(failure(coding, body, text.size() - 1).reason, Reason::too_large) << coding;
    EXPECT_EQ(failure(coding, body, 0).reason, Reason::too_large) << coding;
  }
  EXPECT_EQ(decode_content("br", kBrotliMebibyteOfZeros, 1 << 20), std::string(1 << 20, '\0'));
  EXPECT_EQ(failure("br", kBrotliMebibyteOfZeros, (1 << 20) - 1).reason, Reason::too_large);
}

TEST(ContentCoding, BombsAreTooLarge) {
  const std::string bomb(std::size_t{4} << 20, '\0');
  for (const auto& [coding, body] : {std::pair<std::string, std::string>("gzip", gzip_compress(bomb)),
                                     {"deflate", zlib(bomb)},
                                     {"zstd", zstd(bomb)},
                                     {"gzip, gzip", gzip_compress(gzip_compress(bomb))}}) {
    const Failure f = failure(coding, body);
    EXPECT_EQ(f.reason, Reason::too_large) << coding;
    EXPECT_EQ(f.message, "the body decodes to more than 1048576 bytes (http.max_response_size)");
  }
}

TEST(ContentCoding, TheResultTakesNoMoreThanTheLimit) {
  const std::string text(100'000, 'a');
  for (const std::size_t limit : {text.size(), text.size() + 1, text.size() + text.size() / 3}) {
    EXPECT_LE(decode_content("gzip", gzip_compress(text), limit).capacity(), limit + 1);
  }
}

TEST(ContentCoding, ZstdWindowIsBounded) {
  // A frame that asks for a window of 1 GiB: magic, no single segment, window descriptor 20 << 3.
  const std::string frame = "\x28\xb5\x2f\xfd\x00\xa0\x01\x00\x00"s;
  const Failure f = failure("zstd", frame);
  EXPECT_EQ(f.reason, Reason::decode);
  EXPECT_EQ(f.message, "the body is not valid zstd: Frame requires too much memory for decoding");
}

TEST(ContentCoding, LargeIncompressibleBodies) {
  Random random(3);
  std::string text;
  for (int i = 0; i < 700'000; ++i)
    text.push_back(static_cast<char>(random() >> 40U));
  EXPECT_EQ(decode_content("gzip", gzip_compress(text), kLimit), text);
  EXPECT_EQ(decode_content("deflate", raw_deflate(text), kLimit), text);
  EXPECT_EQ(decode_content("zstd", zstd(text), kLimit), text);
}

}  // namespace
}  // namespace chaperon::http
