// An answer parsed in pieces must come to the same as in one, and must keep to its limits.
// Input: a byte of flags, a byte that seeds the splits, the bytes of the connection.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/random.hpp"
#include "http/response_parser.hpp"
#include "require.hpp"

namespace {

using namespace chaperon::http;
using State = ResponseParser::State;

struct Request {
  Method method = Method::get;
  bool upgrade_asked = false;
  bool then_closed = false;
  ResponseLimits limits{};
};

struct Outcome {
  State state = State::need_more;
  std::size_t consumed = 0;
  int interim = 0;
  int status = 0;
  bool keep_alive = false;
  std::string headers;
  std::string body;
  chaperon::Reason reason = chaperon::Reason::none;
  std::string error;
  bool operator==(const Outcome&) const = default;
};

void check_invariants(const Message& message, const Request& request) {
  FUZZ_REQUIRE(message.body.size() <= request.limits.body);
  FUZZ_REQUIRE(message.head.size() <= request.limits.head + 1);
  FUZZ_REQUIRE(message.fields.size() <= request.limits.header_count);
  for (const Field& field : message.fields) {
    FUZZ_REQUIRE(std::size_t{field.name_at} + field.name_size <= message.head.size());
    FUZZ_REQUIRE(std::size_t{field.value_at} + field.value_size <= message.head.size());
    FUZZ_REQUIRE(field.name_size > 0);
    FUZZ_REQUIRE(message.value(field).find_first_of(std::string_view("\r\n\0", 3)) == std::string_view::npos);
  }
}

Outcome parse(const std::vector<std::string_view>& pieces, const Request& request) {
  Message message;
  ResponseParser parser;
  parser.start(message, request.method, request.upgrade_asked, request.limits);
  Outcome outcome;
  for (std::string_view piece : pieces) {
    while (!piece.empty() && outcome.state <= State::interim) {
      const auto result = parser.feed(piece);
      outcome.state = result.state;
      outcome.consumed += result.consumed;
      FUZZ_REQUIRE(result.consumed <= piece.size());
      FUZZ_REQUIRE(result.consumed > 0 || result.state == State::failed);
      piece.remove_prefix(result.consumed);
      if (result.state == State::interim) ++outcome.interim;
      if (result.state == State::need_more) FUZZ_REQUIRE(piece.empty());
      if (result.state != State::failed) check_invariants(message, request);
    }
  }
  if (request.then_closed) outcome.state = parser.finish();
  if (outcome.state == State::interim) outcome.state = State::need_more;
  outcome.reason = parser.reason();
  outcome.error = parser.error_message();
  FUZZ_REQUIRE((outcome.state == State::failed) == (outcome.reason != chaperon::Reason::none));
  FUZZ_REQUIRE((outcome.state == State::failed) == !outcome.error.empty());
  if (outcome.state == State::failed) {
    outcome.consumed = 0;
    outcome.interim = 0;
    return outcome;
  }
  if (outcome.state == State::need_more) return outcome;
  outcome.status = message.status;
  FUZZ_REQUIRE(outcome.status >= 100 && outcome.status <= 599);
  outcome.keep_alive = message.keep_alive;
  for (const Field& field : message.fields) {
    outcome.headers.append(message.name(field)).append("=").append(message.value(field)).append("\n");
  }
  outcome.body = message.body;
  return outcome;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const unsigned flags = data[0];
  Request request;
  if ((flags & 1U) != 0) request.method = Method::head;
  request.upgrade_asked = (flags & 2U) != 0;
  request.then_closed = (flags & 4U) != 0;
  if ((flags & 8U) != 0) request.limits = {.body = 20, .head = 100, .header_count = 3};
  const std::string_view text(reinterpret_cast<const char*>(data + 2), size - 2);

  const Outcome whole = parse({text}, request);
  chaperon::Random random(data[1]);
  std::vector<std::string_view> pieces;
  std::vector<std::string_view> bytes;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t count = 1 + random.below(random.below(2) == 0 ? 4 : 64);
    pieces.push_back(text.substr(at, count));
    at += pieces.back().size();
  }
  for (std::size_t at = 0; at < text.size(); ++at)
    bytes.push_back(text.substr(at, 1));
  FUZZ_REQUIRE(parse(pieces, request) == whole);
  FUZZ_REQUIRE(parse(bytes, request) == whole);
  return 0;
}
