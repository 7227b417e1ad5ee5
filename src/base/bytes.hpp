// Values as bytes, for what is sent from one process of Chaperon to another.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <stdexcept>
#include <string>
#include <string_view>

namespace chaperon {

/// Bytes that are not what they should be. The message says what is wrong, and where.
class MalformedBytes : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
  ~MalformedBytes() override;
};

/// A signed number that holds the sum of any 2^64 numbers of 64 bits.
__extension__ using Int128 = __int128;

/// Appends values to a string. Each value has one form only: the same values are the same bytes on every
/// machine.
class ByteWriter {
 public:
  /// `out` must outlive the writer.
  explicit ByteWriter(std::string& out) noexcept : out_(out) {}

  void byte(std::uint8_t value) { out_.push_back(static_cast<char>(value)); }
  void flag(bool value) { byte(value ? 1 : 0); }
  /// LEB128: a byte for each 7 bits, the lowest first.
  void varint(std::uint64_t value) {
    for (; value >= 0x80; value >>= 7U)
      byte(static_cast<std::uint8_t>(value | 0x80U));
    byte(static_cast<std::uint8_t>(value));
  }
  /// The same for 0, -1, 1, -2 …, so that small numbers are short whatever their sign.
  void zigzag(std::int64_t value) {
    varint((static_cast<std::uint64_t>(value) << 1U) ^ static_cast<std::uint64_t>(value >> 63U));
  }
  /// The same for 128 bits.
  void zigzag128(Int128 value);
  /// The eight bytes of IEEE 754, the lowest first.
  void real(double value);
  /// Exact, whatever a long double is on this machine: odd mantissa and exponent.
  void long_real(long double value);
  /// Its length and its bytes.
  void text(std::string_view value) {
    varint(value.size());
    out_.append(value);
  }

 private:
  std::string& out_;
};

/// Takes values from bytes, in the order in which a ByteWriter has appended them. `what` names the value for
/// the message of MalformedBytes, which each call throws if the bytes end too early or are not what a
/// ByteWriter makes.
class ByteReader {
 public:
  static constexpr std::uint64_t kAny = std::numeric_limits<std::uint64_t>::max();

  /// `bytes` must outlive the reader, and the texts that it returns.
  explicit ByteReader(std::string_view bytes) noexcept : bytes_(bytes) {}

  /// Bytes that are left.
  [[nodiscard]] std::size_t left() const noexcept { return bytes_.size() - at_; }

  std::uint8_t byte(const char* what) {
    start_ = at_;
    return next(what);
  }
  bool flag(const char* what) { return static_cast<bool>(up_to(1, byte(what), what)); }
  /// A number of at most `most`.
  std::uint64_t varint(const char* what, std::uint64_t most = kAny) {
    start_ = at_;
    // Most are of one byte.
    if (at_ < bytes_.size() && static_cast<unsigned char>(bytes_[at_]) < 0x80)
      return up_to(most, static_cast<unsigned char>(bytes_[at_++]), what);
    return up_to(most, long_varint(what), what);
  }
  std::int64_t zigzag(const char* what);
  Int128 zigzag128(const char* what);
  double real(const char* what);
  /// Rounded where this machine's long double has fewer bits than the sender's.
  long double long_real(const char* what);
  /// A view of the text, of at most `most` bytes.
  std::string_view text(const char* what, std::uint64_t most = kAny);
  /// How many things follow, each of which takes at least `least` (> 0) bytes: more than can be left is
  /// malformed, so that memory may be taken for them.
  std::size_t count(const char* what, std::size_t least);
  /// Makes sure that nothing is left.
  void end() const;

  /// Throws MalformedBytes for the value that was taken last: `… at byte 17: COMPLAINT`.
  [[noreturn]] void fail(std::string_view complaint) const;

 private:
  std::uint8_t next(const char* what) {
    if (at_ == bytes_.size()) fail_cut_off(what);
    return static_cast<std::uint8_t>(bytes_[at_++]);
  }
  std::uint64_t up_to(std::uint64_t most, std::uint64_t value, const char* what) const {
    if (value > most) fail_too_large(what, value, most);
    return value;
  }
  std::uint64_t long_varint(const char* what);
  template <class Number>
  Number leb128(const char* what);
  [[noreturn]] void fail_cut_off(const char* what) const;
  [[noreturn]] void fail_too_large(const char* what, std::uint64_t value, std::uint64_t most) const;

  std::string_view bytes_;
  std::size_t at_ = 0;
  std::size_t start_ = 0;  // of the value taken last
};

}  // namespace chaperon
