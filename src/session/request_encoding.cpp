// HttpRequest: what goes over the wire.
#include <iterator>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "base/json.hpp"
#include "http/ascii.hpp"
#include "http/content_coding.hpp"
#include "http/encode.hpp"
#include "session/http_request.hpp"

namespace chaperon::session {
namespace {

// A larger body waits for the server's `100 Continue`: it may not want it.
constexpr std::size_t kExpectContinueFrom = std::size_t{1} << 20;

// A header that is meant for the origin that redirects, and not for the one that it redirects to.
bool is_for_one_origin(const Header& header) {
  return http::equal_ignoring_case(header.name, "Authorization") ||
         http::equal_ignoring_case(header.name, "Cookie") || http::equal_ignoring_case(header.name, "Host");
}

Headers for_any_origin(std::span<const Header> headers) {
  Headers kept(headers.begin(), headers.end());
  std::erase_if(kept, is_for_one_origin);
  return kept;
}

}  // namespace

void HttpRequest::encode_body() {
  const HttpOptions& options = *spec_.options;
  const int bodies = int{!options.json.is_discarded()} + int{!options.form.is_discarded()} +
                     int{options.body.has_value()} + int{!options.multipart.empty()} +
                     int{options.gzip.body().has_value()};
  if (bodies > 1) {
    throw InvalidArgument(
        fmt::format("{} has {} bodies: give one of json, form, body, multipart and gzip (`.gzip = true` "
                    "compresses another)",
                    route_->label, bodies));
  }
  if (bodies == 0) return;
  has_body_ = true;
  if (!options.json.is_discarded()) {
    body_ = dump(options.json);
    content_type_ = "application/json";
  } else if (!options.form.is_discarded()) {
    body_ = http::encode_form(options.form);
    content_type_ = "application/x-www-form-urlencoded";
  } else if (!options.multipart.empty()) {
    const auto boundary = http::make_boundary(state_.random, options.multipart);
    body_ = http::encode_multipart(options.multipart, boundary);
    content_type_ = http::multipart_content_type(boundary);
  }
  body = options.body          ? std::string_view{*options.body}
         : options.gzip.body() ? std::string_view{*options.gzip.body()}
                               : body_;
  if (options.gzip.on()) {
    body_ = http::gzip_compress(body);
    body = body_;
    gzipped_ = true;
  }
  chunked = options.chunked;
  expect_continue = body.size() > kExpectContinueFrom;
}

// What is sent as Authorization beside the headers: of the call, the session or the config, whichever is the
// first to say something. nullptr: nothing, or what that level's own header says.
const std::string* HttpRequest::authorization(std::span<const Header> of_call) const {
  const auto says = [](std::span<const Header> headers) {
    return http::find_header({headers}, "Authorization") != nullptr;
  };
  const Settings& settings = state_.settings();
  if (says(of_call)) return nullptr;
  if (!authorization_.empty()) return &authorization_;
  if (says(state_.headers)) return nullptr;
  if (!state_.authorization.empty()) return &state_.authorization;
  if (says(settings.headers) || settings.authorization.empty() || route_->is_foreign) return nullptr;
  return &settings.authorization;
}

// Headers and authorization, where they are not just the config's.
void HttpRequest::append_fields(std::string& out, std::span<const Header> of_call) const {
  const Settings& settings = state_.settings();
  const std::string* value = authorization(of_call);
  if (value != nullptr && http::find_header({settings.headers, state_.headers}, "Authorization") != nullptr) {
    // It stands in for the headers of weaker levels.
    const Headers own{{.name = "Authorization", .value = *value}};
    http::append_headers(out, {settings.headers, state_.headers, of_call, own});
    return;
  }
  http::append_headers(out, {settings.headers, state_.headers, of_call});
  if (value != nullptr) http::append_header(out, "Authorization", *value);
}

void HttpRequest::append_head(std::string& out) const {
  const Settings& settings = state_.settings();
  const HttpOptions* options = spec_.options;
  const bool plain = options == nullptr || options->headers.empty();
  const std::span<const Header> of_call = plain ? std::span<const Header>() : options->headers;
  const bool has_host = spec_.with_authorization &&
                        (settings.has_host || http::find_header({state_.headers}, "Host") != nullptr ||
                         http::find_header({of_call}, "Host") != nullptr);
  const std::string_view head = route_->head;
  out.append(has_host ? head.substr(0, head.find('\n') + 1) : head);

  if (!spec_.with_authorization) {
    http::append_headers(
        out, {for_any_origin(settings.headers), for_any_origin(state_.headers), for_any_origin(of_call)});
  } else if (plain && state_.headers.empty() && authorization_.empty() && state_.authorization.empty() &&
             !route_->is_foreign) {
    out.append(settings.header_block);
  } else {
    append_fields(out, of_call);
  }

  if (has_body_) {
    const bool typed = settings.has_content_type ||
                       http::find_header({state_.headers}, "Content-Type") != nullptr ||
                       http::find_header({of_call}, "Content-Type") != nullptr;
    if (!typed && !content_type_.empty()) http::append_header(out, "Content-Type", content_type_);
    if (gzipped_) http::append_header(out, "Content-Encoding", "gzip");
    if (expect_continue) http::append_header(out, "Expect", "100-continue");
  }
  if (chunked && has_body_) {
    http::append_header(out, "Transfer-Encoding", "chunked");
  } else if (has_body_ || method == http::Method::post || method == http::Method::put ||
             method == http::Method::patch) {
    fmt::format_to(std::back_inserter(out), "Content-Length: {}\r\n", body.size());
  }
  if (spec_.upgrade != nullptr) websocket::append_upgrade_fields(out, *spec_.upgrade);
  const bool has_cookies = state_.cookies && !state_.cookies->empty();
  // RFC 6265, section 5.4: one Cookie header at most. One that the scenario wrote goes before the jar's.
  const bool has_own_cookies =
      has_cookies && spec_.with_authorization &&
      http::find_header({settings.headers, state_.headers, of_call}, "Cookie") != nullptr;
  if (has_cookies && !has_own_cookies) {
    const auto before = out.size();
    out.append("Cookie: ");
    if (state_.cookies->append_header_value(out, route_->url, std::chrono::system_clock::now())) {
      out.append("\r\n");
    } else {
      out.resize(before);
    }
  }
  out.append("\r\n");
}

}  // namespace chaperon::session
