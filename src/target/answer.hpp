// An answer of the target server, and its head on the wire.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

namespace chaperon::target {

/// A body that is streamed: byte i is the letter 'a' + i % 26.
struct AlphabetBody {
  std::uint64_t size = 0;
};

/// A body that is streamed in `count` chunks: `chunk 1\n`, `chunk 2\n` ...
struct ChunkedBody {
  std::uint32_t count = 0;
};

using Body = std::variant<std::string, AlphabetBody, ChunkedBody>;

inline constexpr std::string_view kTextType = "text/plain; charset=utf-8";
inline constexpr std::string_view kJsonType = "application/json";
inline constexpr std::string_view kBytesType = "application/octet-stream";

/// What a route answers.
struct Answer {
  unsigned status = 200;
  std::string_view content_type = kJsonType;  ///< of static storage duration
  Body body{};
  std::string headers{};               ///< further header lines, each with its CRLF
  unsigned interim = 0;                ///< if not 0, an interim answer (1xx) of this status goes first
  std::chrono::milliseconds delay{0};  ///< how long to wait before answering
};

/// What an answer's head depends on besides the answer.
struct Framing {
  bool http_1_0 = false;   ///< the request is HTTP/1.0, which knows no chunks
  bool keep_alive = true;  ///< the connection stays open after the answer
};

/// Whether an answer of that status never has a body (RFC 9110, section 6.4.1); 205 is not one of them, but
/// is sent an empty one.
bool is_bodiless(unsigned status) noexcept;

/// Appends the interim answer if there is one, the status line and the headers. 204 and 304 get no
/// Content-Length.
void append_head(std::string& out, const Answer& answer, Framing framing);

/// The whole answer to `/` on a connection that stays open, which is most of what a benchmark asks for.
const std::string& root_answer();
/// How many bytes of root_answer() are its head.
std::size_t root_head_size();
/// The answer to `/`.
Answer root();

/// A JSON answer `{"error": reason}`.
Answer error_answer(unsigned status, std::string_view reason);

}  // namespace chaperon::target
