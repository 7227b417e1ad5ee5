#include "http/response_head.hpp"

#include <algorithm>

#include <llhttp.h>

#include "http/ascii.hpp"

namespace chaperon::http {
namespace {

constexpr std::string_view kPrefix = "HTTP/1.";
constexpr std::string_view kShortestLine = "HTTP/1.1 200";
constexpr std::size_t kMinorAt = kPrefix.size();
constexpr std::size_t kStatusAt = 9;

constexpr auto kControl = character_table([](char c) { return is_control(c) && c != '\t'; });

Fault malformed(const char* message) noexcept {
  return {.reason = Reason::malformed, .message = message};
}

// What the callbacks of llhttp work on: it is told of by llhttp_t::data.
struct HeadReading {
  Message& message;
  const ResponseLimits& limits;
  Framing& framing;
  Fault fault{};
};

HeadReading& reading(const llhttp_t* llhttp) noexcept {
  return *static_cast<HeadReading*>(llhttp->data);
}

// The head lies in one piece, so that each name and value comes in one piece too.
int on_header_field(llhttp_t* llhttp, const char* at, std::size_t size) {
  HeadReading& r = reading(llhttp);
  if (r.message.fields.size() >= r.limits.header_count) {
    r.fault = {.reason = Reason::too_large, .message = "the answer has more headers than are allowed"};
    return HPE_USER;
  }
  r.message.fields.push_back({.name_at = static_cast<std::uint32_t>(at - r.message.head.data()),
                              .name_size = static_cast<std::uint32_t>(size)});
  return 0;
}

int on_header_value(llhttp_t* llhttp, const char* at, std::size_t size) {
  Message& message = reading(llhttp).message;
  Field& field = message.fields.back();
  const std::string_view value = trim({at, size});
  field.value_at = static_cast<std::uint32_t>((value.empty() ? at : value.data()) - message.head.data());
  field.value_size = static_cast<std::uint32_t>(value.size());
  return 0;
}

// What llhttp knows at this point is what is wanted of it; the body is ours.
int on_headers_complete(llhttp_t* llhttp) {
  Framing& framing = reading(llhttp).framing;
  framing.content_length = llhttp->content_length;
  framing.has_content_length = (llhttp->flags & F_CONTENT_LENGTH) != 0;
  framing.chunked = (llhttp->flags & F_CHUNKED) != 0;
  // llhttp_should_keep_alive() would take the framing into account, which depends on the request too.
  framing.keep_alive = llhttp->http_minor > 0 ? (llhttp->flags & F_CONNECTION_CLOSE) == 0
                                              : (llhttp->flags & F_CONNECTION_KEEP_ALIVE) != 0;
  return HPE_PAUSED;
}

llhttp_settings_t make_settings() noexcept {
  llhttp_settings_t settings;
  llhttp_settings_init(&settings);
  settings.on_header_field = on_header_field;
  settings.on_header_value = on_header_value;
  settings.on_headers_complete = on_headers_complete;
  return settings;
}

Fault fault_of(const llhttp_t& llhttp) noexcept {
  switch (llhttp_get_errno(&llhttp)) {
    case HPE_UNEXPECTED_CONTENT_LENGTH:
      return malformed((llhttp.flags & F_TRANSFER_ENCODING) != 0 ? "both Content-Length and Transfer-Encoding"
                                                                 : "two Content-Length headers");
    case HPE_INVALID_CONTENT_LENGTH:
      return malformed("the Content-Length is not a number");
    case HPE_INVALID_TRANSFER_ENCODING:
      return malformed("a Transfer-Encoding other than \"chunked\"");
    case HPE_INVALID_HEADER_TOKEN:
      return malformed("a header line is not \"Name: value\"");
    case HPE_OK:
      return malformed("the head does not end where its empty line is");
    default:
      // The texts of llhttp are string literals.
      return malformed(llhttp_get_error_reason(&llhttp));
  }
}

// llhttp takes an unknown Transfer-Encoding for a body that goes on until the connection closes, and an empty
// one for none.
Fault check_transfer_encoding(const Message& message) noexcept {
  int count = 0;
  for (const Field& field : message.fields) {
    if (!equal_ignoring_case(message.name(field), "Transfer-Encoding")) continue;
    if (!equal_ignoring_case(message.value(field), "chunked") || ++count > 1) {
      return malformed("a Transfer-Encoding other than \"chunked\"");
    }
  }
  return {};
}

// The ends of a line that both kinds of line share.
Fault check_line_end(std::string_view line) noexcept {
  if (line.empty() || line.back() != '\r') return malformed("a line of the head ends in a bare LF");
  if (line.find('\r') != line.size() - 1) return malformed("a bare CR in the head");
  return {};
}

}  // namespace

Fault check_head_start(std::string_view head) noexcept {
  const std::string_view start = head.substr(0, kPrefix.size());
  const bool version_known = head.size() <= kMinorAt || head[kMinorAt] == '0' || head[kMinorAt] == '1';
  if (kPrefix.starts_with(start) && version_known) return {};
  // A TLS server answers plain text with an alert, record type 21.
  if (head.front() == '\x15')
    return malformed("the answer is a TLS alert: the server expects https on this port");
  return malformed("the answer does not begin with HTTP/1.1 or HTTP/1.0");
}

Fault check_status_line(std::string_view line) noexcept {
  if (const Fault fault = check_line_end(line)) return fault;
  line.remove_suffix(1);
  const bool well_formed = line.size() >= kShortestLine.size() && line[kStatusAt - 1] == ' ' &&
                           std::ranges::all_of(line.substr(kStatusAt, 3), is_digit) &&
                           (line.size() == kShortestLine.size() || line[kShortestLine.size()] == ' ') &&
                           std::ranges::none_of(line, [](char c) { return kControl[byte_of(c)]; });
  if (!well_formed) return malformed("the status line is not \"HTTP/1.1 NNN TEXT\"");
  const int status = status_of(line);
  if (status < 100 || status > 599) return malformed("the status code is not between 100 and 599");
  return {};
}

Fault check_header_line(std::string_view line) noexcept {
  if (const Fault fault = check_line_end(line)) return fault;
  const char first = line.front();
  if (first == ' ' || first == '\t') return malformed("a header is folded over several lines");
  if (first == ':') return malformed("a header without a name");
  return {};
}

int status_of(std::string_view head) noexcept {
  const auto digit = [&](std::size_t at) { return head[kStatusAt + at] - '0'; };
  return 100 * digit(0) + 10 * digit(1) + digit(2);
}

Fault read_head(Message& message, const ResponseLimits& limits, Framing& framing) {
  static const llhttp_settings_t settings = make_settings();
  message.status = status_of(message.head);
  message.http_major = 1;
  message.http_minor = static_cast<std::uint8_t>(message.head[kMinorAt] - '0');
  message.fields.clear();
  framing = {};

  HeadReading head_reading{.message = message, .limits = limits, .framing = framing};
  llhttp_t llhttp;
  llhttp_init(&llhttp, HTTP_RESPONSE, &settings);
  llhttp.data = &head_reading;
  const llhttp_errno_t verdict = llhttp_execute(&llhttp, message.head.data(), message.head.size());
  if (head_reading.fault) return head_reading.fault;
  if (verdict != HPE_PAUSED) return fault_of(llhttp);
  return check_transfer_encoding(message);
}

std::size_t HeadMemo::recall(std::string_view bytes, Message& message, Framing& framing) const {
  if (head_.empty() || !bytes.starts_with(head_)) return 0;
  message.head = head_;
  message.fields = fields_;
  message.status = status_;
  message.http_major = 1;
  message.http_minor = minor_;
  framing = framing_;
  return head_.size();
}

void HeadMemo::keep(const Message& message, const Framing& framing) {
  if (message.head.size() > kMost) return;
  head_ = message.head;
  fields_ = message.fields;
  status_ = message.status;
  minor_ = message.http_minor;
  framing_ = framing;
}

}  // namespace chaperon::http
