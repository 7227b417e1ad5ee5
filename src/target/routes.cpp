#include "target/routes.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <utility>

#include <boost/beast/http/field.hpp>
#include <boost/beast/http/rfc7230.hpp>

#include <chaperon/json.hpp>

#include "base/json.hpp"
#include "target/encoding.hpp"

namespace chaperon::target {

namespace {

namespace http = boost::beast::http;

// What a route's function is given.
struct Call {
  Service& service;
  Request& request;
  const Target& target;
  std::string_view argument;  // the path's last segment, of routes that take one
};

Answer json_answer(const Json& json) {
  return {.body = dump(json)};
}

// The argument as a number, or nothing if it is none or out of range.
std::optional<std::uint64_t> number_argument(const Call& call, std::uint64_t min, std::uint64_t max) {
  std::uint64_t number = 0;
  const auto* const last = call.argument.data() + call.argument.size();
  const auto [end, error] = std::from_chars(call.argument.data(), last, number);
  if (error != std::errc{} || end != last || number < min || number > max) return std::nullopt;
  return number;
}

Answer out_of_range(const Call& call, std::uint64_t min, std::uint64_t max) {
  return error_answer(400, std::string(call.target.path) +
                               ": the last part of the path must be a number from " + std::to_string(min) +
                               " to " + std::to_string(max));
}

// A route whose argument is a number.
template <std::uint64_t min, std::uint64_t max, Answer (*answer)(const Call&, std::uint64_t)>
Answer numbered(const Call& call) {
  const auto number = number_argument(call, min, max);
  return number ? answer(call, *number) : out_of_range(call, min, max);
}

Answer echo(const Call& call) {
  Json headers = Json::object();
  for (const auto& field : call.request) {
    auto& value = headers[std::string(view(field.name_string()))];
    // A header that came several times is one list (RFC 9110, section 5.3).
    value = value.is_null() ? std::string(view(field.value()))
                            : value.get<std::string>() + ", " + std::string(view(field.value()));
  }
  const std::string& body = call.request.body();
  Json json = {{"method", view(call.request.method_string())},
               {"path", call.target.path},
               {"query", call.target.query},
               {"headers", std::move(headers)},
               {"body", body}};
  if (!is_utf8(body)) json["body_base64"] = base64(body);
  return json_answer(json);
}

Answer status(const Call& /*call*/, std::uint64_t number) {
  const auto code = static_cast<unsigned>(number);
  if (code < 200) {
    return {.content_type = kTextType, .body = std::to_string(code) + " went before\n", .interim = code};
  }
  if (code == 205 || is_bodiless(code)) return {.status = code, .content_type = kTextType};
  std::string text = std::to_string(code);
  if (http::int_to_status(code) != http::status::unknown) {
    text.append(1, ' ').append(view(http::obsolete_reason(http::int_to_status(code))));
  }
  return {.status = code, .content_type = kTextType, .body = text + "\n"};
}

Answer delay(const Call& /*call*/, std::uint64_t milliseconds) {
  Answer answer = json_answer({{"delay_ms", milliseconds}});
  answer.delay = std::chrono::milliseconds(milliseconds);
  return answer;
}

Answer bytes(const Call& /*call*/, std::uint64_t size) {
  return {.content_type = kBytesType, .body = AlphabetBody{size}};
}

Answer chunked(const Call& /*call*/, std::uint64_t count) {
  return {.content_type = kTextType, .body = ChunkedBody{static_cast<std::uint32_t>(count)}};
}

// Whether Accept-Encoding names the coding and does not rule it out with a weight of 0 (RFC 9110,
// section 12.5.3).
bool accepts(const Request& request, std::string_view coding) {
  for (const auto& element : http::ext_list{request[http::field::accept_encoding]}) {
    if (!boost::beast::iequals(element.first, boost::beast::string_view(coding.data(), coding.size())))
      continue;
    return std::none_of(element.second.begin(), element.second.end(), [](const auto& parameter) {
      return boost::beast::iequals(parameter.first, "q") &&
             view(parameter.second).find_first_not_of("0.") == std::string_view::npos;
    });
  }
  return false;
}

template <Compression compression>
Answer compressed(const Call& call, std::uint64_t size) {
  constexpr std::string_view kCoding = compression == Compression::gzip ? "gzip" : "deflate";
  Answer answer{
      .content_type = kTextType, .body = AlphabetBody{size}, .headers = "Vary: Accept-Encoding\r\n"};
  if (accepts(call.request, kCoding)) {
    answer.body = compressed_alphabet(size, compression);
    answer.headers.append("Content-Encoding: ").append(kCoding).append("\r\n");
  }
  return answer;
}

// Calls `each(part)` for what `separator` separates.
template <class Each>
void split(std::string_view text, char separator, Each each) {
  while (!text.empty()) {
    const auto end = std::min(text.find(separator), text.size());
    each(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
}

Answer cookies(const Call& call) {
  Json json = Json::object();
  const auto [first, last] = call.request.equal_range(http::field::cookie);
  for (auto field = first; field != last; ++field) {
    split(view(field->value()), ';', [&json](std::string_view pair) {
      pair.remove_prefix(std::min(pair.find_first_not_of(' '), pair.size()));
      const auto equals = std::min(pair.find('='), pair.size());
      if (!pair.empty())
        json[std::string(pair.substr(0, equals))] = pair.substr(std::min(equals + 1, pair.size()));
    });
  }
  return json_answer(json);
}

Answer set_cookies(const Call& call) {
  Answer answer = json_answer({{"set", call.target.query}});
  bool valid = !call.target.query.empty();
  split(call.target.query, '&', [&](std::string_view pair) {
    const auto cookie = percent_decoded(pair);
    const bool is_cookie =
        cookie && cookie->find('=') != std::string::npos && cookie->front() != '=' &&
        std::none_of(cookie->begin(), cookie->end(), [](unsigned char c) { return c < ' ' || c == 0x7F; });
    valid = valid && is_cookie;
    if (!valid) return;
    answer.headers.append("Set-Cookie: ").append(*cookie);
    answer.headers.append(cookie->find(';') == std::string::npos ? "; Path=/\r\n" : "\r\n");
  });
  return valid ? answer : error_answer(400, "/cookies/set: the query must be name=value&name=value...");
}

Answer redirect(const Call& /*call*/, std::uint64_t hops) {
  if (hops == 0) return json_answer({{"redirects_left", 0}});
  return {.status = 302,
          .content_type = kTextType,
          .body = "moved\n",
          .headers = "Location: /redirect/" + std::to_string(hops - 1) + "\r\n"};
}

Answer login(const Call& call) {
  const std::string number = std::to_string(call.service.logins.fetch_add(1, std::memory_order_relaxed) + 1);
  Answer answer = json_answer({{"data", {{"token", "token-" + number}}}});
  answer.headers = "Set-Cookie: sid=session-" + number + "; Path=/; HttpOnly\r\n";
  return answer;
}

Answer counter(const Call& call) {
  return json_answer(call.service.counts.to_json());
}

Answer reset_counter(const Call& call) {
  if (call.request.method() != http::verb::post) {
    Answer answer = error_answer(405, "/counter/reset: use POST");
    answer.headers = "Allow: POST\r\n";
    return answer;
  }
  call.service.counts.reset();
  return json_answer({{"reset", true}});
}

Answer describe_request(const Call& call) {
  const auto path = call.target.path;
  const bool plain = std::all_of(path.begin(), path.end(), [](unsigned char c) {
    return c >= ' ' && c < 0x7F && c != '"' && c != '\\';
  });
  if (!plain) return json_answer({{"path", path}, {"method", view(call.request.method_string())}});
  Answer answer;
  auto& body = answer.body.emplace<std::string>(R"({"path":")");
  body.append(path).append(R"(","method":")").append(view(call.request.method_string())).append(R"("})");
  return answer;
}

Answer publish(const Call& call) {
  if (call.request.method() != http::verb::post) return describe_request(call);
  if (!is_utf8(call.request.body())) {
    return error_answer(400, "/publications: the body becomes a text message, so it must be UTF-8");
  }
  return json_answer({{"subscribers", call.service.publications.publish(std::move(call.request.body()))}});
}

Answer greet(const Call& /*call*/) {
  return root();
}

struct Route {
  std::string_view path;  // one that ends in a slash takes an argument behind it
  Answer (*answer)(const Call&);
};

constexpr std::uint64_t kMebibyte = 1U << 20U;

constexpr std::array kRoutes = {
    Route{"/", greet},
    Route{"/echo", echo},
    Route{"/status/", numbered<101, 599, status>},
    Route{"/delay/", numbered<0, 600'000, delay>},
    Route{"/bytes/", numbered<0, 1024 * kMebibyte, bytes>},
    Route{"/chunked/", numbered<0, 1'000'000, chunked>},
    Route{"/gzip/", numbered<0, 64 * kMebibyte, compressed<Compression::gzip>>},
    Route{"/deflate/", numbered<0, 64 * kMebibyte, compressed<Compression::deflate>>},
    Route{"/cookies", cookies},
    Route{"/cookies/set", set_cookies},
    Route{"/redirect/", numbered<0, 1'000'000, redirect>},
    Route{"/login", login},
    Route{"/counter", counter},
    Route{"/counter/reset", reset_counter},
    Route{"/publications", publish},
};

}  // namespace

Target split_target(std::string_view text) noexcept {
  if (const auto scheme = text.find("://"); !text.starts_with('/') && scheme != std::string_view::npos) {
    const auto authority = text.find_first_of("/?", scheme + 3);
    text = authority == std::string_view::npos ? "/" : text.substr(authority);
  }
  const auto mark = std::min(text.find('?'), text.size());
  const auto path = text.substr(0, mark);
  return {.path = path.empty() ? "/" : path, .query = text.substr(std::min(mark + 1, text.size()))};
}

bool is_counted(std::string_view path) noexcept {
  return path != "/counter" && path != "/counter/reset";
}

bool refuses_upgrade(std::string_view path) noexcept {
  return path.starts_with("/status/");
}

Answer answer_request(Service& service, Request& request, const Target& target) {
  const auto argument_at = target.path.rfind('/') + 1;  // 0 if there is no slash, as in `OPTIONS *`
  for (const auto& route : kRoutes) {
    const bool takes_argument = route.path.size() > 1 && route.path.back() == '/';
    if (takes_argument ? target.path.substr(0, argument_at) == route.path : target.path == route.path) {
      return route.answer({service, request, target, target.path.substr(argument_at)});
    }
  }
  return describe_request({service, request, target, {}});
}

}  // namespace chaperon::target
