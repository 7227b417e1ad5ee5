// Reads a whole response head: llhttp says what is in it, and what llhttp lets pass is refused here.
#pragma once

#include <cstdint>
#include <string_view>

#include <chaperon/errors.hpp>

#include "http/message.hpp"
#include "http/response_limits.hpp"

namespace chaperon::http {

/// What the head says about the body and the connection.
struct Framing {
  std::uint64_t content_length = 0;
  bool has_content_length = false;
  bool chunked = false;
  bool keep_alive =
      false;  ///< whether `Connection` and version allow another request, whatever the body's end is
};

/// What is wrong with an answer. The message is one clause for a person, a string literal.
struct Fault {
  Reason reason = Reason::none;
  const char* message = "";
  [[nodiscard]] explicit operator bool() const noexcept { return reason != Reason::none; }
};

/// Whether these first bytes of an answer can become `HTTP/1.1 ` or `HTTP/1.0 `; cheap enough to ask before
/// the first line is whole, so that another protocol's server is found out at once and not at the end of a
/// timeout.
Fault check_head_start(std::string_view head) noexcept;

/// Checks the first line of a head, given with its CR and without its LF.
Fault check_status_line(std::string_view line) noexcept;

/// Checks a later line of a head, given with its CR and without its LF, for what llhttp 8.1 lets pass: bare
/// LF, bare CR, folding, no name.
Fault check_header_line(std::string_view line) noexcept;

/// The status code of a head whose status line was checked.
int status_of(std::string_view head) noexcept;

/// Reads `message.head`, which is whole and whose lines were checked, into status, version and fields, and
/// what it says about the body into `framing`. `Transfer-Encoding: chunked` is the only one taken: no other
/// is ever asked for.
Fault read_head(Message& message, const ResponseLimits& limits, Framing& framing);

}  // namespace chaperon::http
