#include "websocket/message_reader.hpp"

#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "base/random.hpp"
#include "unit/websocket/reading.hpp"
#include "unit/websocket/samples.hpp"
#include "unit/websocket/server_side.hpp"

namespace chaperon::websocket {
namespace {

using namespace std::string_literals;
using test::close_payload;
using test::Event;
using test::expect_failed;
using test::read;
using test::read_one;
using test::Seen;
using test::server_frame;
using test::some_bytes;

constexpr unsigned kText = 0x81;
constexpr unsigned kBinary = 0x82;
constexpr unsigned kClose = 0x88;
constexpr unsigned kPing = 0x89;
constexpr unsigned kPong = 0x8a;
constexpr unsigned kFirstText = 0x01;
constexpr unsigned kFirstBinary = 0x02;
constexpr unsigned kMiddle = 0x00;
constexpr unsigned kLast = 0x80;

// The examples of RFC 6455, section 5.7, that a server can send.

TEST(MessageReader, RfcUnmaskedText) {
  const Seen seen = read_one("\x81\x05\x48\x65\x6c\x6c\x6f");
  EXPECT_EQ(seen.event, Event::text);
  EXPECT_EQ(seen.payload, "Hello");
}

TEST(MessageReader, RfcFragmentedText) {
  const Seen seen = read_one("\x01\x03\x48\x65\x6c\x80\x02\x6c\x6f");
  EXPECT_EQ(seen.event, Event::text);
  EXPECT_EQ(seen.payload, "Hello");
}

TEST(MessageReader, RfcPing) {
  const Seen seen = read_one("\x89\x05\x48\x65\x6c\x6c\x6f");
  EXPECT_EQ(seen.event, Event::ping);
  EXPECT_EQ(seen.payload, "Hello");
}

TEST(MessageReader, Rfc256Bytes) {
  const std::string payload = some_bytes(256);
  const Seen seen = read_one("\x82\x7e\x01\x00"s + payload);
  EXPECT_EQ(seen.event, Event::binary);
  EXPECT_EQ(seen.payload, payload);
}

TEST(MessageReader, Rfc64KiB) {
  const std::string payload = some_bytes(65536);
  const Seen seen = read_one("\x82\x7f\x00\x00\x00\x00\x00\x01\x00\x00"s + payload);
  EXPECT_EQ(seen.event, Event::binary);
  EXPECT_EQ(seen.payload, payload);
}

TEST(MessageReader, RfcMaskedTextIsNotForAServerToSend) {
  expect_failed("\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58", 1002, "a masked frame");
}

// Frames of each length.

class MessageReaderLengths : public testing::TestWithParam<std::size_t> {};

TEST_P(MessageReaderLengths, WholeAndInFragments) {
  const std::string payload = some_bytes(GetParam());
  const Seen whole = read_one(server_frame(kBinary, payload));
  EXPECT_EQ(whole.event, Event::binary);
  EXPECT_EQ(whole.payload, payload);
  const std::size_t half = payload.size() / 2;
  const Seen fragmented = read_one(server_frame(kFirstBinary, std::string_view(payload).substr(0, half)) +
                                   server_frame(kLast, std::string_view(payload).substr(half)));
  EXPECT_EQ(fragmented.event, Event::binary);
  EXPECT_EQ(fragmented.payload, payload);
}

INSTANTIATE_TEST_SUITE_P(All, MessageReaderLengths,
                         testing::Values(0, 1, 2, 15, 16, 124, 125, 126, 127, 128, 255, 1000, 65535, 65536,
                                         65537, 1 << 20));

TEST(MessageReader, EmptyMessages) {
  EXPECT_EQ(read_one(server_frame(kText, "")).event, Event::text);
  EXPECT_EQ(read_one(server_frame(kBinary, "")).event, Event::binary);
  EXPECT_EQ(read_one(server_frame(kPing, "")).event, Event::ping);
  EXPECT_EQ(read_one(server_frame(kPong, "")).event, Event::pong);
  EXPECT_EQ(
      read_one(server_frame(kFirstText, "") + server_frame(kMiddle, "") + server_frame(kLast, "")).event,
      Event::text);
}

TEST(MessageReader, FragmentsThatAreEmpty) {
  const Seen seen =
      read_one(server_frame(kFirstText, "") + server_frame(kMiddle, "Hel") + server_frame(kMiddle, "") +
               server_frame(kMiddle, "lo") + server_frame(kLast, ""));
  EXPECT_EQ(seen.event, Event::text);
  EXPECT_EQ(seen.payload, "Hello");
}

TEST(MessageReader, NothingOfAnything) {
  EXPECT_TRUE(read("").empty());
  EXPECT_TRUE(read("\x81").empty());
  EXPECT_TRUE(read(server_frame(kText, "Hello").substr(0, 6)).empty());
  EXPECT_TRUE(read(server_frame(kFirstText, "Hello")).empty());
}

TEST(MessageReader, SeveralMessagesOneByOne) {
  const std::string one = server_frame(kText, "one");
  const std::string two = server_frame(kBinary, "two!");
  const auto events = read(one + two + server_frame(kPing, "") + server_frame(kText, "half").substr(0, 4));
  ASSERT_EQ(events.size(), 3U);
  EXPECT_EQ(events[0], (Seen{.event = Event::text, .payload = "one", .end = one.size()}));
  EXPECT_EQ(events[1], (Seen{.event = Event::binary, .payload = "two!", .end = one.size() + two.size()}));
  EXPECT_EQ(events[2], (Seen{.event = Event::ping, .payload = "", .end = one.size() + two.size() + 2}));
}

TEST(MessageReader, ControlFramesBetweenFragments) {
  const auto events =
      read(server_frame(kFirstText, "He") + server_frame(kPing, "are you there") +
           server_frame(kMiddle, "ll") + server_frame(kPong, "a pong of more than fifteen bytes") +
           server_frame(kLast, "o") + server_frame(kText, "x"));
  ASSERT_EQ(events.size(), 4U);
  EXPECT_EQ(events[0].event, Event::ping);
  EXPECT_EQ(events[0].payload, "are you there");
  EXPECT_EQ(events[1].event, Event::pong);
  EXPECT_EQ(events[1].payload, "a pong of more than fifteen bytes");
  EXPECT_EQ(events[2].event, Event::text);
  EXPECT_EQ(events[2].payload, "Hello");
  EXPECT_EQ(events[3].payload, "x");
}

TEST(MessageReader, ControlFramesOfEachLength) {
  for (std::size_t size = 0; size <= 125; ++size) {
    const Seen seen = read_one(server_frame(kPing, std::string(size, 'p')));
    EXPECT_EQ(seen.event, Event::ping);
    EXPECT_EQ(seen.payload, std::string(size, 'p'));
  }
}

// What must not be: each with the code to close with and the sentence about it.

struct Wrong {
  std::string name;
  std::string bytes;
  std::string error;
  int code = 1002;
  std::size_t before = 0;
};
void PrintTo(const Wrong& wrong, std::ostream* out) {
  *out << wrong.name;
}

class MessageReaderRefuses : public testing::TestWithParam<Wrong> {};

TEST_P(MessageReaderRefuses, It) {
  const Wrong& wrong = GetParam();
  expect_failed(wrong.bytes, wrong.code, wrong.error, {}, wrong.before);
  // Whatever follows changes nothing.
  expect_failed(wrong.bytes + server_frame(kText, "more"), wrong.code, wrong.error, {}, wrong.before);
}

constexpr const char* kReserved = "a frame with reserved bits set";
constexpr const char* kLong = "a control frame of more than 125 bytes";
constexpr const char* kFragmentedControl = "a fragmented control frame";
constexpr const char* kNotShortest = "a frame whose length is not in its shortest form";
constexpr const char* kHighestBit = "a frame whose length has its highest bit set";
constexpr const char* kNoMessage = "a continuation frame without a message to continue";
constexpr const char* kNewMessage = "a new message within a fragmented one";
constexpr const char* kNotUtf8 = "a text that is not UTF-8";

// The head alone is enough in all of these.
INSTANTIATE_TEST_SUITE_P(
    Heads, MessageReaderRefuses,
    testing::Values(
        Wrong{"rsv1", "\xc1", kReserved}, Wrong{"rsv2", "\xa1", kReserved}, Wrong{"rsv3", "\x91", kReserved},
        Wrong{"rsv1_on_ping", "\xc9", kReserved}, Wrong{"rsv2_on_close", "\xa8", kReserved},
        Wrong{"all_bits", "\xff", kReserved}, Wrong{"opcode_3", "\x83", "a frame with the unknown opcode 3"},
        Wrong{"opcode_7", "\x07", "a frame with the unknown opcode 7"},
        Wrong{"opcode_11", "\x8b", "a frame with the unknown opcode 11"},
        Wrong{"opcode_15", "\x8f", "a frame with the unknown opcode 15"},
        Wrong{"masked_text", "\x81\x80", "a masked frame"},
        Wrong{"masked_ping", "\x89\x80", "a masked frame"},
        Wrong{"masked_close", "\x88\x82", "a masked frame"},
        Wrong{"fragmented_ping", "\x09", kFragmentedControl},
        Wrong{"fragmented_pong", "\x0a", kFragmentedControl},
        Wrong{"fragmented_close", "\x08", kFragmentedControl}, Wrong{"ping_of_126", "\x89\x7e", kLong},
        Wrong{"pong_of_64_bits", "\x8a\x7f", kLong}, Wrong{"close_of_126", "\x88\x7e", kLong},
        Wrong{"close_of_1", "\x88\x01", "a close frame with a payload of one byte"},
        Wrong{"continuation_first", "\x80", kNoMessage},
        Wrong{"middle_first", std::string(1, '\0'), kNoMessage},
        Wrong{"continuation_after_message", server_frame(kText, "a") + "\x80", kNoMessage, 1002, 1},
        Wrong{"continuation_after_fragments",
              server_frame(kFirstText, "a") + server_frame(kLast, "b") + "\x80", kNoMessage, 1002, 1},
        Wrong{"text_within_text", server_frame(kFirstText, "a") + "\x81", kNewMessage},
        Wrong{"binary_within_text", server_frame(kFirstText, "a") + "\x02", kNewMessage},
        Wrong{"text_within_binary", server_frame(kFirstBinary, "a") + "\x01", kNewMessage},
        Wrong{"text_within_text_after_ping", server_frame(kFirstText, "a") + server_frame(kPing, "") + "\x81",
              kNewMessage, 1002, 1},
        Wrong{"16_bits_for_125", "\x81\x7e\x00\x7d"s, kNotShortest},
        Wrong{"16_bits_for_0", "\x81\x7e\x00\x00"s, kNotShortest},
        Wrong{"64_bits_for_0", "\x82\x7f\x00\x00\x00\x00\x00\x00\x00\x00"s, kNotShortest},
        Wrong{"64_bits_for_126", "\x82\x7f\x00\x00\x00\x00\x00\x00\x00\x7e"s, kNotShortest},
        Wrong{"64_bits_for_65535", "\x82\x7f\x00\x00\x00\x00\x00\x00\xff\xff"s, kNotShortest},
        Wrong{"top_bit", "\x82\x7f\x80\x00\x00\x00\x00\x00\x00\x00"s, kHighestBit},
        Wrong{"all_ones", "\x82\x7f\xff\xff\xff\xff\xff\xff\xff\xff"s, kHighestBit}),
    [](const auto& param_info) { return "case_" + param_info.param.name; });

INSTANTIATE_TEST_SUITE_P(
    Texts, MessageReaderRefuses,
    testing::Values(
        Wrong{"not_utf8", server_frame(kText, "abc\xff"), kNotUtf8, 1007},
        Wrong{"overlong", server_frame(kText, "\xc0\x80"), kNotUtf8, 1007},
        Wrong{"surrogate", server_frame(kText, "\xed\xa0\x80"), kNotUtf8, 1007},
        Wrong{"cut_off", server_frame(kText, "abc\xe2\x82"), "a text that ends within a character of UTF-8",
              1007},
        Wrong{"cut_off_in_fragments", server_frame(kFirstText, "abc\xe2") + server_frame(kLast, "\x82"),
              "a text that ends within a character of UTF-8", 1007},
        Wrong{"cut_off_before_an_empty_fragment",
              server_frame(kFirstText, "abc\xe2") + server_frame(kLast, ""),
              "a text that ends within a character of UTF-8", 1007},
        Wrong{"broken_across_fragments", server_frame(kFirstText, "abc\xe2") + server_frame(kLast, "z"),
              kNotUtf8, 1007},
        Wrong{"early_in_a_fragment", server_frame(kFirstText, "abc\xff"), kNotUtf8, 1007},
        // The announced rest of the frame is not waited for.
        Wrong{"early_in_a_frame", "\x81\x7e\xff\xff"s + "abc\xf4\x90", kNotUtf8, 1007},
        Wrong{"early_in_a_huge_frame", "\x81\x7f\x00\x00\x00\x00\x00\x80\x00\x00"s + "\xc0", kNotUtf8, 1007}),
    [](const auto& param_info) { return param_info.param.name; });

TEST(MessageReader, OnlyTextsMustBeUtf8) {
  EXPECT_EQ(read_one(server_frame(kBinary, "\xff\xfe\xc0")).event, Event::binary);
  EXPECT_EQ(read_one(server_frame(kPing, "\xff\xfe\xc0")).event, Event::ping);
  EXPECT_EQ(read_one(server_frame(kFirstBinary, "\xff") + server_frame(kLast, "\xff")).payload, "\xff\xff");
}

TEST(MessageReader, CharactersAcrossFragments) {
  const std::string text = "κόσμε 😀";
  std::string bytes;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool last = i + 1 == text.size();
    bytes += server_frame((last ? 0x80U : 0U) | (i == 0 ? 1U : 0U), std::string_view(text).substr(i, 1));
    if (!last) bytes += server_frame(kPing, "\xff");
  }
  const auto events = read(bytes);
  ASSERT_EQ(events.size(), text.size());
  EXPECT_EQ(events.back().event, Event::text);
  EXPECT_EQ(events.back().payload, text);
}

TEST(MessageReader, AnIncompleteCharacterDoesNotSpoilTheNextMessage) {
  const auto events = read(server_frame(kBinary, "\xe2") + server_frame(kText, "a"));
  ASSERT_EQ(events.size(), 2U);
  EXPECT_EQ(events[1].event, Event::text);
}

// The limit.

TEST(MessageReader, TheLimitIsExact) {
  const MessageReader::Options options{.max_message = 10};
  EXPECT_EQ(read_one(server_frame(kText, "0123456789"), options).payload, "0123456789");
  EXPECT_EQ(read_one(server_frame(kFirstText, "01234") + server_frame(kLast, "56789"), options).payload,
            "0123456789");
  EXPECT_EQ(read_one(server_frame(kFirstText, "0123456789") + server_frame(kLast, ""), options).payload,
            "0123456789");
  // The heads alone decide.
  expect_failed("\x81\x0b", 1009, "a message of 11 bytes, more than the 10 that are allowed", options);
  expect_failed("\x01\x0b", 1009, "a message of at least 11 bytes, more than the 10 that are allowed",
                options);
  expect_failed(server_frame(kFirstText, "01234") + "\x80\x06", 1009,
                "a message of 11 bytes, more than the 10 that are allowed", options);
  expect_failed(server_frame(kFirstText, "0123456789") + std::string("\x00\x01", 2), 1009,
                "a message of at least 11 bytes, more than the 10 that are allowed", options);
}

TEST(MessageReader, TheLimitIsPerMessage) {
  const MessageReader::Options options{.max_message = 10};
  const std::string ten = server_frame(kText, "0123456789");
  EXPECT_EQ(read(ten + server_frame(kFirstText, "01234") + server_frame(kPing, std::string(100, 'p')) +
                     server_frame(kLast, "56789") + ten,
                 options)
                .size(),
            4U);
}

TEST(MessageReader, ALimitOfNothing) {
  const MessageReader::Options options{.max_message = 0};
  EXPECT_EQ(read_one(server_frame(kText, ""), options).event, Event::text);
  expect_failed("\x82\x01", 1009, "a message of 1 bytes, more than the 0 that are allowed", options);
}

TEST(MessageReader, AnnouncedLengthsAreJustNumbers) {
  expect_failed("\x82\x7f\x7f\xff\xff\xff\xff\xff\xff\xff", 1009,
                "a message of 9223372036854775807 bytes, more than the 16777216 that are allowed");
  expect_failed(server_frame(kFirstText, "abc") + "\x80\x7f\x7f\xff\xff\xff\xff\xff\xff\xff", 1009,
                "a message of 9223372036854775810 bytes, more than the 16777216 that are allowed");
  // Without a limit nothing is stored but what comes.
  MessageReader reader({.max_message = SIZE_MAX});
  EXPECT_EQ(reader.feed("\x82\x7f\x7f\xff\xff\xff\xff\xff\xff\xff").event, Event::need_more);
  EXPECT_EQ(reader.feed("a few bytes").event, Event::need_more);
}

// Close frames.

TEST(MessageReader, CloseWithoutACode) {
  const Seen seen = read_one(server_frame(kClose, ""));
  EXPECT_EQ(seen.event, Event::close);
  EXPECT_EQ(seen.close_code, 1005);
  EXPECT_EQ(seen.close_reason, "");
}

TEST(MessageReader, CloseCodesOfEachKind) {
  for (const int code :
       {1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999}) {
    const Seen seen = read_one(server_frame(kClose, close_payload(code)));
    EXPECT_EQ(seen.event, Event::close) << code;
    EXPECT_EQ(seen.close_code, code);
    EXPECT_EQ(seen.close_reason, "");
  }
  for (const int code : {0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 32768, 65535}) {
    expect_failed(server_frame(kClose, close_payload(code, "why")), 1002,
                  "a close frame with the code " + std::to_string(code) + ", which is not allowed");
  }
}

TEST(MessageReader, CloseReasons) {
  for (const std::string& reason : {"bye"s, "auf Wiedersehen, schöne Grüße 😀"s, std::string(123, 'r')}) {
    const Seen seen = read_one(server_frame(kClose, close_payload(1001, reason)));
    EXPECT_EQ(seen.event, Event::close);
    EXPECT_EQ(seen.close_code, 1001);
    EXPECT_EQ(seen.close_reason, reason);
    EXPECT_EQ(seen.payload, close_payload(1001, reason));
  }
  for (const std::string& reason : {"\xff"s, "cut off \xe2\x82"s, "\xed\xa0\x80"s}) {
    expect_failed(server_frame(kClose, close_payload(1000, reason)), 1007,
                  "a close frame whose reason is not UTF-8");
  }
}

TEST(MessageReader, NothingIsReadAfterClose) {
  const std::string close = server_frame(kClose, close_payload(1000, "bye"));
  const auto events = read(server_frame(kText, "a") + close + server_frame(kText, "b") + "\xff\xff");
  ASSERT_EQ(events.size(), 2U);
  EXPECT_EQ(events[1].event, Event::close);
  EXPECT_EQ(events[1].end, server_frame(kText, "a").size() + close.size());
}

TEST(MessageReader, CloseWithinAMessageEndsAll) {
  const auto events = read(server_frame(kFirstText, "half") + server_frame(kClose, close_payload(1001)) +
                           server_frame(kLast, "other half"));
  ASSERT_EQ(events.size(), 1U);
  EXPECT_EQ(events[0].event, Event::close);
  EXPECT_EQ(events[0].close_code, 1001);
}

TEST(MessageReader, SaysTheSameAgainAfterItsEnd) {
  MessageReader closed;
  EXPECT_EQ(closed.feed(server_frame(kClose, close_payload(1001, "bye"))).event, Event::close);
  const auto again = closed.feed(server_frame(kText, "a"));
  EXPECT_EQ(again.event, Event::close);
  EXPECT_EQ(again.consumed, 0U);
  EXPECT_EQ(closed.close_code(), 1001);
  EXPECT_EQ(closed.close_reason(), "") << "its bytes are gone";

  MessageReader failed;
  EXPECT_EQ(failed.feed("\xff").event, Event::failed);
  EXPECT_EQ(failed.feed(server_frame(kText, "a")).event, Event::failed);
  EXPECT_EQ(failed.error_message(), kReserved);
  EXPECT_EQ(failed.error_code(), 1002);
}

// Memory.

TEST(MessageReader, PayloadsInOnePieceAreNotCopied) {
  const auto lies_within = [](std::string_view part, std::string_view whole) {
    return part.data() >= whole.data() && part.data() + part.size() <= whole.data() + whole.size();
  };
  MessageReader reader;
  for (const std::string& bytes :
       {server_frame(kText, "a text longer than fits into a string object"),
        server_frame(kBinary, some_bytes(70000)),
        server_frame(kPing, "a ping longer than fits into a string object"),
        server_frame(kFirstText, "") + server_frame(kLast, "all of the message is in the second fragment")}) {
    EXPECT_EQ(reader.feed(bytes).consumed, bytes.size());
    EXPECT_FALSE(reader.payload().empty());
    EXPECT_TRUE(lies_within(reader.payload(), bytes));
  }
  // The head may have come before.
  const std::string bytes = server_frame(kText, "a text longer than fits into a string object");
  EXPECT_EQ(reader.feed(std::string_view(bytes).substr(0, 2)).event, Event::need_more);
  EXPECT_EQ(reader.feed(std::string_view(bytes).substr(2)).event, Event::text);
  EXPECT_TRUE(lies_within(reader.payload(), bytes));
}

TEST(MessageReader, PayloadsCanBeTaken) {
  MessageReader reader;
  const std::string text(10'000, 't');
  const std::string whole = server_frame(kText, text);
  EXPECT_EQ(reader.feed(whole).event, Event::text);
  EXPECT_EQ(reader.take_payload(), text);
  EXPECT_EQ(reader.payload(), "");
  EXPECT_EQ(reader.take_payload(), "");

  const std::string fragments = server_frame(kFirstText, text) + server_frame(kLast, text);
  EXPECT_EQ(reader.feed(fragments).event, Event::text);
  const char* const assembled = reader.payload().data();
  const std::string taken = reader.take_payload();
  EXPECT_EQ(taken, text + text);
  EXPECT_EQ(taken.data(), assembled) << "it was moved";

  const std::string small = server_frame(kFirstText, "a") + server_frame(kLast, "b");
  EXPECT_EQ(reader.feed(small).event, Event::text);
  EXPECT_EQ(reader.take_payload(), "ab");
  EXPECT_EQ(reader.feed(whole).event, Event::text);
  EXPECT_EQ(reader.payload(), text);
}

TEST(MessageReader, IsSmall) {
  EXPECT_LE(sizeof(MessageReader), 160U);
}

// A long conversation, split at random.
TEST(MessageReader, RandomConversations) {
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    Random random(seed);
    std::string bytes;
    std::vector<Seen> expected;
    for (int i = 0; i < 40; ++i) {
      const std::string payload = some_bytes(random.below(3) == 0 ? random.below(70'000) : random.below(200));
      const std::size_t fragments = 1 + random.below(4);
      for (std::size_t k = 0; k < fragments; ++k) {
        const std::size_t from = payload.size() * k / fragments;
        const std::size_t to = payload.size() * (k + 1) / fragments;
        bytes += server_frame((k == 0 ? 2U : 0U) | (k + 1 == fragments ? 0x80U : 0U),
                              std::string_view(payload).substr(from, to - from));
        if (k + 1 < fragments && random.below(2) == 0) {
          const std::string ping = some_bytes(random.below(126));
          bytes += server_frame(kPing, ping);
          expected.push_back({.event = Event::ping, .payload = ping, .end = bytes.size()});
        }
      }
      expected.push_back({.event = Event::binary, .payload = payload, .end = bytes.size()});
    }
    std::vector<std::string_view> pieces;
    for (std::size_t at = 0; at < bytes.size();) {
      pieces.push_back(
          std::string_view(bytes).substr(at, 1 + random.below(random.below(2) == 0 ? 40 : 40'000)));
      at += pieces.back().size();
    }
    ASSERT_EQ(test::read_pieces(pieces, {}), expected) << "seed " << seed;
  }
}

}  // namespace
}  // namespace chaperon::websocket
