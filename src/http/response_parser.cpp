#include "http/response_parser.hpp"

#include <algorithm>

// The head is collected in Message::head, each line is checked as soon as it is whole, and the whole is read
// in one piece, so that fields are positions in it and nothing is copied twice.

namespace chaperon::http {
namespace {

constexpr std::uint8_t kMaxInterim = 16;
constexpr std::size_t kMaxReserved = std::size_t{1024} * 1024;
constexpr std::size_t kHeadStart = std::string_view("HTTP/1.1").size();

constexpr Fault kBodyTooLarge{.reason = Reason::too_large,
                              .message = "the body is over the limit (http.max_response_size)"};

}  // namespace

void ResponseParser::start(Message& into, Method method, bool upgrade_asked, const ResponseLimits& limits,
                           HeadMemo* memo) noexcept {
  into.reset();
  message_ = &into;
  memo_ = memo;
  fault_ = {};
  limits_ = limits;
  line_at_ = 0;
  scanned_ = 0;
  stage_ = Stage::head;
  interim_count_ = 0;
  head_request_ = method == Method::head;
  upgrade_asked_ = upgrade_asked;
  touched_ = false;
}

ResponseParser::Result ResponseParser::feed(std::string_view bytes) {
  if (bytes.empty() || stage_ >= Stage::complete) return {.state = state()};
  touched_ = true;
  if (stage_ == Stage::interim) {  // the caller has seen it by now
    message_->clear_head();
    line_at_ = 0;
    scanned_ = 0;
    stage_ = Stage::head;
  }
  std::size_t consumed = stage_ == Stage::head ? take_head(bytes) : 0;
  if (consumed < bytes.size()) consumed += take_body(bytes.substr(consumed));
  return {.state = state(), .consumed = consumed};
}

// Copies bytes into the head up to its empty line.
std::size_t ResponseParser::take_head(std::string_view bytes) {
  std::string& head = message_->head;
  const std::size_t had = head.size();
  if (had == 0 && memo_ != nullptr) {
    Framing framing;
    if (const auto size = memo_->recall(bytes, *message_, framing); size > 0) {
      begin_body(framing);
      return size;
    }
  }
  // One byte over the limit is enough to know that it is over.
  bytes = bytes.substr(0, std::size_t{limits_.head} + 1 - had);
  head.append(bytes);
  if (had < kHeadStart) fail_if(check_head_start(head));

  while (stage_ == Stage::head) {
    const std::size_t end = head.find('\n', scanned_);
    if (end == std::string::npos || end >= limits_.head) {
      scanned_ = static_cast<std::uint32_t>(head.size());
      if (head.size() > limits_.head)
        fail_if({.reason = Reason::too_large, .message = "the head is over the limit"});
      break;
    }
    const std::string_view line = std::string_view{head}.substr(line_at_, end - line_at_);
    fail_if(line_at_ == 0 ? check_status_line(line) : check_header_line(line));
    line_at_ = static_cast<std::uint32_t>(end + 1);
    scanned_ = line_at_;
    if (line == "\r" && stage_ == Stage::head) {
      head.resize(line_at_);
      head_complete();
      return line_at_ - had;
    }
  }
  return bytes.size();
}

void ResponseParser::head_complete() {
  Message& message = *message_;
  Framing framing;
  fail_if(read_head(message, limits_, framing));
  if (stage_ == Stage::failed) return;

  if (message.status == 101) {
    stage_ = Stage::upgraded;
    if (!upgrade_asked_) {
      fail_if({.reason = Reason::malformed,
               .message = "the answer is 101 Switching Protocols, which was not asked for"});
    }
  } else if (message.status < 200) {
    stage_ = Stage::interim;
    if (++interim_count_ > kMaxInterim) {
      fail_if({.reason = Reason::malformed, .message = "more than 16 interim (1xx) answers"});
    }
  } else {
    if (memo_ != nullptr) memo_->keep(message, framing);
    begin_body(framing);
  }
}

// How long a body is: RFC 9112, section 6.3.
void ResponseParser::begin_body(const Framing& framing) {
  Message& message = *message_;
  message.keep_alive = framing.keep_alive;
  if (head_request_ || message.status == 204 || message.status == 304) {
    stage_ = Stage::complete;
  } else if (framing.chunked) {
    // HTTP/1.0 has no Transfer-Encoding: such a connection is not to be relied on (RFC 9112, section 6.1).
    if (message.http_minor == 0) message.keep_alive = false;
    chunks_.start();
    stage_ = Stage::chunked_body;
  } else if (framing.has_content_length) {
    if (framing.content_length > limits_.body) {
      return fail_if({.reason = Reason::too_large,
                      .message = "the announced body is over the limit (http.max_response_size)"});
    }
    // A server can announce more than it sends, so no more is reserved than costs little.
    message.body.reserve(
        static_cast<std::size_t>(std::min<std::uint64_t>(framing.content_length, kMaxReserved)));
    remaining_ = framing.content_length;
    stage_ = remaining_ == 0 ? Stage::complete : Stage::sized_body;
  } else {
    message.keep_alive = false;
    stage_ = Stage::endless_body;
  }
}

std::size_t ResponseParser::take_body(std::string_view bytes) {
  std::string& body = message_->body;
  switch (stage_) {
    case Stage::sized_body:
      bytes = bytes.substr(0, static_cast<std::size_t>(std::min<std::uint64_t>(remaining_, bytes.size())));
      body.append(bytes);
      remaining_ -= bytes.size();
      if (remaining_ == 0) stage_ = Stage::complete;
      return bytes.size();
    case Stage::chunked_body: {
      const std::size_t consumed = chunks_.feed(bytes, body, limits_);
      if (chunks_.state() == ChunkedDecoder::State::complete) stage_ = Stage::complete;
      fail_if({.reason = chunks_.reason(), .message = chunks_.error_message()});
      return consumed;
    }
    case Stage::endless_body:
      if (bytes.size() > limits_.body - body.size()) {
        fail_if(kBodyTooLarge);
        return bytes.size();
      }
      body.append(bytes);
      return bytes.size();
    case Stage::head:
    case Stage::interim:
    case Stage::complete:
    case Stage::upgraded:
    case Stage::failed:
      break;
  }
  return 0;
}

ResponseParser::State ResponseParser::finish() noexcept {
  switch (stage_) {
    case Stage::head:
    case Stage::interim:
      fail_if({.reason = Reason::closed,
               .message = touched_ ? "the connection was closed within the head of the answer"
                                   : "the connection was closed before an answer came"});
      break;
    case Stage::sized_body:
    case Stage::chunked_body:
      fail_if({.reason = Reason::closed, .message = "the connection was closed before the end of the body"});
      break;
    case Stage::endless_body:
      stage_ = Stage::complete;
      break;
    case Stage::complete:
    case Stage::upgraded:
    case Stage::failed:
      break;
  }
  return state();
}

void ResponseParser::fail_if(Fault fault) noexcept {
  if (!fault) return;
  fault_ = fault;
  stage_ = Stage::failed;
}

ResponseParser::State ResponseParser::state() const noexcept {
  switch (stage_) {
    case Stage::interim:
      return State::interim;
    case Stage::complete:
      return State::complete;
    case Stage::upgraded:
      return State::upgraded;
    case Stage::failed:
      return State::failed;
    case Stage::head:
    case Stage::sized_body:
    case Stage::chunked_body:
    case Stage::endless_body:
      break;
  }
  return State::need_more;
}

}  // namespace chaperon::http
