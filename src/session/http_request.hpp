// One HTTP action under way: from a scenario's options to a recorded answer.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "http/exchange.hpp"
#include "session/routes.hpp"
#include "session/state.hpp"
#include "websocket/connection.hpp"
#include "websocket/handshake.hpp"

namespace chaperon::session {

/// What a scenario has asked for. Views into its arguments.
struct RequestSpec {
  http::Method method = http::Method::get;
  std::string_view method_name{};        ///< for Method::other
  std::string_view path{};               ///< or a full URL
  const HttpOptions* options = nullptr;  ///< may be null
  bool follows = false;                  ///< whether a redirect will be followed
  bool with_params = true;               ///< false after a redirect: they are in its URL, or meant to go
  bool with_body = true;                 ///< false after a redirect that drops it
  bool with_authorization = true;        ///< false after a redirect to another origin
  const BasicAuth* of_url = nullptr;     ///< the user info of the URL that has redirected here; may be null
  const websocket::Offer* upgrade = nullptr;  ///< asks for a WebSocket, instead of the method
};

/// Lives on the session's stack while its fiber is suspended; its functions run on the loop's.
class HttpRequest final : public http::Exchange {
 public:
  HttpRequest(State& state, const RequestSpec& spec, Instant called) : state_(state), spec_(spec) {
    start = called;
  }

  ~HttpRequest() override;

  /// Sends it and waits for its end, at most until `deadline`. False: the session is being cancelled while
  /// the stack unwinds. Throws Cancelled, and as begin() does.
  bool perform(Instant deadline);
  /// Works the request out and starts it. Throws what options that cannot work deserve.
  void begin();
  /// Gives it up, and records it, because of its timeout or a cancellation.
  void give_up(Reason why);

  [[nodiscard]] bool began() const noexcept { return began_; }
  /// Whether it has come to its end, and is recorded.
  [[nodiscard]] bool over() const noexcept { return over_; }
  [[nodiscard]] const Route& route() const noexcept { return *route_; }
  /// What failed, for on_error: empty for a status of 200 to 399.
  [[nodiscard]] const Error& error() const noexcept { return error_; }
  /// The status of the answer; 0 if there is none.
  [[nodiscard]] int status() const noexcept { return into->message.status; }
  /// Where the answer sends the client next; nullptr if it does not, or is not to be followed.
  [[nodiscard]] const http::Url* redirect() const noexcept { return redirect_.get(); }
  /// The user info of the URL, which goes along to its own origin; nullptr if there is none.
  [[nodiscard]] const BasicAuth* url_authorization() const noexcept;
  /// The body as JSON, where Decode::json or the callback asked for it.
  [[nodiscard]] Json& json() noexcept { return json_; }
  /// The WebSocket that it was upgraded to.
  [[nodiscard]] std::unique_ptr<websocket::Connection> take_websocket() noexcept {
    return std::move(websocket_);
  }

 private:
  void append_head(std::string& out) const override;
  void append_fields(std::string& out, std::span<const Header> of_call) const;
  [[nodiscard]] const std::string* authorization(std::span<const Header> of_call) const;
  void connected(Duration took) override;
  void queued(Duration waited) override;
  void upgraded(net::Socket socket, std::string_view rest) override;
  void finished() override;
  void finish_upgrade();

  [[nodiscard]] http::Origin& find_origin(const http::Url& url) const;
  const Route& find_route(const Settings& settings);
  [[nodiscard]] Route make_route(const Settings& settings) const;
  void check_options();
  void fail_unsupported();
  [[nodiscard]] bool has_params() const noexcept {
    return spec_.options != nullptr && spec_.with_params && !spec_.options->params.is_discarded();
  }
  void encode_body();
  void prepare_response(const Settings& settings);
  void take_cookies();
  void find_redirect();
  bool decode();
  void record();
  void record_failure();
  void store_result();
  [[nodiscard]] bool wants_json() const;

  State& state_;
  const RequestSpec spec_;
  const Route* route_ = nullptr;
  std::optional<Route> own_route_;
  std::string body_;  // if it had to be encoded
  std::string content_type_;
  std::string authorization_;  // of this call alone; may be empty
  std::unique_ptr<http::Url> redirect_;
  std::unique_ptr<websocket::Connection> websocket_;
  bool gzipped_ = false;
  bool has_body_ = false;
  bool began_ = false;
  bool over_ = false;
  bool decode_content_ = false;
  Error error_;
  Json json_ = Json::value_t::discarded;
};

}  // namespace chaperon::session
