// Parses the answer to one request out of the bytes of a connection.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include <chaperon/errors.hpp>

#include "http/chunked_decoder.hpp"
#include "http/message.hpp"
#include "http/request_head.hpp"
#include "http/response_head.hpp"
#include "http/response_limits.hpp"

namespace chaperon::http {

/// A push parser for the answer to one request: start() it when the request is sent, feed() it what arrives.
///
/// It does not allocate once the message's buffers have grown to what the answers need, throws nothing but
/// std::bad_alloc, and gives the same result however the bytes are split.
class ResponseParser {
 public:
  enum class State : std::uint8_t {
    need_more,  ///< the answer is not complete; all bytes were consumed
    interim,    ///< the head of a 1xx answer was read, `message.status` says which; feed() what is left
    complete,   ///< the answer is complete; bytes that were not consumed do not belong to it
    upgraded,   ///< a 101 that was asked for; bytes that were not consumed belong to the new protocol
    failed,     ///< see reason() and error_message()
  };

  struct Result {
    State state = State::need_more;
    std::size_t consumed = 0;  ///< bytes of this feed() that belong to the answer; of no meaning if it failed
  };

  /// Begins to expect the answer to a request of that method. `into` is reset, and must stay where it is
  /// until the answer is complete or failed, like `memo`, which may be null: a place for the head, shared by
  /// requests of the same method and limits. `upgrade_asked`: a 101 answers it; without, a 101 is malformed.
  void start(Message& into, Method method, bool upgrade_asked, const ResponseLimits& limits,
             HeadMemo* memo = nullptr) noexcept;

  /// Consumes bytes as far as the answer goes. After complete, upgraded and failed it consumes nothing and
  /// says the same again, until the next start().
  [[nodiscard]] Result feed(std::string_view bytes);

  /// Says that the connection is closed: complete if the body was to go on until then, failed otherwise
  /// (Reason::closed).
  [[nodiscard]] State finish() noexcept;

  /// Whether nothing of the answer, interim heads included, has come since start().
  [[nodiscard]] bool untouched() const noexcept { return !touched_; }

  /// Why it failed: malformed, too_large or closed; Reason::none if it has not.
  [[nodiscard]] Reason reason() const noexcept { return fault_.reason; }
  /// One clause for a person, such as `two Content-Length headers`; empty if it has not failed. A string
  /// literal.
  [[nodiscard]] std::string_view error_message() const noexcept { return fault_.message; }

 private:
  enum class Stage : std::uint8_t {
    head,
    interim,
    sized_body,
    chunked_body,
    endless_body,
    complete,
    upgraded,
    failed
  };

  std::size_t take_head(std::string_view bytes);
  void head_complete();
  void begin_body(const Framing& framing);
  std::size_t take_body(std::string_view bytes);
  void fail_if(Fault fault) noexcept;
  [[nodiscard]] State state() const noexcept;

  Message* message_ = nullptr;
  HeadMemo* memo_ = nullptr;
  Fault fault_{};
  ResponseLimits limits_{};
  ChunkedDecoder chunks_{};
  std::uint64_t remaining_ = 0;  // of a body with Content-Length
  std::uint32_t line_at_ = 0;    // where the line of the head that is not whole yet begins
  std::uint32_t scanned_ = 0;    // up to where the head was searched for the end of that line
  Stage stage_ = Stage::complete;
  std::uint8_t interim_count_ = 0;
  bool head_request_ = false;
  bool upgrade_asked_ = false;
  bool touched_ = false;
};

}  // namespace chaperon::http
