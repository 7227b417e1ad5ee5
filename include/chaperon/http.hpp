// HTTP as a scenario sees it: the options of a request, and its response.
#pragma once

#include <array>
#include <concepts>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <chaperon/detail/convert.hpp>
#include <chaperon/duration.hpp>
#include <chaperon/errors.hpp>
#include <chaperon/json.hpp>

namespace chaperon {
inline namespace v1 {

class Session;

namespace detail {
struct ResponseData;

}  // namespace detail

/// One header field.
struct Header {
  std::string name;   ///< in any case of letters
  std::string value;  ///< without a line break
  /// Whether both are the same, byte by byte.
  friend bool operator==(const Header&, const Header&) = default;
};
/// Header fields, in the order in which they are sent.
using Headers = std::vector<Header>;

/// How long each part of a request took. A part that did not take place (connect on a connection that was
/// open already) is zero.
struct Timings {
  Duration dns{0};        ///< resolving the host's name
  Duration connect{0};    ///< the TCP handshake
  Duration sending{0};    ///< until the last byte of the request was handed to the kernel
  Duration waiting{0};    ///< from then until the first byte of the answer
  Duration receiving{0};  ///< from then until the last byte of the answer was parsed
  Duration total{0};      ///< what the metric records: from the call to the last byte
};

/// The answer to a request: a cheap handle, by value, to something that does not change. Views live as long
/// as a handle does.
class CHAPERON_API Response {
 public:
  /// No answer: status() is 0.
  Response() noexcept;
  /// Made by Session::response(); takes over one reference.
  explicit Response(detail::ResponseData* data) noexcept;
  /// Another handle to the same answer.
  Response(const Response& other) noexcept;
  /// Takes the handle over; `other` has no answer then.
  Response(Response&& other) noexcept;
  /// A handle to another answer from now on.
  Response& operator=(Response other) noexcept;
  ~Response();

  /// The status code; 0 if no answer came, or none that could be used.
  [[nodiscard]] int status() const noexcept;
  /// Whether the status is 200 to 399.
  [[nodiscard]] bool ok() const noexcept;
  /// The value of the header of that name, in any case of letters; empty if there is none, the first if
  /// several.
  [[nodiscard]] std::string_view header(std::string_view name) const noexcept;
  /// All headers in the order in which they came.
  [[nodiscard]] std::vector<std::pair<std::string_view, std::string_view>> headers() const;
  /// The body as it came; decompressed where `decode` or `http.decompress` asked for it.
  [[nodiscard]] std::string_view body() const noexcept;
  /// The body as JSON, decompressed if need be. Throws DecodeError, which shows the beginning of the body.
  [[nodiscard]] Json json() const;
  /// The part of the JSON body at a JSON pointer (RFC 6901), as T: `json<std::string>("/data/token")`. Throws
  /// DecodeError if it is not there or has another type.
  template <class T>
  [[nodiscard]] T json(std::string_view pointer) const {
    const Json value = json_at(pointer);
    try {
      return detail::from_json<T>(value);
    } catch (const std::exception& e) {
      throw_decode_error(pointer, e.what());
    }
  }
  /// Why no answer came, or why it could not be used; `empty()` if one came.
  [[nodiscard]] const Error& error() const noexcept;
  /// Where the time went.
  [[nodiscard]] Timings timings() const noexcept;
  /// The request that this answers: `post(http://localhost:5000/login)`; empty before the first request.
  [[nodiscard]] std::string_view request() const noexcept;

 private:
  [[nodiscard]] Json json_at(std::string_view pointer) const;
  [[noreturn]] void throw_decode_error(std::string_view pointer, std::string_view why) const;
  detail::ResponseData* data_;
};

/// One part of a multipart/form-data body.
struct Part {
  std::string name;            ///< of the form's field
  std::string content;         ///< its value, or the file's bytes
  std::string filename{};      ///< makes it a file upload
  std::string content_type{};  ///< default: none for a field, application/octet-stream for a file
};

/// User and password for HTTP Basic authentication.
struct BasicAuth {
  std::string user;      ///< without a colon
  std::string password;  ///< any text
};

/// What is done to an answer's body before the callbacks see it.
enum class Decode : std::uint8_t {
  none,     ///< nothing
  content,  ///< decompressed (gzip, deflate, br, zstd)
  json,     ///< decompressed and parsed; if that fails the request is recorded as `Error decode`
};

/// `.gzip = true` compresses the request's body (whichever option gives it); `.gzip = "text"` is a body by
/// itself, sent compressed. Sets Content-Encoding.
class Gzip {
 public:
  /// Nothing is compressed.
  Gzip() = default;
  /// Whether the body that another option gives is compressed.
  template <std::same_as<bool> B>
  Gzip(B on) : on_(on) {}  // NOLINT(google-explicit-constructor)
  /// A body by itself.
  template <std::convertible_to<std::string_view> S>
  Gzip(const S& body) : on_(true), body_(std::string_view(body)) {}  // NOLINT(google-explicit-constructor)

  /// Whether the request's body is sent compressed.
  [[nodiscard]] bool on() const noexcept { return on_; }
  /// The body that it is by itself, if it is one.
  [[nodiscard]] const std::optional<std::string>& body() const noexcept { return body_; }

 private:
  bool on_ = false;
  std::optional<std::string> body_;
};

/// A callback for an answer: `(Session&, const Response&)`, or `(Session&, const Json&)`, which gets the
/// parsed body.
class ResponseCallback {
 public:
  /// No callback.
  ResponseCallback() = default;
  /// Calls `callback`.
  template <class F>
  requires(!std::same_as<std::remove_cvref_t<F>, ResponseCallback>) &&
      (std::invocable<F&, Session&, const Response&> || std::invocable<F&, Session&, const Json&>)
          ResponseCallback(F callback) {  // NOLINT(google-explicit-constructor)
    if constexpr (std::invocable<F&, Session&, const Response&>) {
      response_ = std::move(callback);
    } else {
      json_ = std::move(callback);
    }
  }

  /// Whether it wants the parsed body.
  [[nodiscard]] bool takes_json() const noexcept { return static_cast<bool>(json_); }
  /// Whether there is one.
  [[nodiscard]] explicit operator bool() const noexcept { return response_ || json_; }
  /// Calls one that does not take JSON.
  void operator()(Session& session, const Response& response) const { response_(session, response); }
  /// Calls one that takes JSON.
  void operator()(Session& session, const Json& json) const { json_(session, json); }

 private:
  std::function<void(Session&, const Response&)> response_;
  std::function<void(Session&, const Json&)> json_;
};

/// A callback for a failure.
using ErrorCallback = std::function<void(Session&, const Error&)>;

/// The options of a request. Every member has a default; name those you set:
/// `session.post("/login", {.json = {{"user", "ann"}}})`. Give at most one body.
struct HttpOptions {
  std::string_view name{};  ///< groups the metric row: `get(item)` instead of `get(http://…/items/17)`
  std::optional<Duration> timeout{};  ///< for the whole request; default: config `timeout`, else 10 s
  Headers headers{};                  ///< replace those of the session and of config `http.headers` by name
  Json params =
      Json::value_t::discarded;  ///< an object: the query, percent-encoded; an array value repeats its key
  Json json = Json::value_t::discarded;   ///< a body: application/json
  Json form = Json::value_t::discarded;   ///< a body: application/x-www-form-urlencoded
  std::optional<std::string> body{};      ///< a body: these bytes
  std::vector<Part> multipart{};          ///< a body: multipart/form-data
  Gzip gzip{};                            ///< a compressed body
  Decode decode = Decode::none;           ///< what is done to the answer's body
  ResponseCallback with_result{};         ///< called for 200 to 399
  ErrorCallback on_error{};               ///< called for everything else
  bool follow_redirects = false;          ///< up to 10; each hop is a sample of its own; authorization and
                                          ///< a Cookie or Host header do not go to another origin
  std::optional<BasicAuth> basic_auth{};  ///< default: config `basic_auth`
  bool chunked = false;                   ///< sends the body in chunks, without a Content-Length
};

}  // namespace v1
}  // namespace chaperon
