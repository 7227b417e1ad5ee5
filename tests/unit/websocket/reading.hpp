// What a MessageReader makes of some bytes, however they are split.
#pragma once

#include <cstddef>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "websocket/message_reader.hpp"

namespace chaperon::test {

using Event = websocket::MessageReader::Event;

/// An event as a connection sees it.
struct Seen {
  Event event = Event::need_more;
  std::string payload{};
  std::size_t end = 0;  // where in all of the bytes it ended; 0 if it failed, where that does not matter
  int close_code = 1005;
  std::string close_reason{};
  int error_code = 0;
  Reason reason = Reason::none;
  std::string error{};
  friend bool operator==(const Seen&, const Seen&) = default;
};

inline void PrintTo(const Seen& s, std::ostream* out) {
  *out << "{event " << static_cast<int>(s.event) << ", payload "
       << testing::PrintToString(s.payload.substr(0, 100)) << " (" << s.payload.size() << " bytes), end "
       << s.end << ", close " << s.close_code << " \"" << s.close_reason << "\", error " << s.error_code
       << " " << to_string(s.reason) << " \"" << s.error << "\"}";
}

/// Feeds the pieces one after the other, as a connection would, up to the end of the connection or of the
/// bytes.
inline std::vector<Seen> read_pieces(const std::vector<std::string_view>& pieces,
                                     const websocket::MessageReader::Options& options) {
  websocket::MessageReader reader(options);
  std::vector<Seen> events;
  std::size_t at = 0;
  for (std::string_view piece : pieces) {
    while (true) {
      const auto result = reader.feed(piece);
      EXPECT_LE(result.consumed, piece.size());
      if (result.event != Event::failed) {
        at += result.consumed;
        piece.remove_prefix(result.consumed);
      }
      if (result.event == Event::need_more) {
        EXPECT_TRUE(piece.empty()) << "need_more leaves bytes";
        EXPECT_TRUE(reader.payload().empty());
        break;
      }
      events.push_back({.event = result.event,
                        .payload = std::string(reader.payload()),
                        .end = result.event == Event::failed ? 0 : at,
                        .close_code = reader.close_code(),
                        .close_reason = std::string(reader.close_reason()),
                        .error_code = reader.error_code(),
                        .reason = reader.reason(),
                        .error = reader.error_message()});
      if (result.event == Event::close || result.event == Event::failed) {
        const auto again = reader.feed(piece);
        EXPECT_EQ(again.event, result.event);
        EXPECT_EQ(again.consumed, 0U);
        return events;
      }
      if (piece.empty()) break;
    }
  }
  return events;
}

/// Reads the bytes in one piece, and checks that every split in two and byte by byte give the same.
inline std::vector<Seen> read(std::string_view bytes, const websocket::MessageReader::Options& options = {}) {
  const auto whole = read_pieces({bytes}, options);
  std::vector<std::string_view> single;
  for (std::size_t i = 0; i < bytes.size(); ++i)
    single.push_back(bytes.substr(i, 1));
  EXPECT_EQ(read_pieces(single, options), whole) << "byte by byte";
  for (std::size_t i = 0; bytes.size() <= 2048 && i <= bytes.size(); ++i) {
    const auto split = read_pieces({bytes.substr(0, i), bytes.substr(i)}, options);
    EXPECT_EQ(split, whole) << "split at " << i;
    if (split != whole) break;
  }
  return whole;
}

/// The only event of these bytes; they hold nothing else.
inline Seen read_one(std::string_view bytes, const websocket::MessageReader::Options& options = {}) {
  const auto events = read(bytes, options);
  EXPECT_EQ(events.size(), 1U);
  if (events.empty()) return {};
  if (events.front().event != Event::failed) {
    EXPECT_EQ(events.front().end, bytes.size());
  }
  return events.front();
}

/// That these bytes make the reader fail, after `before` other events.
inline void expect_failed(std::string_view bytes, int error_code, std::string_view error,
                          const websocket::MessageReader::Options& options = {}, std::size_t before = 0) {
  const auto events = read(bytes, options);
  ASSERT_EQ(events.size(), before + 1) << error;
  const Seen& last = events.back();
  EXPECT_EQ(last.event, Event::failed) << testing::PrintToString(last);
  EXPECT_EQ(last.error_code, error_code) << last.error;
  EXPECT_EQ(last.error, error);
  EXPECT_EQ(last.reason, error_code == 1009 ? Reason::too_large : Reason::malformed);
  EXPECT_EQ(last.payload, "");
}

}  // namespace chaperon::test
