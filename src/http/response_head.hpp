// Reads a whole response head: llhttp says what is in it, and what llhttp lets pass is refused here.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

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

/// The head of the last answer to the same request, and what was read from it. Servers answer the same
/// request with the same head most of the time (`Date` changes once a second): one that is equal byte by byte
/// means the same and need not be read again.
class HeadMemo {
 public:
  /// If `bytes` begin with the head that is kept: fills head, status, version and fields of `message`, and
  /// `framing`, as read_head() would, and returns the head's size. Else 0.
  std::size_t recall(std::string_view bytes, Message& message, Framing& framing) const;
  /// Keeps a head that was read. One that is too large to be worth it is left alone.
  void keep(const Message& message, const Framing& framing);

  static constexpr std::size_t kMost = 2048;  ///< bytes of a head that is kept

 private:
  std::string head_;
  std::vector<Field> fields_;
  Framing framing_;
  int status_ = 0;
  std::uint8_t minor_ = 0;
};

}  // namespace chaperon::http
