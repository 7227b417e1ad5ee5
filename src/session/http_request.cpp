#include "session/http_request.hpp"

#include <utility>

#include <fmt/format.h>

#include "base/duration_text.hpp"
#include "base/log.hpp"
#include "http/ascii.hpp"
#include "http/content_coding.hpp"
#include "http/encode.hpp"

namespace chaperon::session {
namespace {

constexpr std::uint32_t kNoProfile = UINT32_MAX;
constexpr std::string_view kUpgradeAction = "ws_connect";

std::string_view method_token(const RequestSpec& spec) {
  return spec.method == http::Method::other ? spec.method_name : http::to_string(spec.method);
}

}  // namespace

// --- What is asked (see also request_encoding.cpp) -------------------------------------------------

HttpRequest::~HttpRequest() {
  if (websocket_) websocket::Connection::dismiss(std::move(websocket_));
}

bool HttpRequest::perform(Instant deadline) {
  auto& loop = state_.context.loop;
  state_.actions_without_wait = 0;
  const auto wake = loop.suspend(deadline, [this] { begin(); });
  // It may have come to its end between the fiber's waking and its turn.
  const bool under_way = began_ && !over_;
  if (wake == runtime::Wake::cancelled) {
    if (under_way) loop.on_loop_stack([this] { give_up(Reason::cancelled); });
    state_.cancelled_here();
    return false;
  }
  if (wake == runtime::Wake::deadline && under_way) loop.on_loop_stack([this] { give_up(Reason::timeout); });
  return true;
}

void HttpRequest::begin() {
  const Settings& settings = state_.settings();
  route_ = &find_route(settings);
  origin = route_->origin;
  upgrade = spec_.upgrade != nullptr;
  if (!upgrade) head_memo = &route_->head_memo;
  pool = settings.share_connections ? &state_.context.shared_pool : &state_.pool();
  method = spec_.method;
  connect_timeout = settings.connect_timeout;
  if (spec_.options != nullptr) check_options();
  if (spec_.options != nullptr && spec_.with_body) encode_body();
  if (const auto* auth = url_authorization(); auth != nullptr && authorization_.empty())
    authorization_ = http::basic_authorization(*auth);
  prepare_response(settings);
  began_ = true;
  if (!state_.in_teardown()) ++state_.context.counters.requests;
  state_.activity = route_->label;
  if (route_->url.is_secure()) {
    fail_unsupported();
  } else {
    state_.context.client.start(*this);
  }
}

void HttpRequest::fail_unsupported() {
  try {
    http::require_supported(route_->url);
  } catch (const http::UrlError& e) {
    message = e.what();
  }
  reason = Reason::unsupported;
  end = state_.context.loop.now();
  into->timings.total = end - start;
  finished();
}

// Refuses what cannot be sent here, where the scenario hears of it: later on the head is put together from
// within the loop.
void HttpRequest::check_options() {
  for (const Header& header : spec_.options->headers)
    http::check_header(header.name, header.value);
  if (spec_.upgrade != nullptr) {
    std::string scratch;
    websocket::append_upgrade_fields(scratch, *spec_.upgrade);
  }
  if (spec_.options->basic_auth) authorization_ = http::basic_authorization(*spec_.options->basic_auth);
}

const BasicAuth* HttpRequest::url_authorization() const noexcept {
  if (spec_.of_url != nullptr) return spec_.of_url;
  return route_->url.basic_auth && http::is_absolute_url(spec_.path) ? &*route_->url.basic_auth : nullptr;
}

// A WebSocket goes to the same server as a request, and waits with them for their turn to connect.
http::Origin& HttpRequest::find_origin(const http::Url& url) const {
  if (url.scheme != "ws") return state_.context.client.origin(url);
  http::Url server = url;
  server.scheme = "http";
  return state_.context.client.origin(server);
}

const Route& HttpRequest::find_route(const Settings& settings) {
  const HttpOptions* options = spec_.options;
  // Settings of one session alone are not worth a place; nor are parameters, which differ from request to
  // request.
  const bool cacheable = !state_.own_settings && !has_params();
  const Routes::Key key{.profile = cacheable ? state_.profile.number : kNoProfile,
                        .method = spec_.upgrade != nullptr ? http::Method::other : spec_.method,
                        .method_name = spec_.upgrade != nullptr ? kUpgradeAction : spec_.method_name,
                        .path = spec_.path,
                        .name = options == nullptr ? std::string_view() : options->name};
  if (cacheable) {
    if (const Route* known = state_.context.routes.find(key); known != nullptr) return *known;
  }
  Route route = make_route(settings);
  if (cacheable) {
    if (const Route* kept = state_.context.routes.keep(key, route); kept != nullptr) return *kept;
  }
  return own_route_.emplace(std::move(route));
}

Route HttpRequest::make_route(const Settings& settings) const {
  const HttpOptions* options = spec_.options;
  Route route;
  if (http::is_absolute_url(spec_.path)) {
    route.url = http::parse_url(spec_.path);
    route.is_foreign = settings.authorized_by_base_url &&
                       find_origin(route.url).text() != find_origin(*settings.base_url).text();
  } else if (settings.base_url) {
    route.url = http::join_url(*settings.base_url, spec_.path);
  } else if (!settings.base_url_error.empty()) {
    throw InvalidArgument(settings.base_url_error);
  } else {
    throw RequiredConfigMissing(
        fmt::format("config key \"base_url\" is missing in session {}, so \"{}\" leads nowhere: set it in "
                    "default_config(), in the "
                    "scenario table or with --base-url http://HOST[:PORT]",
                    state_.description(), spec_.path));
  }
  if (spec_.upgrade != nullptr) {
    if (route.url.scheme == "http") route.url.scheme = "ws";
    if (route.url.scheme == "https") route.url.scheme = "wss";
  }
  if (has_params()) http::append_query(route.url.target, options->params);

  route.origin = &find_origin(route.url);
  http::append_request_line(route.head, method_token(spec_), route.url.target);
  http::append_header(route.head, "Host", route.origin->host_header());
  route.action = spec_.upgrade != nullptr              ? kUpgradeAction
                 : spec_.method == http::Method::other ? spec_.method_name
                                                       : http::action_name(spec_.method);
  for (char& c : route.action) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  route.target = options != nullptr && !options->name.empty()
                     ? std::string(options->name)
                     : route.url.text(!settings.skip_query_params_in_metrics);
  route.label = fmt::format("{}({})", route.action, route.target);
  route.metric = state_.context.recorder.intern(
      {.session = state_.profile.name, .action = route.action, .target = route.target});
  return route;
}

void HttpRequest::prepare_response(const Settings& settings) {
  auto*& response = state_.response;
  if (response == nullptr) {
    response = new detail::ResponseData();
  } else if (response->references > 1) {
    // The scenario keeps the last answer: it does not change under its hands.
    --response->references;
    response = new detail::ResponseData();
  } else {
    response->reset();
  }
  response->request = route_->label;
  response->limit = settings.max_response_size;
  into = response;
  limits.body = settings.max_response_size;
  decode_content_ = settings.decompress ||
                    (spec_.options != nullptr && spec_.options->decode != Decode::none) || wants_json();
}

bool HttpRequest::wants_json() const {
  return spec_.options != nullptr &&
         (spec_.options->decode == Decode::json || spec_.options->with_result.takes_json());
}

// --- What came of it -----------------------------------------------------------------------------

void HttpRequest::connected(Duration took) {
  if (!state_.in_teardown()) state_.record_duration("connect", origin->text(), took);
}

void HttpRequest::queued(Duration waited) {
  if (state_.in_teardown()) return;
  state_.record_duration("queued", origin->text(), waited);
  state_.context.queued.record(waited.count());
}

void HttpRequest::finished() {
  over_ = true;
  if (reason == Reason::none) take_cookies();
  if (reason == Reason::none && spec_.follows) find_redirect();
  if (spec_.upgrade != nullptr) {
    finish_upgrade();
  } else if (reason == Reason::none && (!decode_content_ || decode())) {
    record();
  } else {
    // An answer that cannot be decoded is one all the same.
    if (into->message.status != 0 && !state_.in_teardown()) ++state_.context.counters.responses;
    record_failure();
  }
  if (state_.settings().store_results) store_result();
  if (log_level() <= LogLevel::debug) {
    state_.session.log_debug("{}: {} in {}", route_->label,
                             error_.empty() ? fmt::format("{}", into->message.status) : error_.message,
                             duration_text(end - start));
  }
  state_.activity = {};
  state_.fiber->wake();
}

// --- WebSocket -------------------------------------------------------------------------------------

void HttpRequest::upgraded(net::Socket socket, std::string_view rest) {
  websocket::HandshakeCheck check;
  try {
    check = websocket::check_answer(into->message, *spec_.upgrade);
  } catch (const std::runtime_error& e) {
    reason = Reason::unsupported;
    message = e.what();
    return;
  }
  if (!check.error.empty()) {
    reason = Reason::malformed;
    message = fmt::format("{} answered the handshake wrongly: {}", origin->text(), check.error);
    return;
  }
  websocket_ = std::make_unique<websocket::Connection>(
      state_.context.websocket, std::move(socket),
      websocket::MessageReader::Options{.max_message = limits.body, .deflate = check.agreement.deflate},
      route_->url.origin());
  websocket_->start(rest);
}

void HttpRequest::finish_upgrade() {
  if (reason != Reason::none) {
    record_failure();
    return;
  }
  if (websocket_) {
    record();
    return;
  }
  // An answer, but not the one: recorded as an error alone.
  auto& context = state_.context;
  if (!state_.in_teardown()) {
    ++context.counters.responses;
    ++context.counters.errors;
  }
  const int status = into->message.status;
  const auto& answer = into->message.body;
  error_ = {.reason = Reason::http,
            .status = status,
            .action = route_->label,
            .message = fmt::format("answered {}, not 101{}{}", status, answer.empty() ? "" : ": ",
                                   http::excerpt(answer))};
  state_.record_error(route_->action, route_->target, error_.name(), end - start, error_.message);
}

void HttpRequest::take_cookies() {
  const auto& answer = into->message;
  for (const auto& field : answer.fields) {
    constexpr std::string_view kSetCookie = "set-cookie";
    if (field.name_size != kSetCookie.size() || !http::equal_ignoring_case(answer.name(field), kSetCookie))
      continue;
    if (!state_.cookies) state_.cookies = std::make_unique<http::CookieJar>();
    state_.cookies->store(answer.value(field), route_->url, std::chrono::system_clock::now());
  }
}

void HttpRequest::find_redirect() {
  const int status = into->message.status;
  const bool moves = status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
  const auto location = into->message.header("location");
  if (!moves || location.empty()) return;
  try {
    redirect_ = std::make_unique<http::Url>(http::resolve_redirect(route_->url, location));
  } catch (const http::UrlError& e) {
    reason = Reason::malformed;
    message = fmt::format("the redirect ({}) cannot be followed: {}", status, e.what());
  }
}

bool HttpRequest::decode() {
  auto& answer = into->message;
  try {
    const auto coding = answer.header("content-encoding");
    if (http::is_encoded(coding)) answer.body = http::decode_content(coding, answer.body, limits.body);
    into->decoded = true;
    // The body of an error or of a redirect need not be what was asked for.
    if (wants_json() && answer.status < 400 && !redirect_) json_ = Json::parse(answer.body);
    return true;
  } catch (const http::ContentError& e) {
    reason = e.reason();
    message = fmt::format("the body of the answer ({}) cannot be decoded: {}", answer.status, e.what());
  } catch (const Json::parse_error&) {
    reason = Reason::decode;
    message = fmt::format("the body of the answer ({} {}) is not JSON", answer.status,
                          answer.header("content-type"));
  } catch (const std::exception& e) {
    // JSON with a number that no double holds, or more than there is memory for.
    reason = Reason::decode;
    message = fmt::format("the body of the answer ({}) cannot be decoded: {}", answer.status, e.what());
  }
  return false;
}

void HttpRequest::record() {
  const Duration took = end - start;
  auto& context = state_.context;
  if (!state_.in_teardown()) {
    context.recorder.record(route_->metric, took);
    if (context.live) context.window.record(took.count());
    ++context.counters.responses;
  }
  const int status = into->message.status;
  if (status < 400) return;
  if (!state_.in_teardown()) ++context.counters.errors;
  error_ = {.reason = Reason::http, .status = status, .action = route_->label, .message = {}};
  const auto& answer = into->message.body;
  error_.message = fmt::format("answered {}{}{}", status, answer.empty() ? "" : ": ", http::excerpt(answer));
  state_.record_error(route_->action, route_->target, error_.name(), took, error_.message);
}

void HttpRequest::record_failure() {
  if (!state_.in_teardown()) ++state_.context.counters.errors;
  // An answer that cannot be used is none.
  into->message.reset();
  error_ = {.reason = reason, .status = 0, .action = route_->label, .message = message};
  into->error = error_;
  state_.record_error(route_->action, route_->target, error_.name(), end - start, message);
}

void HttpRequest::give_up(Reason why) {
  state_.context.client.abandon(*this);
  end = state_.context.loop.now();
  const Duration took = end - start;
  into->timings.total = took;
  if (why == Reason::timeout && starved) {
    reason = Reason::no_descriptors;
    message = fmt::format(
        "no file descriptor became free within {}: raise the limit (ulimit -n) or use fewer sessions",
        duration_text(took));
  } else if (why == Reason::timeout) {
    reason = Reason::timeout;
    message = fmt::format("no whole answer from {} within {}", origin->text(), duration_text(took));
  } else {
    reason = why;
    message = state_.outcome_reason;
  }
  record_failure();
  if (state_.settings().store_results) store_result();
  state_.activity = {};
}

void HttpRequest::store_result() {
  auto& stored = state_.context.stored;
  const std::size_t bytes = into->message.status != 0 ? into->message.body.size() : 0;
  if (stored.kept.size() >= StoredResults::kMost || bytes > StoredResults::kMostBytes - stored.bytes) {
    ++stored.left_out;
    return;
  }
  stored.bytes += bytes;
  Json result = {{"status", into->message.status}};
  if (!error_.empty()) result["error"] = error_.name();
  if (into->message.status != 0) {
    auto parsed = Json::parse(into->message.body, nullptr, false);
    result["body"] = parsed.is_discarded() ? Json(into->message.body) : std::move(parsed);
  }
  stored.kept.push_back({{"session", state_.profile.name},
                         {"id", state_.id.text()},
                         {"action", route_->label},
                         {"result", std::move(result)}});
}

}  // namespace chaperon::session
