// Content codings of answers' bodies: gzip, deflate, br, zstd.
#pragma once

#include <cstddef>
#include <stdexcept>
#include <string>
#include <string_view>

#include <chaperon/errors.hpp>

namespace chaperon::http {

/// A body cannot be decoded. what() is one clause for a person.
class ContentError : public std::runtime_error {
 public:
  ContentError(Reason reason, const std::string& message) : std::runtime_error(message), reason_(reason) {}
  /// Reason::decode, or Reason::too_large if the decoded body is over the limit.
  [[nodiscard]] Reason reason() const noexcept { return reason_; }

 private:
  Reason reason_;
};

/// What this client can decode, as the value of an Accept-Encoding header.
inline constexpr std::string_view kAcceptedCodings = "gzip, deflate, br, zstd";

/// Whether a Content-Encoding header asks for any decoding; if not, the body is what it stands for.
bool is_encoded(std::string_view content_encoding) noexcept;

/// Decodes a body by its Content-Encoding header: gzip and x-gzip (one or more members, what follows them is
/// ignored), deflate (with zlib's frame, or raw as some servers send it), br, zstd (one or more frames),
/// identity; a list is undone from its end, at most four codings. An empty body stays empty. No buffer grows
/// over `limit` bytes, and what decodes to more is refused. Throws ContentError.
std::string decode_content(std::string_view content_encoding, std::string_view body, std::size_t limit);

}  // namespace chaperon::http
