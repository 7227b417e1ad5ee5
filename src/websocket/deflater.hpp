// The compression of permessage-deflate.
#pragma once

#include <string>
#include <string_view>

#include <zlib.h>

namespace chaperon::websocket {

/// Compresses messages one after the other (RFC 7692, section 7.2.1). It takes some 40 KiB of heap:
/// with zlib's defaults it would be 270, too much for as many connections as a load test has.
class Deflater {
 public:
  /// The largest window that is of use; it may be smaller than what was agreed on.
  static constexpr int kMostWindowBits = 12;
  /// The smallest window that zlib can compress with.
  static constexpr int kLeastWindowBits = 9;

  /// `window_bits`: how far back messages may refer, between the two limits. Throws std::bad_alloc, as
  /// deflate() does.
  explicit Deflater(int window_bits);
  Deflater(const Deflater&) = delete;
  Deflater& operator=(const Deflater&) = delete;
  ~Deflater();

  /// Appends a message, compressed, in the form that frames carry.
  void deflate(std::string_view message, std::string& out);
  /// Forgets the messages so far: the next refers to none of them.
  void forget() noexcept;

 private:
  z_stream stream_{};
};

}  // namespace chaperon::websocket
