#include "websocket/message_writer.hpp"

#include <set>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include "unit/websocket/samples.hpp"
#include "unit/websocket/server_side.hpp"

namespace chaperon::websocket {
namespace {

using namespace std::string_literals;
using test::ClientFrame;
using test::only_client_frame;
using test::ServerInflate;
using test::some_bytes;
using test::words;

ClientFrame message(MessageWriter& writer, std::string_view payload, Opcode opcode = Opcode::text) {
  Random masks(payload.size());
  std::string out;
  writer.append_message(out, opcode, payload, masks);
  return only_client_frame(out);
}

class MessageWriterLengths : public testing::TestWithParam<std::size_t> {};

TEST_P(MessageWriterLengths, OneFrame) {
  const std::string payload = some_bytes(GetParam());
  MessageWriter writer;
  const ClientFrame frame = message(writer, payload, Opcode::binary);
  EXPECT_EQ(frame.first_byte, 0x82U);
  EXPECT_EQ(frame.payload, payload);
  EXPECT_EQ(frame.head_size, payload.size() < 126 ? 6U : payload.size() < 65536 ? 8U : 14U);
}

TEST_P(MessageWriterLengths, Compressed) {
  for (const bool compressible : {true, false}) {
    const std::string payload = compressible ? words(GetParam()) : some_bytes(GetParam());
    MessageWriter writer(DeflateParameters{});
    const ClientFrame frame = message(writer, payload, Opcode::binary);
    if (payload.empty()) {
      EXPECT_EQ(frame.first_byte, 0x82U);
      EXPECT_EQ(frame.payload, "");
      continue;
    }
    EXPECT_EQ(frame.first_byte, 0xc2U);
    ServerInflate inflate;
    EXPECT_EQ(inflate(frame.payload), payload);
    if (compressible && payload.size() > 200) {
      EXPECT_LT(frame.payload.size(), payload.size() / 2);
    }
    EXPECT_LT(frame.payload.size(), payload.size() + payload.size() / 300 + 20);
  }
}

INSTANTIATE_TEST_SUITE_P(All, MessageWriterLengths,
                         testing::Values(0, 1, 2, 7, 8, 9, 20, 124, 125, 126, 127, 128, 255, 256, 1000,
                                         40'000, 65'534, 65'535, 65'536, 65'537, 1 << 20, 5'000'000));

TEST(MessageWriter, TextAndBinary) {
  MessageWriter writer;
  EXPECT_EQ(message(writer, "Hello").first_byte, 0x81U);
  EXPECT_EQ(message(writer, "Hello").payload, "Hello");
  EXPECT_EQ(message(writer, "Hello", Opcode::binary).first_byte, 0x82U);
}

TEST(MessageWriter, AppendsToWhatIsThere) {
  Random masks(1);
  MessageWriter plain;
  MessageWriter compressed(DeflateParameters{});
  std::string out = "before";
  plain.append_message(out, Opcode::text, "one", masks);
  compressed.append_message(out, Opcode::text, "two", masks);
  MessageWriter::append_control(out, Opcode::ping, "three", masks);
  ASSERT_TRUE(out.starts_with("before"));
  std::string_view rest = std::string_view(out).substr(6);
  EXPECT_EQ(test::take_client_frame(rest).payload, "one");
  EXPECT_EQ(ServerInflate()(test::take_client_frame(rest).payload), "two");
  EXPECT_EQ(test::take_client_frame(rest).payload, "three");
  EXPECT_TRUE(rest.empty());
}

TEST(MessageWriter, EachFrameHasAMaskOfItsOwn) {
  Random masks(1);
  MessageWriter plain;
  MessageWriter compressed(DeflateParameters{});
  std::set<std::string> seen;
  for (int i = 0; i < 100; ++i) {
    for (int kind = 0; kind < 3; ++kind) {
      std::string out;
      if (kind == 0) plain.append_message(out, Opcode::text, "Hello", masks);
      if (kind == 1) compressed.append_message(out, Opcode::text, "Hello", masks);
      if (kind == 2) MessageWriter::append_control(out, Opcode::ping, "", masks);
      seen.insert(only_client_frame(out).mask);
    }
  }
  EXPECT_EQ(seen.size(), 300U);
}

TEST(MessageWriter, TheSameDrawsGiveTheSameBytes) {
  std::string one;
  std::string two;
  for (std::string* out : {&one, &two}) {
    Random masks(7);
    MessageWriter writer(DeflateParameters{});
    for (int i = 0; i < 10; ++i)
      writer.append_message(*out, Opcode::text, words(100), masks);
  }
  EXPECT_EQ(one, two);
}

TEST(MessageWriter, ControlFrames) {
  struct Case {
    Opcode opcode;
    unsigned first_byte;
  };
  for (const auto& [opcode, first_byte] :
       {Case{Opcode::ping, 0x89}, {Opcode::pong, 0x8a}, {Opcode::close, 0x88}}) {
    for (const std::size_t size : {0, 2, 20, 125}) {
      Random masks(size);
      std::string out;
      const std::string payload = some_bytes(size);
      MessageWriter::append_control(out, opcode, payload, masks);
      const ClientFrame frame = only_client_frame(out);
      EXPECT_EQ(frame.first_byte, first_byte);
      EXPECT_EQ(frame.payload, payload);
      EXPECT_EQ(frame.head_size, 6U);
    }
  }
}

std::string close_payload_of(int code, std::string_view reason) {
  Random masks(1);
  std::string out;
  MessageWriter::append_close(out, code, reason, masks);
  const ClientFrame frame = only_client_frame(out);
  EXPECT_EQ(frame.first_byte, 0x88U);
  return frame.payload;
}

TEST(MessageWriter, CloseFrames) {
  EXPECT_EQ(close_payload_of(1000, ""), "\x03\xe8");
  EXPECT_EQ(close_payload_of(4999, "bye"),
            "\x13\x87"
            "bye");
  EXPECT_EQ(close_payload_of(1005, ""), "") << "the code that stands for none";
  EXPECT_EQ(close_payload_of(1000, std::string(123, 'r')).size(), 125U);
}

TEST(MessageWriter, LongCloseReasonsAreCutBetweenCharacters) {
  EXPECT_EQ(close_payload_of(1000, std::string(124, 'r')), "\x03\xe8" + std::string(123, 'r'));
  EXPECT_EQ(close_payload_of(1000, std::string(122, 'r') + "ä"), "\x03\xe8" + std::string(122, 'r'));
  EXPECT_EQ(close_payload_of(1000, std::string(121, 'r') + "ä"), "\x03\xe8" + std::string(121, 'r') + "ä");
  EXPECT_EQ(close_payload_of(1000, std::string(120, 'r') + "😀"), "\x03\xe8" + std::string(120, 'r'));
}

// Compression.

TEST(MessageWriter, TheContextIsTakenOver) {
  MessageWriter writer(DeflateParameters{});
  ServerInflate inflate;
  const std::string noise = some_bytes(1000);
  const ClientFrame first = message(writer, noise);
  EXPECT_EQ(inflate(first.payload), noise);
  const ClientFrame second = message(writer, noise);
  EXPECT_LT(second.payload.size(), 40U) << "it refers to the first";
  EXPECT_EQ(inflate(second.payload), noise);
}

TEST(MessageWriter, TheContextIsNotTakenOverIfThatWasAgreed) {
  MessageWriter writer(DeflateParameters{.client_no_context_takeover = true});
  MessageWriter other(DeflateParameters{.client_no_context_takeover = true});
  const std::string noise = some_bytes(1000);
  for (int i = 0; i < 3; ++i) {
    for (MessageWriter* each : {&writer, &other}) {
      const ClientFrame frame = message(*each, noise);
      EXPECT_GE(frame.payload.size(), noise.size());
      EXPECT_EQ(ServerInflate()(frame.payload), noise);
    }
  }
}

TEST(MessageWriter, LongConversations) {
  for (const bool keeps : {true, false}) {
    for (const int bits : {9, 10, 11, 12, 13, 15}) {
      MessageWriter writer(
          DeflateParameters{.client_no_context_takeover = !keeps, .client_max_window_bits = bits});
      ServerInflate inflate(bits);
      for (std::size_t i = 0; i < 60; ++i) {
        const std::string text = i % 5 == 4 ? some_bytes(i * i * 7) : words(i * i * 11, i);
        const ClientFrame frame = message(writer, text);
        if (frame.first_byte == 0x81) {
          EXPECT_EQ(frame.payload, "");
          EXPECT_EQ(text, "");
          continue;
        }
        EXPECT_EQ(frame.first_byte, 0xc1U);
        ASSERT_EQ(inflate(frame.payload), text) << i << " with " << bits << " bits";
        if (!keeps) inflate.forget();
      }
    }
  }
}

TEST(MessageWriter, TheWindowIsNoLargerThanAgreed) {
  // Of a message, and across messages: what refers to more than 512 bytes before does not inflate with 9
  // bits.
  MessageWriter writer(DeflateParameters{.client_max_window_bits = 9});
  ServerInflate inflate(9);
  const std::string noise = some_bytes(600);
  for (int i = 0; i < 3; ++i) {
    const ClientFrame frame = message(writer, noise + noise);
    EXPECT_GT(frame.payload.size(), 2 * noise.size() - 10);
    ASSERT_EQ(inflate(frame.payload), noise + noise);
  }
}

TEST(MessageWriter, AWindowOf8BitsIsTooSmallToCompress) {
  for (const bool keeps : {true, false}) {
    MessageWriter writer(
        DeflateParameters{.client_no_context_takeover = !keeps, .client_max_window_bits = 8});
    const ClientFrame frame = message(writer, words(1000));
    EXPECT_EQ(frame.first_byte, 0x81U);
    EXPECT_EQ(frame.payload, words(1000));
  }
}

TEST(MessageWriter, EmptyMessagesAreNotCompressedAndSpoilNothing) {
  MessageWriter writer(DeflateParameters{});
  ServerInflate inflate;
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(inflate(message(writer, "Hello").payload), "Hello");
    const ClientFrame empty = message(writer, "");
    EXPECT_EQ(empty.first_byte, 0x81U);
    EXPECT_EQ(empty.payload, "");
  }
}

TEST(MessageWriter, IsSmall) {
  EXPECT_LE(sizeof(MessageWriter), 16U);
}

}  // namespace
}  // namespace chaperon::websocket
