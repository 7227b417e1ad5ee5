// How large an answer may be.
#pragma once

#include <cstddef>
#include <cstdint>

namespace chaperon::http {

/// How large an answer may be. Whatever is over a limit is Reason::too_large.
struct ResponseLimits {
  std::size_t body = std::size_t{16} * 1024 * 1024;  ///< bytes of the body as it comes (compressed)
  std::uint32_t head = 64 * 1024;    ///< bytes of the head; of the trailers; of one chunk's size line
  std::uint32_t header_count = 256;  ///< header fields, and trailer fields
};

}  // namespace chaperon::http
