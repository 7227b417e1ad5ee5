// Undoes the compression of permessage-deflate.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include <zlib.h>

namespace chaperon::websocket {

/// Inflates messages one after the other, each in as many pieces as it comes in (RFC 7692, section 7.2.2). It
/// takes 7 KiB of heap, and as much as the window from the first message on.
class Inflater {
 public:
  enum class Status : std::uint8_t {
    good,     ///< all that was given is inflated
    full,     ///< the message is over `most`
    corrupt,  ///< see fault()
  };

  /// `window_bits`: how far back messages refer, 8 to 15. Who refers further back is refused where those
  /// bytes are not at hand any more; where they are, within one piece of a message, it inflates to what was
  /// meant. Throws std::bad_alloc, as the other functions do.
  explicit Inflater(int window_bits);
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;
  ~Inflater();

  /// Goes on with the next bytes of a message: appends what they inflate to, until `out` has more than `most`
  /// bytes, which makes it `full`. What came out before a fault is appended as well.
  [[nodiscard]] Status inflate(std::string_view bytes, std::string& out, std::size_t most);
  /// Says that all of the message was given. Corrupt if it does not end where a block ends.
  [[nodiscard]] Status finish(std::string& out, std::size_t most);
  /// Forgets the messages so far: the next refers to none of them.
  void forget() noexcept;

  /// One clause for a person about what is wrong with the data. A string literal.
  [[nodiscard]] const char* fault() const noexcept { return fault_; }

 private:
  z_stream stream_{};
  const char* fault_ = "";
};

}  // namespace chaperon::websocket
