#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "base/random.hpp"
#include "unit/websocket/reading.hpp"
#include "unit/websocket/samples.hpp"
#include "unit/websocket/server_side.hpp"
#include "websocket/message_reader.hpp"

namespace chaperon::websocket {
namespace {

using namespace std::string_literals;
using test::Event;
using test::expect_failed;
using test::read;
using test::read_one;
using test::Seen;
using test::server_frame;
using test::ServerDeflate;
using test::some_bytes;
using test::words;

constexpr unsigned kText = 0x81;
constexpr unsigned kCompressedText = 0xc1;
constexpr unsigned kCompressedBinary = 0xc2;
constexpr unsigned kFirstCompressedText = 0x41;
constexpr unsigned kFirstCompressedBinary = 0x42;
constexpr unsigned kMiddle = 0x00;
constexpr unsigned kLast = 0x80;
constexpr unsigned kPing = 0x89;

const MessageReader::Options kWithContext{.deflate = DeflateParameters{}};
const MessageReader::Options kWithoutContext{.deflate =
                                                 DeflateParameters{.server_no_context_takeover = true}};
const MessageReader::Options kHundred{.max_message = 100, .deflate = DeflateParameters{}};

constexpr const char* kUnfinished =
    "a compressed message that does not inflate: it does not end where a block ends";
constexpr const char* kTooFarBack =
    "a compressed message that does not inflate: invalid distance too far back";

// The examples of RFC 7692, section 7.2.3.

class MessageReaderRfc7692 : public testing::TestWithParam<MessageReader::Options> {};

TEST_P(MessageReaderRfc7692, OneBlock) {
  const Seen seen = read_one("\xc1\x07\xf2\x48\xcd\xc9\xc9\x07\x00"s, GetParam());
  EXPECT_EQ(seen.event, Event::text);
  EXPECT_EQ(seen.payload, "Hello");
}

TEST_P(MessageReaderRfc7692, OneBlockInFragments) {
  const Seen seen = read_one("\x41\x03\xf2\x48\xcd\x80\x04\xc9\xc9\x07\x00"s, GetParam());
  EXPECT_EQ(seen.event, Event::text);
  EXPECT_EQ(seen.payload, "Hello");
}

TEST_P(MessageReaderRfc7692, BlockWithoutCompression) {
  EXPECT_EQ(read_one("\xc1\x0b\x00\x05\x00\xfa\xff\x48\x65\x6c\x6c\x6f\x00"s, GetParam()).payload, "Hello");
}

TEST_P(MessageReaderRfc7692, FinalBlock) {
  EXPECT_EQ(read_one("\xc1\x08\xf3\x48\xcd\xc9\xc9\x07\x00\x00"s, GetParam()).payload, "Hello");
}

TEST_P(MessageReaderRfc7692, TwoBlocks) {
  EXPECT_EQ(read_one("\xc1\x0d\xf2\x48\x05\x00\x00\x00\xff\xff\xca\xc9\xc9\x07\x00"s, GetParam()).payload,
            "Hello");
}

TEST_P(MessageReaderRfc7692, EmptyMessage) {
  const Seen seen = read_one("\xc1\x01\x00"s, GetParam());
  EXPECT_EQ(seen.event, Event::text);
  EXPECT_EQ(seen.payload, "");
}

INSTANTIATE_TEST_SUITE_P(All, MessageReaderRfc7692, testing::Values(kWithContext, kWithoutContext),
                         [](const auto& param_info) {
                           return param_info.index == 0 ? "WithContext" : "WithoutContext";
                         });

TEST(MessageReaderDeflate, RfcSharedWindow) {
  const std::string first = "\xc1\x07\xf2\x48\xcd\xc9\xc9\x07\x00"s;
  const std::string second = "\xc1\x05\xf2\x00\x11\x00\x00"s;
  const auto events = read(first + second, kWithContext);
  ASSERT_EQ(events.size(), 2U);
  EXPECT_EQ(events[1].payload, "Hello");
  // Without the context the second message refers to what is not there.
  expect_failed(first + second, 1007, kTooFarBack, kWithoutContext, 1);
}

// Conversations.

struct Takeover {
  bool server_keeps_context = true;
  int window_bits = 15;
};

class MessageReaderDeflated : public testing::TestWithParam<Takeover> {};

TEST_P(MessageReaderDeflated, MessagesOfAllSizes) {
  const auto [keeps, bits] = GetParam();
  ServerDeflate deflate(bits);
  const MessageReader::Options options{
      .deflate = DeflateParameters{.server_no_context_takeover = !keeps, .server_max_window_bits = bits}};
  std::string bytes;
  std::vector<Seen> expected;
  for (const std::size_t size : {1, 2, 20, 20, 100, 125, 126, 1000, 5000, 40'000, 20, 70'000, 200'000, 20}) {
    for (const bool compressible : {true, false}) {
      const std::string message = compressible ? words(size) : some_bytes(size);
      const std::string payload = deflate(message);
      if (!keeps) deflate.forget();
      const std::size_t third = payload.size() / 3;
      bytes += server_frame(kFirstCompressedBinary, std::string_view(payload).substr(0, third));
      bytes += server_frame(kMiddle, "");
      bytes += server_frame(kPing, "between");
      expected.push_back({.event = Event::ping, .payload = "between", .end = bytes.size()});
      bytes += server_frame(kMiddle, std::string_view(payload).substr(third, third));
      bytes += server_frame(kLast, std::string_view(payload).substr(2 * third));
      expected.push_back({.event = Event::binary, .payload = message, .end = bytes.size()});
    }
    // Not to be compressed is allowed at any time.
    bytes += server_frame(kText, "plain");
    expected.push_back({.event = Event::text, .payload = "plain", .end = bytes.size()});
  }
  EXPECT_EQ(read(bytes, options), expected);
  for (std::uint64_t seed = 0; seed < 10; ++seed) {
    Random random(seed);
    std::vector<std::string_view> pieces;
    for (std::size_t at = 0; at < bytes.size();) {
      pieces.push_back(
          std::string_view(bytes).substr(at, 1 + random.below(random.below(2) == 0 ? 40 : 40'000)));
      at += pieces.back().size();
    }
    ASSERT_EQ(test::read_pieces(pieces, options), expected) << "seed " << seed;
  }
}

INSTANTIATE_TEST_SUITE_P(All, MessageReaderDeflated,
                         testing::Values(Takeover{true, 15}, Takeover{false, 15}, Takeover{true, 12},
                                         Takeover{true, 9}, Takeover{false, 9}),
                         [](const auto& param_info) {
                           return (param_info.param.server_keeps_context ? "WithContext" : "WithoutContext") +
                                  std::to_string(param_info.param.window_bits);
                         });

// A message that says "go `distance` bytes back, 257 to 384, and take 11": a block with fixed codes (RFC
// 1951, section 3.2.6), then what is left of the empty block behind it.
std::string copy_of_11(unsigned distance) {
  std::string bytes;
  unsigned bit = 0;
  const auto put_bit = [&](unsigned one) {
    if (bit % 8 == 0) bytes.push_back('\0');
    bytes.back() = static_cast<char>(static_cast<unsigned char>(bytes.back()) | one << (bit++ % 8));
  };
  const auto put_number = [&](unsigned value, unsigned count) {
    for (unsigned i = 0; i < count; ++i)
      put_bit(value >> i & 1U);
  };
  const auto put_code = [&](unsigned code, unsigned count) {
    for (unsigned i = count; i > 0; --i)
      put_bit(code >> (i - 1) & 1U);
  };
  put_number(0, 1);               // not the last block
  put_number(1, 2);               // fixed codes
  put_code(265 - 256, 7);         // length code 265
  put_number(0, 1);               // 11 is the first of its lengths
  put_code(16, 5);                // distance code 16
  put_number(distance - 257, 7);  // 257 is the first of its distances
  put_code(0, 7);                 // end of the block
  put_number(0, 3);               // the empty block
  return bytes;
}

TEST(MessageReaderDeflate, AWindowOf8BitsMayBe9) {
  // zlib's deflate took 9 bits where it was asked for 8, and its users announced 8.
  const MessageReader::Options options{.deflate = DeflateParameters{.server_max_window_bits = 8}};
  ServerDeflate deflate;
  const std::string noise = some_bytes(300);
  const std::string bytes =
      server_frame(kCompressedBinary, deflate(noise)) + server_frame(kCompressedBinary, copy_of_11(300));
  const auto events = read(bytes, options);
  ASSERT_EQ(events.size(), 2U);
  EXPECT_EQ(events[1].payload, noise.substr(0, 11));
}

TEST(MessageReaderDeflate, TheWindowIsNoLargerThanAgreed) {
  ServerDeflate deflate(15);
  const MessageReader::Options options{.deflate = DeflateParameters{.server_max_window_bits = 9}};
  const std::string noise = some_bytes(2000);
  std::string bytes = server_frame(kCompressedBinary, deflate(noise));
  bytes += server_frame(kCompressedBinary, deflate(noise.substr(0, 100)));
  ASSERT_LT(bytes.size(), 2050U) << "the second message refers to the first";
  const auto events = read(bytes, kWithContext);
  ASSERT_EQ(events.size(), 2U);
  EXPECT_EQ(events[1].payload, noise.substr(0, 100));
  expect_failed(bytes, 1007, kTooFarBack, options, 1);
}

TEST(MessageReaderDeflate, BeyondTheWindowWithinAMessageItIsWhatWasMeantOrRefused) {
  ServerDeflate deflate(15);
  const MessageReader::Options options{.deflate = DeflateParameters{.server_max_window_bits = 9}};
  const std::string noise = some_bytes(1000);
  const auto bytes = server_frame(kCompressedBinary, deflate(noise + noise));
  ASSERT_LT(bytes.size(), 1200U) << "the second half refers to the first";
  for (const std::size_t step : {bytes.size(), std::size_t{700}, std::size_t{100}, std::size_t{1}}) {
    MessageReader reader(options);
    auto event = Event::need_more;
    for (std::size_t at = 0; at < bytes.size() && event == Event::need_more; at += step)
      event = reader.feed(std::string_view(bytes).substr(at, step)).event;
    if (event == Event::binary) {
      EXPECT_EQ(reader.payload(), noise + noise) << step;
    } else {
      EXPECT_EQ(event, Event::failed) << step;
      EXPECT_EQ(reader.error_message(), kTooFarBack) << step;
    }
    // Byte by byte, what it refers to is gone by then.
    EXPECT_TRUE(step > 1 || event == Event::failed);
  }
}

TEST(MessageReaderDeflate, FinalBlocksKeepTheWindow) {
  ServerDeflate deflate;
  const std::string noise = some_bytes(300);
  const std::string bytes = server_frame(kCompressedBinary, deflate.with_final_block(noise)) +
                            server_frame(kCompressedBinary, copy_of_11(300));
  const auto events = read(bytes, kWithContext);
  ASSERT_EQ(events.size(), 2U);
  EXPECT_EQ(events[0].payload, noise);
  EXPECT_EQ(events[1].payload, noise.substr(0, 11));
  expect_failed(bytes, 1007, kTooFarBack, kWithoutContext, 1);
}

TEST(MessageReaderDeflate, ManyFinalBlocks) {
  // Each byte pair is an empty block that says it is the last.
  std::string payload;
  for (int i = 0; i < 30'000; ++i)
    payload += "\x03\x00"s;
  payload += "\x00"s;
  EXPECT_EQ(read_one(server_frame(kCompressedText, payload),
                     {.max_message = 60'000, .deflate = DeflateParameters{}})
                .payload,
            "");
}

// Reserved bits.

TEST(MessageReaderDeflate, Rsv1OnlyWhereAMessageBegins) {
  constexpr const char* kReserved = "a frame with reserved bits set";
  expect_failed("\xc1", 1002, kReserved);
  expect_failed("\xa1", 1002, kReserved, kWithContext);
  expect_failed("\x91", 1002, kReserved, kWithContext);
  expect_failed("\xe1", 1002, kReserved, kWithContext);
  expect_failed("\xc9", 1002, kReserved, kWithContext);
  expect_failed("\xca", 1002, kReserved, kWithContext);
  expect_failed("\xc8", 1002, kReserved, kWithContext);
  expect_failed("\xc3", 1002, kReserved, kWithContext);
  expect_failed("\xc0", 1002, kReserved, kWithContext);
  expect_failed(server_frame(kFirstCompressedText, "\xf2\x48\xcd") + "\xc0", 1002, kReserved, kWithContext);
  expect_failed(server_frame(0x01, "plain") + "\x40", 1002, kReserved, kWithContext);
}

// Limits.

TEST(MessageReaderDeflate, TheLimitIsExact) {
  for (const bool compressible : {true, false}) {
    const std::string text = compressible ? std::string(101, 'x') : some_bytes(101);
    ServerDeflate fits;
    EXPECT_EQ(read_one(server_frame(kCompressedBinary, fits(text.substr(1))), kHundred).payload,
              text.substr(1));
    ServerDeflate over;
    expect_failed(server_frame(kCompressedBinary, over(text)), 1009,
                  "a compressed message that inflates to more than the 100 bytes that are allowed", kHundred);
  }
}

TEST(MessageReaderDeflate, TheLimitIsPerMessage) {
  ServerDeflate deflate;
  std::string bytes;
  for (int i = 0; i < 5; ++i)
    bytes += server_frame(kCompressedBinary, deflate(std::string(100, 'x')));
  EXPECT_EQ(read(bytes, kHundred).size(), 5U);
}

TEST(MessageReaderDeflate, Bombs) {
  ServerDeflate deflate(15, 9);
  const std::string bomb = deflate(std::string(std::size_t{64} << 20, '\0'));
  const std::size_t half = bomb.size() / 2;
  for (const std::size_t limit : {std::size_t{100'000}, std::size_t{16} << 20}) {
    const MessageReader::Options options{.max_message = limit, .deflate = DeflateParameters{}};
    const std::string error = "a compressed message that inflates to more than the " + std::to_string(limit) +
                              " bytes that are allowed";
    MessageReader reader(options);
    const std::string first = server_frame(kFirstCompressedBinary, std::string_view(bomb).substr(0, half));
    ASSERT_LT(first.size(), limit) << "its length alone would be too much";
    EXPECT_EQ(reader.feed(first).event, Event::failed);
    EXPECT_EQ(reader.error_message(), error);
    EXPECT_EQ(reader.reason(), Reason::too_large);
  }
}

TEST(MessageReaderDeflate, ManySmallFramesMakeABombToo) {
  ServerDeflate deflate;
  const std::string payload = deflate(std::string(1000, '\0'));
  std::string bytes = server_frame(kFirstCompressedBinary, "");
  for (const char c : payload)
    bytes += server_frame(kMiddle, {&c, 1});
  expect_failed(bytes, 1009, "a compressed message that inflates to more than the 100 bytes that are allowed",
                kHundred);
}

TEST(MessageReaderDeflate, AnnouncedLengthsAreLimited) {
  // No message of 100 bytes is that long when compressed.
  expect_failed("\xc2\x7e\x04\xe6"s, 1009,
                "a compressed message of 1254 bytes, more than the 1149 that are allowed", kHundred);
  expect_failed("\xc2\x7f\x7f\xff\xff\xff\xff\xff\xff\xff", 1009,
                "a compressed message of 9223372036854775807 bytes, more than the 20972544 that are allowed",
                kWithContext);
  // The same in fragments that inflate to nothing.
  std::string bytes = server_frame(kFirstCompressedBinary, "\x00\x00\x00\xff\xff"s);
  for (int i = 0; i < 115; ++i)
    bytes += server_frame(kMiddle, "\x00\x00\x00\xff\xff\x00\x00\x00\xff\xff"s);
  expect_failed(bytes, 1009,
                "a compressed message of at least 1155 bytes, more than the 1149 that are allowed", kHundred);
}

TEST(MessageReaderDeflate, IncompressibleMessagesFitTheLimit) {
  const std::string noise = some_bytes(100'000);
  for (const int level : {0, 1, 9}) {
    ServerDeflate deflate(15, level);
    const std::string payload = deflate(noise);
    ASSERT_GT(payload.size(), noise.size());
    EXPECT_EQ(read_one(server_frame(kCompressedBinary, payload),
                       {.max_message = noise.size(), .deflate = DeflateParameters{}})
                  .payload,
              noise);
  }
}

// Corrupt data.

TEST(MessageReaderDeflate, CorruptData) {
  const auto error = [](std::string_view why) {
    return "a compressed message that does not inflate: " + std::string(why);
  };
  for (const auto& options : {kWithContext, kWithoutContext}) {
    expect_failed(server_frame(kCompressedText, "\x06"), 1007, error("invalid block type"), options);
    expect_failed(server_frame(kCompressedText, "\xf2\x48\xcd\xc9\xc9\x07\x00\x00\x00\xff\xff\x06"s), 1007,
                  error("invalid block type"), options);
    expect_failed(server_frame(kCompressedText, "\x00\x05\x00\xff\xff"s), 1007,
                  error("invalid stored block lengths"), options);
    expect_failed(server_frame(kCompressedText, "\x03\x02\x00"s), 1007, kTooFarBack, options);
    // Uncompressed text that says it is compressed.
    EXPECT_EQ(read_one(server_frame(kCompressedText, "this is not compressed at all"), options).event,
              Event::failed);
  }
}

TEST(MessageReaderDeflate, CutOffData) {
  ServerDeflate deflate;
  const std::string payload = deflate(words(200));
  for (std::size_t size = 0; size < payload.size(); ++size) {
    const Seen seen =
        read_one(server_frame(kCompressedText, std::string_view(payload).substr(0, size)), kWithContext);
    ASSERT_EQ(seen.event, Event::failed) << size;
    EXPECT_EQ(seen.error_code, 1007);
  }
  expect_failed(server_frame(kCompressedText, ""), 1007, kUnfinished, kWithContext);
  // The byte behind a final block is not optional.
  expect_failed(server_frame(kCompressedText, "\xf3\x48\xcd\xc9\xc9\x07\x00"s), 1007, kUnfinished,
                kWithContext);
}

TEST(MessageReaderDeflate, RandomDataNeverInflatesToMoreThanTheLimit) {
  for (std::uint64_t seed = 0; seed < 2000; ++seed) {
    Random random(seed);
    std::string noise;
    const std::uint64_t size = 1 + random.below(60);
    for (std::uint64_t i = 0; i < size; ++i)
      noise.push_back(static_cast<char>(random()));
    const auto events = read(server_frame(kCompressedBinary, noise), kHundred);
    ASSERT_EQ(events.size(), 1U);
    EXPECT_LE(events[0].payload.size(), 100U);
  }
}

// UTF-8 of what was compressed.

TEST(MessageReaderDeflate, CompressedTextsMustBeUtf8) {
  ServerDeflate deflate;
  expect_failed(server_frame(kCompressedText, deflate("abc\xff")), 1007, "a text that is not UTF-8",
                kWithContext);
  ServerDeflate again;
  expect_failed(server_frame(kCompressedText, again("abc\xe2\x82")), 1007,
                "a text that ends within a character of UTF-8", kWithContext);
  ServerDeflate binary;
  EXPECT_EQ(read_one(server_frame(kCompressedBinary, binary("abc\xff")), kWithContext).event, Event::binary);
  ServerDeflate characters;
  const std::string text = "κόσμε 😀 κόσμε 😀 κόσμε 😀";
  EXPECT_EQ(read_one(server_frame(kCompressedText, characters(text)), kWithContext).payload, text);
}

TEST(MessageReaderDeflate, CompressedTextsFailAsSoonAsTheyCan) {
  ServerDeflate deflate;
  const std::string payload = deflate("abc\xff" + words(1000));
  MessageReader reader(kWithContext);
  EXPECT_EQ(
      reader.feed(server_frame(kFirstCompressedText, std::string_view(payload).substr(0, payload.size() / 2)))
          .event,
      Event::failed);
  EXPECT_EQ(reader.error_message(), "a text that is not UTF-8");
}

// What came before a fault counts first, however the bytes are split; read() compares.
TEST(MessageReaderDeflate, TheFirstFaultIsTheOneThatIsTold) {
  ServerDeflate deflate;
  const std::string good = deflate(std::string(90, 'a'));
  const std::string bad_text = deflate(std::string(5, 'b') + "\xff");
  const std::string block_of_type_3 = "\x06";
  expect_failed(server_frame(kCompressedText, good + "\x00\x00\xff\xff"s + block_of_type_3), 1007,
                "a compressed message that does not inflate: invalid block type", kHundred);
  expect_failed(server_frame(kCompressedText,
                             good + "\x00\x00\xff\xff"s + bad_text + "\x00\x00\xff\xff"s + block_of_type_3),
                1007, "a text that is not UTF-8", kHundred);
}

TEST(MessageReaderDeflate, PayloadsAreTheReaders) {
  ServerDeflate deflate;
  MessageReader reader(kWithContext);
  const std::string large = words(100'000);
  const std::string bytes = server_frame(kCompressedBinary, deflate(large));
  const std::string small = server_frame(kCompressedBinary, deflate("small"));
  EXPECT_EQ(reader.feed(bytes).event, Event::binary);
  EXPECT_EQ(reader.payload(), large);
  EXPECT_EQ(reader.take_payload(), large);
  EXPECT_EQ(reader.feed(small).event, Event::binary);
  EXPECT_EQ(reader.payload(), "small");
  EXPECT_EQ(reader.take_payload(), "small");
}

TEST(MessageReaderDeflate, ReadersWithoutContextDoNotMixTheirMessages) {
  // They share what inflates, and each is in the middle of a message while the other reads.
  ServerDeflate deflate;
  const std::string one = deflate(words(500, 1));
  deflate.forget();
  const std::string two = deflate(words(500, 2));
  MessageReader first(kWithoutContext);
  MessageReader second(kWithoutContext);
  const auto front = [](const std::string& s) {
    return server_frame(kFirstCompressedBinary, std::string_view(s).substr(0, 50));
  };
  const auto back = [](const std::string& s) { return server_frame(kLast, std::string_view(s).substr(50)); };
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(first.feed(front(one)).event, Event::need_more);
    EXPECT_EQ(second.feed(front(two)).event, Event::need_more);
    EXPECT_EQ(first.feed(back(one)).event, Event::binary);
    EXPECT_EQ(first.payload(), words(500, 1));
    EXPECT_EQ(second.feed(back(two)).event, Event::binary);
    EXPECT_EQ(second.payload(), words(500, 2));
  }
}

}  // namespace
}  // namespace chaperon::websocket
