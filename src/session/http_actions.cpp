// Session: the HTTP actions.
#include <algorithm>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/clock.hpp"
#include "base/json.hpp"
#include "http/encode.hpp"
#include "session/http_request.hpp"
#include "session/state.hpp"

namespace chaperon {
inline namespace v1 {

using http::Method;
using session::HttpRequest;
using session::RequestSpec;
using session::State;

namespace {

constexpr int kMostRedirects = 10;

// The request that follows a redirect to `next`.
RequestSpec redirected(const RequestSpec& spec, const HttpRequest& request, const http::Url& next) {
  RequestSpec result = spec;
  result.with_params = false;
  // RFC 9110, section 15.4: as browsers do.
  const int status = request.status();
  if (status == 303 ? spec.method != Method::head : status <= 302 && spec.method == Method::post) {
    result.method = Method::get;
    result.with_body = false;
  }
  result.with_authorization = spec.with_authorization && next.origin() == request.route().url.origin();
  return result;
}

void call_back(Session& session, const HttpOptions& options, HttpRequest& request) {
  if (!request.error().empty()) {
    if (options.on_error) options.on_error(session, request.error());
  } else if (options.with_result) {
    if (options.with_result.takes_json()) {
      options.with_result(session, std::as_const(request.json()));
    } else {
      options.with_result(session, session.response());
    }
  }
}

// The whole of an HTTP action. Not inlined: what it keeps on the stack is gone before the session parks.
[[gnu::noinline]] void perform(State& state, const RequestSpec& asked) {
  if (!state.enter()) return;
  const Instant called = state.context.loop.now();
  const HttpOptions* options = asked.options;
  const Duration timeout =
      options != nullptr && options->timeout ? *options->timeout : state.settings().timeout;
  const Instant deadline = deadline_after(called, timeout);

  if (options == nullptr) {
    HttpRequest request(state, asked, called);
    request.perform(deadline);
    return;
  }
  RequestSpec spec = asked;
  std::string url;
  std::optional<BasicAuth> of_url;
  for (int redirects = 0;; ++redirects) {
    spec.follows = options->follow_redirects && redirects < kMostRedirects;
    HttpRequest request(state, spec, redirects == 0 ? called : state.context.loop.now());
    if (!request.perform(deadline)) return;
    const http::Url* next = request.error().empty() ? request.redirect() : nullptr;
    if (next == nullptr) {
      call_back(state.session, *options, request);
      return;
    }
    if (const auto* auth = request.url_authorization(); auth != nullptr && !of_url) of_url = *auth;
    spec = redirected(spec, request, *next);
    spec.of_url = of_url ? &*of_url : nullptr;
    url = next->text();
    spec.path = url;
  }
}

}  // namespace

Session& Session::get(std::string_view path) {
  perform(state_, {.method = Method::get, .path = path});
  return *this;
}
Session& Session::get(std::string_view path, const HttpOptions& options) {
  perform(state_, {.method = Method::get, .path = path, .options = &options});
  return *this;
}
Session& Session::head(std::string_view path, const HttpOptions& options) {
  perform(state_, {.method = Method::head, .path = path, .options = &options});
  return *this;
}
Session& Session::post(std::string_view path, const HttpOptions& options) {
  perform(state_, {.method = Method::post, .path = path, .options = &options});
  return *this;
}
Session& Session::put(std::string_view path, const HttpOptions& options) {
  perform(state_, {.method = Method::put, .path = path, .options = &options});
  return *this;
}
Session& Session::patch(std::string_view path, const HttpOptions& options) {
  perform(state_, {.method = Method::patch, .path = path, .options = &options});
  return *this;
}
Session& Session::del(std::string_view path, const HttpOptions& options) {
  perform(state_, {.method = Method::del, .path = path, .options = &options});
  return *this;
}
Session& Session::options(std::string_view path, const HttpOptions& options) {
  perform(state_, {.method = Method::options, .path = path, .options = &options});
  return *this;
}
Session& Session::request(std::string_view method, std::string_view path, const HttpOptions& options) {
  perform(state_,
          {.method = http::parse_method(method), .method_name = method, .path = path, .options = &options});
  return *this;
}

Response Session::response() const {
  state_.check_fiber();
  if (state_.response == nullptr) return {};
  ++state_.response->references;
  return Response(state_.response);
}

void Session::expect_status(std::initializer_list<int> statuses) const {
  const Response last = response();
  if (std::ranges::find(statuses, last.status()) != statuses.end()) return;
  std::string request(last.request());
  // As the scenario wrote it: without the base URL.
  if (const auto& base = state_.settings().base_url; base) {
    std::string site;
    base->append_site(site);
    if (const auto at = request.find(site); at != std::string::npos) request.erase(at, site.size());
  }
  if (request.empty()) request = "expect";
  const auto expected = fmt::format("{}", fmt::join(statuses, " or "));
  if (last.status() == 0) {
    throw UnexpectedStatus(fmt::format("{}: no answer ({}), expected {}", request,
                                       last.error().empty() ? "no request was made" : last.error().message,
                                       expected));
  }
  throw UnexpectedStatus(fmt::format("{}: {}, expected {}", request, last.status(), expected));
}

Session& Session::set_header(std::string_view name, std::string_view value) {
  state_.check_fiber();
  http::set_header(state_.headers, name, value);
  return *this;
}

Session& Session::bearer_token(std::string_view token) {
  state_.check_fiber();
  auto value = fmt::format("Bearer {}", token);
  http::check_header("Authorization", value);
  state_.authorization = std::move(value);
  return *this;
}

Session& Session::basic_auth(std::string_view user, std::string_view password) {
  state_.check_fiber();
  state_.authorization =
      http::basic_authorization({.user = std::string(user), .password = std::string(password)});
  return *this;
}

Session& Session::delete_cookies() {
  state_.check_fiber();
  state_.cookies.reset();
  return *this;
}

}  // namespace v1
}  // namespace chaperon
