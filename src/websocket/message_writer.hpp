// Messages and control frames as a client sends them.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/random.hpp"
#include "websocket/deflate_parameters.hpp"
#include "websocket/deflater.hpp"
#include "websocket/frame.hpp"

namespace chaperon::websocket {

/// Appends masked frames to a buffer of the caller, which is all the memory that they take, unless messages
/// are compressed. Nothing here throws but std::bad_alloc, after which the buffer and what is compressed by
/// then are of no use.
class MessageWriter {
 public:
  /// `deflate`: what was agreed on, if anything was.
  explicit MessageWriter(std::optional<DeflateParameters> deflate = {}) noexcept;

  /// Appends a text or binary message as one frame, compressed if that was agreed on. Not compressed are
  /// empty messages, and all of them if the window that was agreed on is too small for zlib (8 bits).
  void append_message(std::string& out, Opcode opcode, std::string_view payload, Random& masks);
  /// Appends a ping, pong or close frame. The payload has at most kMaxControlPayload bytes.
  static void append_control(std::string& out, Opcode opcode, std::string_view payload, Random& masks);
  /// Appends a close frame: with the code as given, or without any for kNoCloseCode. Of the reason, which is
  /// UTF-8, goes what fits into kMaxCloseReason bytes.
  static void append_close(std::string& out, int code, std::string_view reason, Random& masks);

 private:
  Deflater& deflater();

  std::unique_ptr<Deflater> deflater_{};  // made when first needed, and only if there is a context to keep
  std::uint8_t window_bits_ = 0;          // 0: nothing is compressed
  bool keeps_context_ = false;
};

}  // namespace chaperon::websocket
