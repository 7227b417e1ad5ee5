// An answer to an upgrade is agreed to only with what was offered; any other is refused with a sentence.
// Input: a byte that chooses what was offered, the bytes of the answer.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "http/response_parser.hpp"
#include "require.hpp"
#include "websocket/handshake.hpp"

namespace {

using namespace chaperon;
using http::ResponseParser;
using websocket::Offer;

// The key of RFC 6455, section 1.3, whose answer is in the seeds.
constexpr const char* kKey = "dGhlIHNhbXBsZSBub25jZQ==";
constexpr const char* kAccept = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

bool within(int bits) {
  return bits >= 8 && bits <= 15;
}

void check(const http::Message& message, const Offer& offer) {
  const auto [agreement, error] = websocket::check_answer(message, offer);
  if (!error.empty()) {
    FUZZ_REQUIRE(!agreement.deflate && agreement.subprotocol.empty());
    return;
  }
  FUZZ_REQUIRE(message.header("Sec-WebSocket-Accept") == kAccept);
  FUZZ_REQUIRE(message.has_header("Upgrade") && message.has_header("Connection"));
  FUZZ_REQUIRE(message.header("Sec-WebSocket-Protocol") == agreement.subprotocol);
  FUZZ_REQUIRE(agreement.subprotocol.empty() ||
               std::ranges::find(offer.subprotocols, agreement.subprotocol) != offer.subprotocols.end());
  FUZZ_REQUIRE(offer.compression || !agreement.deflate);
  if (agreement.deflate) {
    FUZZ_REQUIRE(within(agreement.deflate->server_max_window_bits));
    FUZZ_REQUIRE(within(agreement.deflate->client_max_window_bits));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const std::vector<std::string> subprotocols{"chat", "superchat"};
  if (size < 1) return 0;
  Offer offer{.key = kKey, .compression = (data[0] & 1U) != 0};
  if ((data[0] & 2U) != 0) offer.subprotocols = subprotocols;

  http::Message message;
  ResponseParser parser;
  parser.start(message, http::Method::get, true, {});
  std::string_view rest(reinterpret_cast<const char*>(data + 1), size - 1);
  while (true) {
    const auto [state, consumed] = parser.feed(rest);
    if (state == ResponseParser::State::upgraded) check(message, offer);
    if (state != ResponseParser::State::interim) return 0;
    rest.remove_prefix(consumed);
    if (rest.empty()) return 0;
  }
}
