// What a Response points to.
#pragma once

#include <cstdint>
#include <string>

#include <chaperon/http.hpp>

#include "http/message.hpp"

namespace chaperon {
inline namespace v1 {
namespace detail {

/// An answer, or why there is none. Counted by its handles, which all live on one thread.
struct ResponseData {
  std::uint32_t references = 1;
  http::Message message;
  Error error;
  Timings timings;
  std::string request;    ///< `post(http://localhost:5000/login)`
  std::size_t limit = 0;  ///< bytes that the body may have once decompressed
  bool decoded = false;   ///< whether the body was decompressed already

  /// Makes it ready for the next answer; buffers keep their memory.
  void reset() {
    message.reset();
    error = Error();
    timings = Timings();
    decoded = false;
  }
};

}  // namespace detail
}  // namespace v1
}  // namespace chaperon
