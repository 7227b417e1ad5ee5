// Reads the messages and control frames of a server out of the bytes of a connection.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include <chaperon/errors.hpp>

#include "websocket/deflate_parameters.hpp"
#include "websocket/frame.hpp"
#include "websocket/inflater.hpp"
#include "websocket/utf8_validator.hpp"

namespace chaperon::websocket {

/// A push parser for what a client receives (RFC 6455, RFC 7692): feed() it what arrives.
///
/// It gives the same events however the bytes are split, and throws nothing but std::bad_alloc. What it
/// stores is bounded by what has come, not by what was announced. Between two messages it holds no heap
/// memory, unless messages are compressed with a context that is taken over to the next.
class MessageReader {
 public:
  struct Options {
    std::size_t max_message = std::size_t{16} << 20;  ///< bytes that a message may have, once inflated
    std::optional<DeflateParameters> deflate{};       ///< what was agreed on, if anything was
  };

  enum class Event : std::uint8_t {
    need_more,  ///< no event in what was left of the bytes; all of them were consumed
    text,       ///< a message that is valid UTF-8
    binary,     ///< a message
    ping,       ///< to be answered by a pong with the same payload
    pong,       ///< an answer to a ping, or sent of the server's own accord
    close,      ///< see close_code(); nothing is read any more
    failed,     ///< see reason() and error_message(); nothing is read any more
  };

  struct Result {
    Event event = Event::need_more;
    std::size_t consumed = 0;  ///< bytes up to the end of the event; of no meaning if it failed
  };

  MessageReader() noexcept : MessageReader(Options()) {}
  explicit MessageReader(const Options& options) noexcept;
  MessageReader(const MessageReader&) = delete;
  MessageReader& operator=(const MessageReader&) = delete;
  ~MessageReader() = default;

  /// Consumes bytes up to and including one event; what is left is for the next call. A call with nothing
  /// gives back the memory of the message before. After close and failed it consumes nothing and says the
  /// same again.
  [[nodiscard]] Result feed(std::string_view bytes);

  /// The message, or what the control frame carries. A view into the bytes that were fed where they have it
  /// in one piece, else into the reader; valid until the next feed().
  [[nodiscard]] std::string_view payload() const noexcept { return payload_; }
  /// The payload as a string of the caller's own: moved if the reader had to put it together and it is large,
  /// else copied. payload() is empty then.
  [[nodiscard]] std::string take_payload();

  /// The code of the close frame, kNoCloseCode if it had none.
  [[nodiscard]] int close_code() const noexcept { return close_code_; }
  /// The text behind the code; valid as long as payload().
  [[nodiscard]] std::string_view close_reason() const noexcept;

  /// What to close the connection with if it failed: 1002, 1007 or 1009; 0 if it has not.
  [[nodiscard]] int error_code() const noexcept { return error_code_; }
  /// Why it failed: malformed or too_large; Reason::none if it has not.
  [[nodiscard]] Reason reason() const noexcept { return reason_; }
  /// What was wrong, such as `a frame with reserved bits set`; empty if it has not failed.
  [[nodiscard]] const std::string& error_message() const noexcept;

 private:
  enum class Stage : std::uint8_t { head, payload, closed, failed };

  // The bytes of a head that came in pieces.
  [[nodiscard]] std::string_view partial_head() const noexcept { return {head_.data(), head_size_}; }

  // Those that return bool are false if it failed; take_head() also if the head is not whole yet.
  bool take_head(std::string_view& rest);
  bool check_start(std::string_view head);
  bool begin_frame(unsigned first_byte, std::uint64_t length);
  std::string_view take_piece(std::string_view& rest) noexcept;
  Event take_control(std::string_view& rest);
  Event take_close();
  Event take_data(std::string_view& rest);
  bool inflate(std::string_view piece, bool last);
  bool check_inflated(Inflater::Status status, std::size_t had);
  void give_back_payload() noexcept;
  bool fail(int code, std::string message);

  std::size_t max_message_;
  std::unique_ptr<Inflater> inflater_{};  // made when first needed
  std::string message_{};  // a message that does not lie in one piece; what was wrong, if it failed
  std::string control_{};  // a control frame that does not lie in one piece
  std::string_view payload_{};
  std::uint64_t remaining_ = 0;  // of the payload of the frame under way
  std::uint64_t received_ = 0;   // of the message under way, as it came, with all of the frame under way
  std::array<char, kMaxServerHead> head_{};
  std::uint8_t head_size_ = 0;
  Stage stage_ = Stage::head;
  Opcode frame_ = Opcode::continuation;   // of the frame under way
  Opcode opcode_ = Opcode::continuation;  // of the message under way; continuation: there is none
  bool final_ = false;                    // whether the frame under way ends its message
  bool compressed_ = false;               // whether the message under way is
  Utf8Validator utf8_{};                  // between two texts it is between two characters
  std::uint8_t window_bits_ = 0;          // 0: compression was not agreed on
  bool keeps_context_ = false;
  Reason reason_ = Reason::none;
  std::uint16_t close_code_ = kNoCloseCode;
  std::uint16_t error_code_ = 0;
};

}  // namespace chaperon::websocket
