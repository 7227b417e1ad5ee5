#include "target/answer.hpp"

#include <boost/beast/http/status.hpp>

#include <chaperon/json.hpp>

#include "base/json.hpp"

namespace chaperon::target {

namespace {

namespace http = boost::beast::http;

void append_status_line(std::string& out, unsigned status) {
  out.append("HTTP/1.1 ").append(std::to_string(status)).append(1, ' ');
  if (http::int_to_status(status) != http::status::unknown) {
    const auto reason = http::obsolete_reason(http::int_to_status(status));
    out.append(reason.data(), reason.size());
  }
  out.append("\r\n");
}

}  // namespace

bool is_bodiless(unsigned status) noexcept {
  return status < 200 || status == 204 || status == 304;
}

void append_head(std::string& out, const Answer& answer, Framing framing) {
  if (answer.interim != 0 && !framing.http_1_0) {
    append_status_line(out, answer.interim);
    out.append("\r\n");
  }
  append_status_line(out, answer.status);
  out.append("Server: chaperon-target\r\n");
  if (!is_bodiless(answer.status)) {
    out.append("Content-Type: ").append(answer.content_type).append("\r\n");
    if (const auto* text = std::get_if<std::string>(&answer.body)) {
      out.append("Content-Length: ").append(std::to_string(text->size())).append("\r\n");
    } else if (const auto* bytes = std::get_if<AlphabetBody>(&answer.body)) {
      out.append("Content-Length: ").append(std::to_string(bytes->size)).append("\r\n");
    } else if (!framing.http_1_0) {
      out.append("Transfer-Encoding: chunked\r\n");
    }
  }
  if (!framing.keep_alive) {
    out.append("Connection: close\r\n");
  } else if (framing.http_1_0) {
    out.append("Connection: keep-alive\r\n");
  }
  out.append(answer.headers).append("\r\n");
}

Answer root() {
  return {.content_type = kTextType, .body = "Hello from the Chaperon target server.\n"};
}

std::size_t root_head_size() {
  static const std::size_t size = root_answer().find("\r\n\r\n") + 4;
  return size;
}

const std::string& root_answer() {
  static const std::string bytes = [] {
    const Answer answer = root();
    std::string text;
    append_head(text, answer, {});
    return text + std::get<std::string>(answer.body);
  }();
  return bytes;
}

Answer error_answer(unsigned status, std::string_view reason) {
  return {.status = status, .body = dump({{"error", reason}})};
}

}  // namespace chaperon::target
