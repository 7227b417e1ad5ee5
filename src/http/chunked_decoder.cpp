#include "http/chunked_decoder.hpp"

#include <algorithm>

#include "http/ascii.hpp"

namespace chaperon::http {
namespace {

constexpr std::uint8_t kMaxDigits = 16;

constexpr bool is_blank(char c) noexcept {
  return c == ' ' || c == '\t';
}
constexpr bool is_text(char c) noexcept {
  return !is_control(c) || c == '\t';
}

}  // namespace

ChunkedDecoder::State ChunkedDecoder::state() const noexcept {
  if (reason_ != Reason::none) return State::failed;
  return expect_ == Expect::nothing ? State::complete : State::need_more;
}

std::size_t ChunkedDecoder::feed(std::string_view bytes, std::string& body, const ResponseLimits& limits) {
  std::size_t at = 0;
  while (at < bytes.size() && expect_ != Expect::nothing) {
    if (expect_ != Expect::data) {
      take(bytes[at], body.size(), limits);
      ++at;
      continue;
    }
    const std::string_view data =
        bytes.substr(at, static_cast<std::size_t>(std::min<std::uint64_t>(remaining_, SIZE_MAX)));
    body.append(data);
    remaining_ -= data.size();
    at += data.size();
    if (remaining_ == 0) expect_ = Expect::data_return;
  }
  return at;
}

void ChunkedDecoder::take(char c, std::size_t received, const ResponseLimits& limits) noexcept {
  switch (expect_) {
    case Expect::size:
    case Expect::extension_or_end:
    case Expect::extension:
      return take_size(c, received, limits);
    case Expect::size_line_feed:
      expect_line_feed(c, remaining_ == 0 ? Expect::trailer_start : Expect::data);
      line_size_ = 0;
      digits_ = 0;
      return;
    case Expect::data_return:
      if (c != '\r') return fail(Reason::malformed, "a chunk is longer than its size says");
      expect_ = Expect::data_line_feed;
      return;
    case Expect::data_line_feed:
      return expect_line_feed(c, Expect::size);
    case Expect::trailer_start:
    case Expect::trailer_name:
    case Expect::trailer_value:
      return take_trailer(c, limits);
    case Expect::trailer_line_feed:
      return expect_line_feed(c, Expect::trailer_start);
    case Expect::last_line_feed:
      return expect_line_feed(c, Expect::nothing);
    case Expect::data:
    case Expect::nothing:
      return;
  }
}

void ChunkedDecoder::take_size(char c, std::size_t received, const ResponseLimits& limits) noexcept {
  constexpr const char* kBadSize = "a chunk size is not a hexadecimal number";
  if (++line_size_ > limits.head)
    return fail(Reason::too_large, "a chunk's extensions are longer than the head may be");
  if (expect_ == Expect::extension) {
    if (c == '\r') {
      expect_ = Expect::size_line_feed;
    } else if (!is_text(c)) {
      fail(Reason::malformed, "a control character in a chunk's extensions");
    }
    return;
  }
  if (const int digit = hex_value(c); digit >= 0 && expect_ == Expect::size) {
    if (++digits_ > kMaxDigits) return fail(Reason::malformed, kBadSize);
    remaining_ = (remaining_ << 4U) | static_cast<unsigned>(digit);
    // Said at the first digit that is too much: a server that announces it may never send it.
    if (remaining_ > limits.body - received)
      fail(Reason::too_large, "the body is over the limit (http.max_response_size)");
    return;
  }
  if (digits_ == 0) return fail(Reason::malformed, kBadSize);
  if (c == ';') {
    expect_ = Expect::extension;
  } else if (is_blank(c)) {
    expect_ = Expect::extension_or_end;
  } else if (c == '\r' && expect_ == Expect::size) {
    expect_ = Expect::size_line_feed;
  } else {
    fail(Reason::malformed, kBadSize);
  }
}

void ChunkedDecoder::take_trailer(char c, const ResponseLimits& limits) noexcept {
  if (expect_ == Expect::trailer_start && c == '\r') {
    expect_ = Expect::last_line_feed;
    return;
  }
  if (++line_size_ > limits.head)
    return fail(Reason::too_large, "the trailers are longer than the head may be");
  if (expect_ == Expect::trailer_value) {
    if (c == '\r') {
      expect_ = Expect::trailer_line_feed;
    } else if (!is_text(c)) {
      fail(Reason::malformed, "a control character in the trailers");
    }
    return;
  }
  if (expect_ == Expect::trailer_start && is_token_character(c)) {
    if (++trailer_count_ > limits.header_count) {
      return fail(Reason::too_large, "the answer has more trailers than headers are allowed");
    }
    expect_ = Expect::trailer_name;
  } else if (expect_ == Expect::trailer_name && c == ':') {
    expect_ = Expect::trailer_value;
  } else if (!is_token_character(c)) {
    fail(Reason::malformed, "a trailer line is not \"Name: value\"");
  }
}

void ChunkedDecoder::expect_line_feed(char c, Expect next) noexcept {
  if (c != '\n') return fail(Reason::malformed, "a CR without LF in the chunk framing");
  expect_ = next;
}

void ChunkedDecoder::fail(Reason reason, const char* message) noexcept {
  reason_ = reason;
  error_message_ = message;
  expect_ = Expect::nothing;
}

}  // namespace chaperon::http
