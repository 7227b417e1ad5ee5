// The chunked transfer coding (RFC 9112, section 7.1), read strictly.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include <chaperon/errors.hpp>

#include "http/response_limits.hpp"

namespace chaperon::http {

/// Takes the chunk framing off a body. Own code rather than llhttp's: that of 8.1 lets bare LF and folded
/// lines pass in trailers and refuses a second chunk extension.
class ChunkedDecoder {
 public:
  enum class State : std::uint8_t { need_more, complete, failed };

  /// Begins a new body.
  void start() noexcept { *this = ChunkedDecoder(); }

  /// Appends what the bytes carry to `body`, and returns how many of them belong to the body: all, unless it
  /// has become complete or failed. Extensions and trailers are checked and dropped.
  std::size_t feed(std::string_view bytes, std::string& body, const ResponseLimits& limits);

  [[nodiscard]] State state() const noexcept;
  /// Why it failed: malformed or too_large; Reason::none if it has not.
  [[nodiscard]] Reason reason() const noexcept { return reason_; }
  /// One clause for a person; empty if it has not failed. A string literal.
  [[nodiscard]] const char* error_message() const noexcept { return error_message_; }

 private:
  enum class Expect : std::uint8_t {
    size,
    extension_or_end,  // blanks were seen after the size: only ';' may follow
    extension,
    size_line_feed,
    data,
    data_return,
    data_line_feed,
    trailer_start,
    trailer_name,
    trailer_value,
    trailer_line_feed,
    last_line_feed,
    nothing,
  };

  void take(char c, std::size_t received, const ResponseLimits& limits) noexcept;
  void take_size(char c, std::size_t received, const ResponseLimits& limits) noexcept;
  void take_trailer(char c, const ResponseLimits& limits) noexcept;
  void expect_line_feed(char c, Expect next) noexcept;
  void fail(Reason reason, const char* message) noexcept;

  const char* error_message_ = "";
  std::uint64_t remaining_ = 0;  // of the chunk's data
  std::uint32_t line_size_ = 0;  // bytes of this size line, or of the trailers so far
  std::uint32_t trailer_count_ = 0;
  std::uint8_t digits_ = 0;  // of the chunk size
  Expect expect_ = Expect::size;
  Reason reason_ = Reason::none;
};

}  // namespace chaperon::http
