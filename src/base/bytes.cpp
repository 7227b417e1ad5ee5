#include "base/bytes.hpp"

#include <bit>
#include <cmath>

#include <fmt/format.h>

namespace chaperon {
namespace {

__extension__ using Unsigned128 = unsigned __int128;

// What a long double is, in its first byte.
enum class Real : std::uint8_t {
  zero,
  negative_zero,
  positive,
  negative,
  infinity,
  negative_infinity,
  nan,
};

// The bits of the longest mantissa, that of IEEE 754's quadruple precision.
constexpr int kMantissaBits = 113;

}  // namespace

MalformedBytes::~MalformedBytes() = default;

void ByteWriter::zigzag128(Int128 value) {
  auto rest = (static_cast<Unsigned128>(value) << 1U) ^ static_cast<Unsigned128>(value >> 127U);
  for (; rest >= 0x80; rest >>= 7U)
    byte(static_cast<std::uint8_t>(rest | 0x80U));
  byte(static_cast<std::uint8_t>(rest));
}

void ByteWriter::real(double value) {
  const auto bits = std::bit_cast<std::uint64_t>(value);
  for (unsigned shift = 0; shift < 64; shift += 8)
    byte(static_cast<std::uint8_t>(bits >> shift));
}

void ByteWriter::long_real(long double value) {
  const bool negative = std::signbit(value);
  const auto kind = [&](Real positive_kind, Real negative_kind) {
    byte(static_cast<std::uint8_t>(negative ? negative_kind : positive_kind));
  };
  if (std::isnan(value)) return byte(static_cast<std::uint8_t>(Real::nan));
  if (std::isinf(value)) return kind(Real::infinity, Real::negative_infinity);
  if (value == 0) return kind(Real::zero, Real::negative_zero);
  int exponent = 0;
  const long double fraction = std::frexp(std::fabs(value), &exponent);
  auto mantissa = static_cast<Unsigned128>(std::ldexp(fraction, kMantissaBits));
  exponent -= kMantissaBits;
  for (; mantissa % 2 == 0; mantissa /= 2)
    ++exponent;
  kind(Real::positive, Real::negative);
  // Below 2^113: never negative.
  zigzag128(static_cast<Int128>(mantissa));
  zigzag(exponent);
}

template <class Number>
Number ByteReader::leb128(const char* what) {
  constexpr unsigned kBits = sizeof(Number) * 8;
  start_ = at_;
  Number value = 0;
  for (unsigned shift = 0;; shift += 7) {
    const Number bits = next(what);
    const Number low = bits & 0x7FU;
    if (shift >= kBits || (low << shift) >> shift != low) fail(fmt::format("{} has too many bits", what));
    value |= low << shift;
    if (bits >= 0x80) continue;
    if (bits == 0 && shift > 0) fail(fmt::format("{} has more bytes than it needs", what));
    return value;
  }
}

std::uint64_t ByteReader::long_varint(const char* what) {
  return leb128<std::uint64_t>(what);
}

std::int64_t ByteReader::zigzag(const char* what) {
  const std::uint64_t value = varint(what);
  return static_cast<std::int64_t>((value >> 1U) ^ (0 - (value & 1U)));
}

Int128 ByteReader::zigzag128(const char* what) {
  const auto value = leb128<Unsigned128>(what);
  return static_cast<Int128>((value >> 1U) ^ (0 - (value & 1U)));
}

double ByteReader::real(const char* what) {
  start_ = at_;
  std::uint64_t bits = 0;
  for (unsigned shift = 0; shift < 64; shift += 8)
    bits |= std::uint64_t{next(what)} << shift;
  return std::bit_cast<double>(bits);
}

long double ByteReader::long_real(const char* what) {
  using Limits = std::numeric_limits<long double>;
  const std::size_t start = at_;
  const auto kind = static_cast<Real>(up_to(static_cast<std::uint8_t>(Real::nan), byte(what), what));
  switch (kind) {
    case Real::zero:
      return 0;
    case Real::negative_zero:
      return -0.0L;
    case Real::infinity:
      return Limits::infinity();
    case Real::negative_infinity:
      return -Limits::infinity();
    case Real::nan:
      return Limits::quiet_NaN();
    case Real::positive:
    case Real::negative:
      break;
  }
  const Int128 mantissa = zigzag128(what);
  const std::int64_t exponent = zigzag(what);
  start_ = start;
  if (mantissa <= 0 || mantissa >> static_cast<unsigned>(kMantissaBits) != 0 || mantissa % 2 == 0)
    fail(fmt::format("{} has a mantissa that is not odd, or too long", what));
  constexpr int kFurthest = 20'000;  // beyond the exponents of quadruple precision
  const long double value = exponent < -kFurthest || exponent > kFurthest
                                ? 0
                                : std::ldexp(static_cast<long double>(mantissa), static_cast<int>(exponent));
  if (value == 0 || std::isinf(value)) fail(fmt::format("{} has an exponent out of range", what));
  return kind == Real::negative ? -value : value;
}

std::string_view ByteReader::text(const char* what, std::uint64_t most) {
  const std::uint64_t size = varint(what, most);
  if (size > left()) fail_cut_off(what);
  const auto value = bytes_.substr(at_, size);
  at_ += size;
  return value;
}

std::size_t ByteReader::count(const char* what, std::size_t least) {
  const std::uint64_t value = varint(what);
  if (value > left() / least)
    fail(fmt::format("{} is {}, more than the {} bytes that are left hold", what, value, left()));
  return value;
}

void ByteReader::end() const {
  if (left() > 0)
    throw MalformedBytes(fmt::format("malformed message at byte {}: nothing should follow", at_));
}

void ByteReader::fail(std::string_view complaint) const {
  throw MalformedBytes(fmt::format("malformed message at byte {}: {}", start_, complaint));
}

void ByteReader::fail_cut_off(const char* what) const {
  fail(fmt::format("{} is cut off", what));
}

void ByteReader::fail_too_large(const char* what, std::uint64_t value, std::uint64_t most) const {
  fail(fmt::format("{} is {}, more than {}", what, value, most));
}

}  // namespace chaperon
