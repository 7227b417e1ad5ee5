// What a server sends must come to the same events in pieces as in one, and no message may be over the limit.
// Input: a byte that chooses compression, window and limit, a byte that seeds the splits, the bytes of the
// connection.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/random.hpp"
#include "require.hpp"
#include "websocket/message_reader.hpp"

namespace {

using namespace chaperon::websocket;
using Event = MessageReader::Event;

struct Seen {
  Event event = Event::need_more;
  std::size_t end = 0;
  std::string payload;
  std::string close_reason;
  int close_code = 0;
  int error_code = 0;
  chaperon::Reason reason = chaperon::Reason::none;
  std::string error;
  bool operator==(const Seen&) const = default;
};

MessageReader::Options options_of(unsigned flags) {
  MessageReader::Options options;
  options.max_message = (flags & 4U) != 0 ? 100 : 20'000;
  if ((flags & 1U) != 0) {
    options.deflate = DeflateParameters{.server_no_context_takeover = (flags & 2U) != 0,
                                        .server_max_window_bits = 8 + static_cast<int>(flags >> 4U & 7U)};
  }
  return options;
}

void check_invariants(const MessageReader& reader, Event event, const MessageReader::Options& options) {
  const bool failed = event == Event::failed;
  const int code = reader.error_code();
  FUZZ_REQUIRE(failed ? code == 1002 || code == 1007 || code == 1009 : code == 0);
  FUZZ_REQUIRE((reader.reason() == chaperon::Reason::too_large) == (code == 1009));
  FUZZ_REQUIRE(failed == (reader.reason() != chaperon::Reason::none));
  FUZZ_REQUIRE(failed == !reader.error_message().empty());
  FUZZ_REQUIRE(!failed || reader.payload().empty());
  switch (event) {
    case Event::text:
      FUZZ_REQUIRE(is_utf8(reader.payload()));
      FUZZ_REQUIRE(reader.payload().size() <= options.max_message);
      break;
    case Event::binary:
      FUZZ_REQUIRE(reader.payload().size() <= options.max_message);
      break;
    case Event::close:
      FUZZ_REQUIRE(reader.close_code() == kNoCloseCode || is_close_code(reader.close_code()));
      FUZZ_REQUIRE(is_utf8(reader.close_reason()));
      [[fallthrough]];
    case Event::ping:
    case Event::pong:
      FUZZ_REQUIRE(reader.payload().size() <= kMaxControlPayload);
      break;
    case Event::need_more:
    case Event::failed:
      break;
  }
}

std::vector<Seen> read(const std::vector<std::string_view>& pieces, const MessageReader::Options& options) {
  MessageReader reader(options);
  std::vector<Seen> events;
  std::size_t at = 0;
  for (std::string_view piece : pieces) {
    while (!piece.empty()) {
      const auto result = reader.feed(piece);
      check_invariants(reader, result.event, options);
      FUZZ_REQUIRE(result.consumed <= piece.size());
      FUZZ_REQUIRE(result.consumed > 0 || result.event == Event::failed);
      piece.remove_prefix(result.consumed);
      at += result.consumed;
      if (result.event == Event::need_more) {
        FUZZ_REQUIRE(piece.empty());
        continue;
      }
      const bool failed = result.event == Event::failed;
      events.push_back({result.event, failed ? 0 : at, std::string(reader.payload()),
                        std::string(reader.close_reason()), reader.close_code(), reader.error_code(),
                        reader.reason(), reader.error_message()});
      if (failed || result.event == Event::close) {
        FUZZ_REQUIRE(reader.feed(piece).event == result.event);
        return events;
      }
    }
  }
  return events;
}

// A server that refers further back than the window it has agreed to: zlib notices only where it has not got
// those bytes at hand, which depends on the pieces. Until then all must be the same.
bool went_beyond_window(const std::vector<Seen>& pieces, const std::vector<Seen>& whole,
                        const MessageReader::Options& options) {
  constexpr int kLargestWindow = 15;
  if (!options.deflate || options.deflate->server_max_window_bits == kLargestWindow || pieces.empty() ||
      pieces.back().error.find("too far back") == std::string::npos) {
    return false;
  }
  const auto before = pieces.size() - 1;
  return whole.size() >= before && std::equal(pieces.begin(), pieces.end() - 1, whole.begin());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const MessageReader::Options options = options_of(data[0]);
  const std::string_view bytes(reinterpret_cast<const char*>(data + 2), size - 2);

  chaperon::Random random(data[1]);
  std::vector<std::string_view> pieces;
  std::vector<std::string_view> single;
  for (std::size_t at = 0; at < bytes.size();) {
    const std::size_t count = 1 + random.below(random.below(2) == 0 ? 4 : 64);
    pieces.push_back(bytes.substr(at, count));
    at += pieces.back().size();
  }
  for (std::size_t at = 0; at < bytes.size(); ++at)
    single.push_back(bytes.substr(at, 1));
  const auto whole = read({bytes}, options);
  for (const auto& cut : {pieces, single}) {
    const auto seen = read(cut, options);
    FUZZ_REQUIRE(seen == whole || went_beyond_window(seen, whole, options));
  }
  return 0;
}
