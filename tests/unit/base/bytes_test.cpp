#include "base/bytes.hpp"

#include <bit>
#include <cmath>
#include <cstdint>
#include <functional>
#include <limits>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace chaperon {
namespace {

using testing::HasSubstr;
using namespace std::string_view_literals;

constexpr auto kLargest = std::numeric_limits<std::uint64_t>::max();

template <class Write>
std::string bytes_of(Write write) {
  std::string bytes;
  ByteWriter out(bytes);
  write(out);
  return bytes;
}

// What `read` complains about in those bytes; empty if it does not.
std::string complaint(std::string_view bytes, const std::function<void(ByteReader&)>& read) {
  ByteReader in(bytes);
  try {
    read(in);
    return {};
  } catch (const MalformedBytes& e) {
    return e.what();
  }
}

// Writes a value and takes it again; every beginning of its bytes is refused.
template <class Write, class Read>
auto there_and_back(Write write, Read read) {
  const std::string bytes = bytes_of(write);
  for (std::size_t size = 0; size < bytes.size(); ++size)
    EXPECT_THAT(complaint(std::string_view(bytes).substr(0, size), [&](ByteReader& in) { read(in); }),
                HasSubstr("cut off"));
  ByteReader in(bytes);
  auto value = read(in);
  EXPECT_EQ(in.left(), 0U);
  EXPECT_NO_THROW(in.end());
  return value;
}

std::uint64_t back(std::uint64_t value) {
  return there_and_back([&](ByteWriter& out) { out.varint(value); },
                        [](ByteReader& in) { return in.varint("it"); });
}
std::int64_t signed_back(std::int64_t value) {
  return there_and_back([&](ByteWriter& out) { out.zigzag(value); },
                        [](ByteReader& in) { return in.zigzag("it"); });
}
Int128 wide_back(Int128 value) {
  return there_and_back([&](ByteWriter& out) { out.zigzag128(value); },
                        [](ByteReader& in) { return in.zigzag128("it"); });
}
double back(double value) {
  return there_and_back([&](ByteWriter& out) { out.real(value); },
                        [](ByteReader& in) { return in.real("it"); });
}
long double back(long double value) {
  return there_and_back([&](ByteWriter& out) { out.long_real(value); },
                        [](ByteReader& in) { return in.long_real("it"); });
}

TEST(Bytes, NumbersComeBack) {
  for (int shift = 0; shift < 64; ++shift) {
    for (const std::uint64_t near : {kLargest, std::uint64_t{0}, std::uint64_t{1}}) {
      const std::uint64_t value = (std::uint64_t{1} << shift) + near;
      EXPECT_EQ(back(value), value);
      EXPECT_EQ(signed_back(static_cast<std::int64_t>(value)), static_cast<std::int64_t>(value));
      EXPECT_TRUE(wide_back(Int128{value} << 63U) == Int128{value} << 63U) << value;
      EXPECT_TRUE(wide_back(-(Int128{value} << 63U)) == -(Int128{value} << 63U)) << value;
    }
  }
  EXPECT_EQ(back(kLargest), kLargest);
  const auto widest = static_cast<Int128>(~(__extension__ static_cast<unsigned __int128>(0)) >> 1U);
  EXPECT_TRUE(wide_back(widest) == widest);
  EXPECT_TRUE(wide_back(-widest - 1) == -widest - 1);
}

TEST(Bytes, SmallNumbersAreShort) {
  EXPECT_EQ(bytes_of([](ByteWriter& out) { out.varint(127); }), "\x7F");
  EXPECT_EQ(bytes_of([](ByteWriter& out) { out.varint(300); }), "\xAC\x02");
  EXPECT_EQ(bytes_of([](ByteWriter& out) { out.zigzag(-1); }), "\x01");
  EXPECT_EQ(bytes_of([](ByteWriter& out) { out.zigzag128(-64); }), "\x7F");
  EXPECT_EQ(bytes_of([](ByteWriter& out) { out.long_real(1024); }).size(), 3U);
  EXPECT_EQ(bytes_of([](ByteWriter& out) { out.varint(kLargest); }).size(), 10U);
}

TEST(Bytes, RealNumbersComeBackBitByBit) {
  using Double = std::numeric_limits<double>;
  for (const double value : {0.0, -0.0, 1.5, -0.1, Double::max(), Double::min(), Double::denorm_min(),
                             Double::infinity(), Double::quiet_NaN()})
    EXPECT_EQ(std::bit_cast<std::uint64_t>(back(value)), std::bit_cast<std::uint64_t>(value));
}

TEST(Bytes, LongRealNumbersAreExact) {
  using Long = std::numeric_limits<long double>;
  for (const long double value : {0.0L, 1.0L, 0.1L, 1.0L / 3, Long::max(), Long::min(), Long::denorm_min(),
                                  4711e300L, Long::infinity()}) {
    EXPECT_EQ(back(value), value);
    EXPECT_EQ(back(-value), -value);
    EXPECT_TRUE(std::signbit(back(-value)));
  }
  EXPECT_TRUE(std::isnan(back(Long::quiet_NaN())));
  std::mt19937_64 random(4711);
  for (int i = 0; i < 10'000; ++i) {
    const auto value =
        std::ldexp(static_cast<long double>(random()), static_cast<int>(random() % 20'000) - 10'000);
    EXPECT_EQ(back(value), value);
  }
}

TEST(Bytes, LongRealNumbersHaveOneForm) {
  const auto read = [](ByteReader& in) { in.long_real("it"); };
  const auto form = [](std::uint8_t kind, Int128 mantissa, std::int64_t exponent) {
    return bytes_of([&](ByteWriter& out) {
      out.byte(kind);
      out.zigzag128(mantissa);
      out.zigzag(exponent);
    });
  };
  EXPECT_EQ(complaint(form(2, 3, 0), read), "");
  EXPECT_THAT(complaint(form(2, 2, 0), read), HasSubstr("odd"));
  EXPECT_THAT(complaint(form(2, 0, 0), read), HasSubstr("odd"));
  EXPECT_THAT(complaint(form(2, -1, 0), read), HasSubstr("odd"));
  EXPECT_THAT(complaint(form(2, (Int128{1} << 113U) + 1, 0), read), HasSubstr("too long"));
  EXPECT_THAT(complaint(form(2, 1, 16'384), read), HasSubstr("exponent"));
  EXPECT_THAT(complaint(form(2, 1, -17'000), read), HasSubstr("exponent"));
  EXPECT_THAT(complaint(form(3, 1, std::numeric_limits<std::int64_t>::max()), read), HasSubstr("exponent"));
  EXPECT_THAT(complaint("\x07"sv, read), HasSubstr("more than 6"));
}

TEST(Bytes, NumbersHaveOneForm) {
  const auto read = [](ByteReader& in) { in.varint("the answer"); };
  EXPECT_EQ(complaint("\x80\x00"sv, read),
            "malformed message at byte 0: the answer has more bytes than it needs");
  EXPECT_EQ(complaint("\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x01"sv, read), "");
  EXPECT_EQ(complaint("\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x02"sv, read),
            "malformed message at byte 0: the answer has too many bits");
  EXPECT_THAT(complaint("\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01"sv, read), HasSubstr("too many bits"));
  EXPECT_THAT(complaint("\x02"sv, [](ByteReader& in) { in.flag("it"); }), HasSubstr("it is 2, more than 1"));
}

TEST(Bytes, TextsComeBack) {
  for (const auto text : {""sv, "a"sv, "a\0b"sv, "\xFF"sv}) {
    EXPECT_EQ(there_and_back([&](ByteWriter& out) { out.text(text); },
                             [](ByteReader& in) { return std::string(in.text("it")); }),
              text);
  }
}

TEST(Bytes, LengthsAreComparedWithWhatIsLeft) {
  const std::string endless = bytes_of([](ByteWriter& out) { out.varint(kLargest); }) + "abc";
  EXPECT_EQ(complaint(endless, [](ByteReader& in) { in.text("the name"); }),
            "malformed message at byte 0: the name is cut off");
  EXPECT_THAT(complaint(endless, [](ByteReader& in) { in.count("the number of names", 2); }),
              HasSubstr("more than the 3 bytes that are left"));
  EXPECT_EQ(complaint("\x03"
                      "abcdef"sv,
                      [](ByteReader& in) { in.count("names", 2); }),
            "");
  EXPECT_THAT(complaint("\x04"
                        "abcdef"sv,
                        [](ByteReader& in) { in.count("names", 2); }),
              HasSubstr("names is 4"));
  EXPECT_THAT(complaint("\x03"
                        "abc"sv,
                        [](ByteReader& in) { in.text("the name", 2); }),
              HasSubstr("more than 2"));
}

TEST(Bytes, AComplaintSaysWhere) {
  const auto read = [](ByteReader& in) {
    in.byte("first");
    in.varint("second");
    in.fail("the second is odd");
  };
  EXPECT_EQ(complaint("abc"sv, read), "malformed message at byte 1: the second is odd");
  EXPECT_EQ(complaint("abc"sv,
                      [](ByteReader& in) {
                        in.byte("first");
                        in.end();
                      }),
            "malformed message at byte 1: nothing should follow");
}

}  // namespace
}  // namespace chaperon
