// What WebSocket messages allocate: nothing in the steady state, and nothing is held between two messages.
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "allocation/allocation_counter.hpp"
#include "base/random.hpp"
#include "unit/websocket/samples.hpp"
#include "unit/websocket/server_side.hpp"
#include "websocket/message_reader.hpp"
#include "websocket/message_writer.hpp"

namespace chaperon::websocket {
namespace {

using test::server_frame;
using test::ServerDeflate;
using test::words;
using Event = MessageReader::Event;

struct Count {
  std::size_t allocations = 0;
  std::ptrdiff_t held = 0;
};

template <class Work>
Count count(Work work) {
  test::allocations = 0;
  test::held = 0;
  test::counting = true;
  work();
  test::counting = false;
  return {test::allocations, test::held};
}

void read_all(MessageReader& reader, std::string_view bytes) {
  while (true) {
    const auto result = reader.feed(bytes);
    if (result.event == Event::need_more) return;
    bytes.remove_prefix(result.consumed);
  }
}

TEST(WebSocketAllocation, WritingAllocatesNothing) {
  for (const bool deflate : {false, true}) {
    const auto agreed = deflate ? std::optional(DeflateParameters{}) : std::nullopt;
    const std::string text = words(200);
    Random masks(1);
    MessageWriter writer(agreed);
    std::string out;
    const auto write = [&] {
      out.clear();
      writer.append_message(out, Opcode::text, text, masks);
      MessageWriter::append_control(out, Opcode::pong, text.substr(0, 10), masks);
    };
    write();
    const Count counted = count([&] {
      for (int i = 0; i < 1000; ++i)
        write();
    });
    EXPECT_EQ(counted.allocations, 0U) << deflate;
  }
}

TEST(WebSocketAllocation, ReadingMessagesInOnePieceAllocatesNothing) {
  const std::string bytes =
      server_frame(0x81, words(200)) + server_frame(0x89, words(100)) + server_frame(0x82, "");
  const Count counted = count([&] {
    MessageReader reader;
    for (int i = 0; i < 1000; ++i)
      read_all(reader, bytes);
  });
  EXPECT_EQ(counted.allocations, 0U);
}

TEST(WebSocketAllocation, ReadingCompressedMessagesAllocatesNothing) {
  ServerDeflate deflate;
  std::vector<std::string> frames;
  for (std::size_t i = 0; i < 1000; ++i)
    frames.push_back(server_frame(0xc1, deflate(words(i == 0 ? 1000 : 500, i))));
  MessageReader reader({.deflate = DeflateParameters{}});
  read_all(reader, frames.front());  // after which the buffer is large enough for the others
  const Count counted = count([&] {
    for (std::size_t i = 1; i < frames.size(); ++i)
      read_all(reader, frames[i]);
  });
  EXPECT_EQ(counted.allocations, 0U);
}

TEST(WebSocketAllocation, ShortControlFramesInPiecesAllocateNothing) {
  const std::string bytes = server_frame(0x89, "15 bytes or few") + server_frame(0x8a, "");
  const Count counted = count([&] {
    MessageReader reader;
    for (std::size_t i = 0; i < bytes.size(); ++i)
      read_all(reader, std::string_view(bytes).substr(i, 1));
  });
  EXPECT_EQ(counted.allocations, 0U);
}

// As many as are parked between two messages, each after a large one that came in pieces.
TEST(WebSocketAllocation, AReaderBetweenMessagesHoldsNothing) {
  const std::string large = words(100'000);
  const std::string bytes =
      server_frame(0x01, large) + server_frame(0x89, std::string(125, 'p')) + server_frame(0x80, large);
  ServerDeflate deflate;
  const std::string compressed = server_frame(0xc1, deflate(large));
  MessageReader plain;
  MessageReader inflating({.deflate = DeflateParameters{.server_no_context_takeover = true}});
  read_all(inflating, compressed);  // what inflates stays with the thread
  const Count counted = count([&] {
    for (std::size_t at = 0; at < bytes.size(); at += 1000)
      read_all(plain, std::string_view(bytes).substr(at, 1000));
    for (std::size_t at = 0; at < compressed.size(); at += 1000)
      read_all(inflating, std::string_view(compressed).substr(at, 1000));
    // Heads that have begun are in the object.
    read_all(plain, "\x82\x7f");
    read_all(inflating, "\xc2\x7f");
  });
  EXPECT_GT(counted.allocations, 0U);
  EXPECT_EQ(counted.held, 0);
}

TEST(WebSocketAllocation, AWriterWithoutContextHoldsNothing) {
  const std::string text = words(1000);
  Random masks(1);
  std::string out;
  MessageWriter first(DeflateParameters{.client_no_context_takeover = true});
  first.append_message(out, Opcode::text, text, masks);
  const Count counted = count([&] {
    out.clear();
    MessageWriter second(DeflateParameters{.client_no_context_takeover = true});
    second.append_message(out, Opcode::text, text, masks);
  });
  EXPECT_EQ(counted.allocations, 0U);
}

TEST(WebSocketAllocation, WhatIsAnnouncedIsNotAllocated) {
  // 2^62 bytes, which a limit of none allows.
  const Count counted = count([&] {
    MessageReader reader({.max_message = SIZE_MAX});
    read_all(reader, std::string_view("\x82\x7f\x40\0\0\0\0\0\0\0a few bytes", 21));
  });
  EXPECT_EQ(counted.allocations, 0U);
}

TEST(WebSocketAllocation, CompressionIsMadeWhenFirstNeeded) {
  Random masks(1);
  std::string out(100, ' ');
  const Count counted = count([&] {
    MessageReader reader({.deflate = DeflateParameters{}});
    MessageWriter writer(DeflateParameters{});
    read_all(reader, "\x81\x05Hello\x89\x05Hello");
    out.clear();
    writer.append_message(out, Opcode::text, "", masks);
  });
  EXPECT_EQ(counted.allocations, 0U);
}

}  // namespace
}  // namespace chaperon::websocket
