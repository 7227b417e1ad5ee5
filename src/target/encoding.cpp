#include "target/encoding.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <new>

#include <zlib.h>

namespace chaperon::target {

std::optional<std::string> percent_decoded(std::string_view text) {
  std::string decoded;
  decoded.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      decoded += text[i];
      continue;
    }
    unsigned value = 0;
    const auto digits = text.substr(i + 1, 2);
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value, 16);
    if (error != std::errc{} || digits.size() != 2 || end != digits.data() + 2) return std::nullopt;
    decoded += static_cast<char>(value);
    i += 2;
  }
  return decoded;
}

std::string base64(std::string_view bytes) {
  constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  text.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const std::size_t count = std::min<std::size_t>(3, bytes.size() - i);
    std::uint32_t group = 0;
    for (std::size_t j = 0; j < 3; ++j) {
      group = group << 8 | (j < count ? static_cast<unsigned char>(bytes[i + j]) : 0U);
    }
    for (std::size_t j = 0; j < 4; ++j) {
      text += j <= count ? kDigits[group >> (18 - 6 * j) & 63U] : '=';
    }
  }
  return text;
}

bool is_utf8(std::string_view bytes) noexcept {
  const auto at = [&bytes](std::size_t i) { return static_cast<unsigned char>(bytes[i]); };
  std::size_t i = 0;
  while (i < bytes.size()) {
    const unsigned lead = at(i);
    if (lead < 0x80) {
      ++i;
      continue;
    }
    const std::size_t length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
    if (lead < 0xC2 || lead > 0xF4 || bytes.size() - i < length) return false;
    // The second byte's range rules out overlong forms, surrogates and what is beyond U+10FFFF.
    const unsigned low = lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80;
    const unsigned high = lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF;
    if (at(i + 1) < low || at(i + 1) > high) return false;
    for (std::size_t j = 2; j < length; ++j) {
      if ((at(i + j) & 0xC0U) != 0x80) return false;
    }
    i += length;
  }
  return true;
}

std::string compressed_alphabet(std::uint64_t size, Compression compression) {
  z_stream stream{};
  constexpr int kZlibFormat = 15;
  constexpr int kGzipFormat = 15 + 16;
  const int format = compression == Compression::gzip ? kGzipFormat : kZlibFormat;
  if (deflateInit2(&stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, format, 8, Z_DEFAULT_STRATEGY) != Z_OK) {
    throw std::bad_alloc();
  }
  std::string out;
  std::array<unsigned char, 16'384> piece{};
  std::uint64_t done = 0;
  int result = Z_OK;
  while (result != Z_STREAM_END) {
    if (stream.avail_in == 0) {
      const auto run = std::min<std::uint64_t>(size - done, kAlphabetRun);
      // zlib does not write through next_in, though it is declared without const.
      stream.next_in = reinterpret_cast<unsigned char*>(const_cast<char*>(alphabet().data() + done % 26));
      stream.avail_in = static_cast<unsigned>(run);
      done += run;
    }
    stream.next_out = piece.data();
    stream.avail_out = piece.size();
    result = deflate(&stream, done == size ? Z_FINISH : Z_NO_FLUSH);
    out.append(reinterpret_cast<const char*>(piece.data()), piece.size() - stream.avail_out);
  }
  deflateEnd(&stream);
  return out;
}

std::string_view alphabet() noexcept {
  static const auto text = [] {
    std::string letters(kAlphabetRun + 26, ' ');
    for (std::size_t i = 0; i < letters.size(); ++i)
      letters[i] = static_cast<char>('a' + i % 26);
    return letters;
  }();
  return text;
}

}  // namespace chaperon::target
