// An answer as it is being received: its head and body in two buffers that are used again for the next one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace chaperon::http {

/// Where a header field lies in a message's head, in bytes from its beginning.
struct Field {
  std::uint32_t name_at = 0;
  std::uint32_t name_size = 0;
  std::uint32_t value_at = 0;
  std::uint32_t value_size = 0;
};

/// An answer. ResponseParser fills it. A Message that is used again keeps its buffers, so that answers like
/// those before them cost no allocation.
struct Message {
  int status = 0;               ///< 100 to 599; 0 before the head is there
  std::uint8_t http_major = 0;  ///< always 1
  std::uint8_t http_minor = 0;  ///< 0 or 1
  bool keep_alive = false;  ///< whether the connection may carry another request; known when it is complete
  std::string head{};       ///< the bytes of the head as they came, from `HTTP/1.1` to the empty line
  std::vector<Field> fields{};  ///< its header fields in the order in which they came
  std::string body{};           ///< the bytes of the body without chunk framing, compressed if they came so

  /// The name of a field of this message. The view lives until the head changes.
  [[nodiscard]] std::string_view name(const Field& field) const noexcept {
    return std::string_view{head}.substr(field.name_at, field.name_size);
  }
  /// The value of a field of this message, without blanks around it. The view lives until the head changes.
  [[nodiscard]] std::string_view value(const Field& field) const noexcept {
    return std::string_view{head}.substr(field.value_at, field.value_size);
  }
  /// The value of the first field of that name in any case of letters; empty if there is none.
  [[nodiscard]] std::string_view header(std::string_view name) const noexcept;
  /// Whether there is a field of that name, in any case of letters.
  [[nodiscard]] bool has_header(std::string_view name) const noexcept;
  /// The text after the status code; often empty. The view lives until the head changes.
  [[nodiscard]] std::string_view reason_phrase() const noexcept;

  /// Forgets status and head, and keeps their memory; the body is left alone.
  void clear_head() noexcept;
  /// Makes the message ready for the next answer. Buffers up to kKeptCapacity stay, larger ones are given
  /// back, so that one big answer does not weigh on a session for ever.
  void reset() noexcept;

  /// The largest buffer that reset() keeps, in bytes.
  static constexpr std::size_t kKeptCapacity = 64 * 1024;
};

/// The beginning of a body for a message: on one line, at most 80 bytes, never part of a UTF-8 character.
std::string excerpt(std::string_view body);

}  // namespace chaperon::http
