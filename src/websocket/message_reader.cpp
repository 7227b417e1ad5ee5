#include "websocket/message_reader.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

namespace chaperon::websocket {
namespace {

constexpr int kProtocolError = 1002;
constexpr int kInvalidData = 1007;
constexpr int kTooLarge = 1009;

// The most that is kept of a buffer for the next message if messages are inflated into it, with some 40 KiB
// in use for that already.
constexpr std::size_t kKeptCapacity = 4096;

unsigned byte_at(std::string_view bytes, std::size_t at) noexcept {
  return static_cast<std::uint8_t>(bytes[at]);
}

// How many bytes a head has, as far as those that are there tell.
std::size_t head_size_of(std::string_view head) noexcept {
  if (head.size() < 2) return 2;
  switch (byte_at(head, 1) & kLengthMask) {
    case kLength16:
      return 4;
    case kLength64:
      return kMaxServerHead;
    default:
      return 2;
  }
}

std::uint64_t length_of(std::string_view head) noexcept {
  if (head.size() == 2) return byte_at(head, 1) & kLengthMask;
  std::uint64_t length = 0;
  for (std::size_t i = 2; i < head.size(); ++i)
    length = (length << 8U) | byte_at(head, i);
  return length;
}

bool is_shortest(std::string_view head, std::uint64_t length) noexcept {
  return head.size() == 2 || (head.size() == 4 ? length >= kLength16 : length > 0xffff);
}

// How long a compressed message may be on the wire: what deflate makes of the worst case, with fixed codes of
// nine bits for each byte, and much to spare for the heads of its blocks.
std::uint64_t most_compressed(std::uint64_t max_message) noexcept {
  constexpr std::uint64_t kUnlimited = std::uint64_t{1} << 62U;
  return max_message >= kUnlimited ? max_message : max_message + max_message / 4 + 1024;
}

// A swap rather than shrink_to_fit(), which may allocate.
void clear_and_bound(std::string& buffer, std::size_t capacity) noexcept {
  if (buffer.capacity() > std::max(capacity, std::string().capacity())) {
    std::string().swap(buffer);
  } else {
    buffer.clear();
  }
}

// Where no message refers to those before it, readers of a thread pass an inflater on, so that those between
// two messages hold none.
std::unique_ptr<Inflater>& spare_inflater() noexcept {
  thread_local std::unique_ptr<Inflater> spare;
  return spare;
}

std::unique_ptr<Inflater> borrow_inflater() {
  constexpr int kAnyWindow = 15;
  if (spare_inflater()) return std::move(spare_inflater());
  return std::make_unique<Inflater>(kAnyWindow);
}

void give_back(std::unique_ptr<Inflater> inflater) noexcept {
  inflater->forget();
  spare_inflater() = std::move(inflater);
}

}  // namespace

MessageReader::MessageReader(const Options& options) noexcept : max_message_(options.max_message) {
  if (!options.deflate) return;
  window_bits_ = static_cast<std::uint8_t>(options.deflate->server_max_window_bits);
  keeps_context_ = !options.deflate->server_no_context_takeover;
}

MessageReader::Result MessageReader::feed(std::string_view bytes) {
  give_back_payload();
  if (stage_ == Stage::closed) return {.event = Event::close};
  std::string_view rest = bytes;
  Event event = Event::need_more;
  while (stage_ != Stage::failed && event == Event::need_more) {
    if (stage_ == Stage::head && !take_head(rest)) break;
    event = is_control(frame_) ? take_control(rest) : take_data(rest);
    if (stage_ == Stage::payload) break;  // which is not whole yet
  }
  if (stage_ == Stage::failed) event = Event::failed;
  return {.event = event, .consumed = bytes.size() - rest.size()};
}

bool MessageReader::take_head(std::string_view& rest) {
  std::string_view head = rest.substr(0, head_size_of(rest));
  const bool in_pieces = head_size_ > 0 || head.size() < head_size_of(head);
  if (in_pieces) {
    while (!rest.empty() && head_size_ < head_size_of(partial_head())) {
      head_[head_size_++] = rest.front();
      rest.remove_prefix(1);
    }
    head = partial_head();
  }
  if (!check_start(head) || head.size() < head_size_of(head)) return false;
  if (in_pieces) {
    head_size_ = 0;
  } else {
    rest.remove_prefix(head.size());
  }
  const std::uint64_t length = length_of(head);
  if (length >> 63U != 0) return fail(kProtocolError, "a frame whose length has its highest bit set");
  if (!is_shortest(head, length))
    return fail(kProtocolError, "a frame whose length is not in its shortest form");
  return begin_frame(byte_at(head, 0), length);
}

// What the first two bytes of a head tell, or the first, so that nothing is waited for that cannot mend it.
bool MessageReader::check_start(std::string_view head) {
  if (head.empty()) return true;
  const unsigned first = byte_at(head, 0);
  const auto opcode = static_cast<Opcode>(first & kOpcodeMask);
  const bool data = opcode == Opcode::text || opcode == Opcode::binary;
  const unsigned allowed = data && window_bits_ != 0 ? kCompressed : 0;
  if ((first & kReserved & ~allowed) != 0) return fail(kProtocolError, "a frame with reserved bits set");
  switch (opcode) {
    case Opcode::continuation:
      if (opcode_ == Opcode::continuation)
        return fail(kProtocolError, "a continuation frame without a message to continue");
      break;
    case Opcode::text:
    case Opcode::binary:
      if (opcode_ != Opcode::continuation)
        return fail(kProtocolError, "a new message within a fragmented one");
      break;
    case Opcode::close:
    case Opcode::ping:
    case Opcode::pong:
      if ((first & kFinal) == 0) return fail(kProtocolError, "a fragmented control frame");
      break;
    default:
      return fail(kProtocolError, fmt::format("a frame with the unknown opcode {}", first & kOpcodeMask));
  }
  if (head.size() < 2) return true;
  const unsigned second = byte_at(head, 1);
  if ((second & kMasked) != 0) return fail(kProtocolError, "a masked frame");
  if (is_control(opcode) && second > kMaxControlPayload)
    return fail(kProtocolError, "a control frame of more than 125 bytes");
  if (opcode == Opcode::close && second == 1)
    return fail(kProtocolError, "a close frame with a payload of one byte");
  return true;
}

bool MessageReader::begin_frame(unsigned first_byte, std::uint64_t length) {
  frame_ = static_cast<Opcode>(first_byte & kOpcodeMask);
  remaining_ = length;
  if (is_control(frame_)) return true;

  final_ = (first_byte & kFinal) != 0;
  if (frame_ != Opcode::continuation) {
    opcode_ = frame_;
    compressed_ = (first_byte & kCompressed) != 0;
    received_ = 0;
  }
  const std::uint64_t most = compressed_ ? most_compressed(max_message_) : max_message_;
  if (length > most - received_) {
    return fail(kTooLarge, fmt::format("a {}message of {}{} bytes, more than the {} that are allowed",
                                       compressed_ ? "compressed " : "", final_ ? "" : "at least ",
                                       received_ + length, most));
  }
  received_ += length;
  return true;
}

// What there is of the payload of the frame under way.
std::string_view MessageReader::take_piece(std::string_view& rest) noexcept {
  const std::string_view piece =
      rest.substr(0, static_cast<std::size_t>(std::min<std::uint64_t>(remaining_, rest.size())));
  rest.remove_prefix(piece.size());
  remaining_ -= piece.size();
  stage_ = remaining_ == 0 ? Stage::head : Stage::payload;
  return piece;
}

MessageReader::Event MessageReader::take_control(std::string_view& rest) {
  payload_ = take_piece(rest);
  if (remaining_ > 0 || !control_.empty()) {
    control_.append(payload_);
    payload_ = {};
    if (remaining_ > 0) return Event::need_more;
    payload_ = control_;
  }
  if (frame_ == Opcode::close) return take_close();
  return frame_ == Opcode::ping ? Event::ping : Event::pong;
}

MessageReader::Event MessageReader::take_close() {
  if (!payload_.empty()) {
    const unsigned code = (byte_at(payload_, 0) << 8U) | byte_at(payload_, 1);
    if (!is_close_code(static_cast<int>(code))) {
      fail(kProtocolError, fmt::format("a close frame with the code {}, which is not allowed", code));
      return Event::failed;
    }
    if (!is_utf8(payload_.substr(2))) {
      fail(kInvalidData, "a close frame whose reason is not UTF-8");
      return Event::failed;
    }
    close_code_ = static_cast<std::uint16_t>(code);
  }
  stage_ = Stage::closed;
  std::string().swap(message_);
  inflater_.reset();
  return Event::close;
}

MessageReader::Event MessageReader::take_data(std::string_view& rest) {
  const std::string_view piece = take_piece(rest);
  const bool last = final_ && remaining_ == 0;
  const bool in_one_piece = last && !compressed_ && message_.empty();
  if (compressed_) {
    if (!inflate(piece, last)) return Event::failed;
  } else {
    if (opcode_ == Opcode::text && !utf8_.feed(piece)) {
      fail(kInvalidData, "a text that is not UTF-8");
      return Event::failed;
    }
    if (!in_one_piece) message_.append(piece);
  }
  if (!last) return Event::need_more;
  if (opcode_ == Opcode::text && !utf8_.complete()) {
    fail(kInvalidData, "a text that ends within a character of UTF-8");
    return Event::failed;
  }
  payload_ = in_one_piece ? piece : std::string_view{message_};
  return std::exchange(opcode_, Opcode::continuation) == Opcode::text ? Event::text : Event::binary;
}

bool MessageReader::inflate(std::string_view piece, bool last) {
  if (!inflater_ && keeps_context_) inflater_ = std::make_unique<Inflater>(window_bits_);
  if (!inflater_) inflater_ = borrow_inflater();
  std::size_t had = message_.size();
  if (!check_inflated(inflater_->inflate(piece, message_, max_message_), had)) return false;
  if (!last) return true;
  had = message_.size();
  if (!check_inflated(inflater_->finish(message_, max_message_), had)) return false;
  if (!keeps_context_) give_back(std::move(inflater_));
  return true;
}

// What came out before a fault is looked at first: it would have been, had the bytes come one by one.
bool MessageReader::check_inflated(Inflater::Status status, std::size_t had) {
  if (opcode_ == Opcode::text && !utf8_.feed(std::string_view{message_}.substr(had)))
    return fail(kInvalidData, "a text that is not UTF-8");
  switch (status) {
    case Inflater::Status::good:
      return true;
    case Inflater::Status::full:
      return fail(kTooLarge,
                  fmt::format("a compressed message that inflates to more than the {} bytes that are allowed",
                              max_message_));
    case Inflater::Status::corrupt:
      break;
  }
  return fail(kInvalidData,
              fmt::format("a compressed message that does not inflate: {}", inflater_->fault()));
}

void MessageReader::give_back_payload() noexcept {
  payload_ = {};
  if (opcode_ == Opcode::continuation && stage_ != Stage::failed)
    clear_and_bound(message_, keeps_context_ ? kKeptCapacity : 0);
  if (stage_ != Stage::payload || !is_control(frame_)) clear_and_bound(control_, 0);
}

std::string MessageReader::take_payload() {
  const std::string_view payload = std::exchange(payload_, {});
  // A buffer of which most is empty would cost whoever keeps the message more than a copy.
  if (payload.data() == message_.data() && message_.capacity() / 2 <= payload.size())
    return std::exchange(message_, {});
  return std::string(payload);
}

std::string_view MessageReader::close_reason() const noexcept {
  return stage_ == Stage::closed && payload_.size() > 2 ? payload_.substr(2) : std::string_view();
}

const std::string& MessageReader::error_message() const noexcept {
  static const std::string none;
  return stage_ == Stage::failed ? message_ : none;
}

bool MessageReader::fail(int code, std::string message) {
  stage_ = Stage::failed;
  reason_ = code == kTooLarge ? Reason::too_large : Reason::malformed;
  error_code_ = static_cast<std::uint16_t>(code);
  payload_ = {};
  message_ = std::move(message);
  inflater_.reset();
  return false;
}

}  // namespace chaperon::websocket
