#include "cluster/control_api.hpp"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <exception>
#include <stdexcept>

#include <fmt/format.h>

#include <chaperon/errors.hpp>
#include <chaperon/version.hpp>

#include "base/bytes.hpp"
#include "base/json.hpp"
#include "base/log.hpp"
#include "cluster/submission_json.hpp"
#include "http/ascii.hpp"

namespace chaperon::cluster {
namespace {

using Kind = ApiRoute::Kind;

ApiResponse json_response(unsigned status, const Json& json) {
  return {.status = status, .body = dump(json, 2) + '\n'};
}

bool allows(std::string_view allowed, std::string_view method) {
  return fmt::format(", {},", allowed).find(fmt::format(" {},", method)) != std::string::npos;
}

bool reads_only(std::string_view method) {
  return method == "GET" || method == "HEAD";
}

std::string_view path_of(std::string_view target) {
  return target.substr(0, target.find('?'));
}

// The request cannot be understood: 400.
class BadRequest : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// The number behind `name=` in a query; nothing if the name is not there.
std::optional<std::uint32_t> query_number(std::string_view target, std::string_view name) {
  const auto question = target.find('?');
  if (question == std::string_view::npos) return std::nullopt;
  std::string_view rest = target.substr(question + 1);
  while (!rest.empty()) {
    const auto part = rest.substr(0, rest.find('&'));
    rest.remove_prefix(std::min(part.size() + 1, rest.size()));
    if (part.substr(0, part.find('=')) != name) continue;
    const auto text = part.substr(std::min(name.size() + 1, part.size()));
    std::uint32_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc() || end != text.data() + text.size()) {
      throw BadRequest(fmt::format("the query has {}: it must be a whole number from 0 to {}, as in {}=10",
                                   describe(part), UINT32_MAX, name));
    }
    return number;
  }
  return std::nullopt;
}

// Whether a Content-Type says JSON, with parameters or without.
bool is_json(std::string_view content_type) {
  return http::equal_ignoring_case(content_type.substr(0, content_type.find_first_of("; \t")),
                                   "application/json");
}

std::string_view media_type(std::string_view kind) {
  if (kind == "csv") return "text/csv; charset=utf-8";
  if (kind == "txt") return "text/plain; charset=utf-8";
  return "application/json";
}

// Apart from all else that reads JSON: what is wrong here is the client's.
std::vector<WantedLoadTest> read_body(std::string_view body) {
  try {
    return wanted_load_tests(body);
  } catch (const MalformedBytes& error) {
    throw BadRequest(fmt::format("the body cannot be read: {}", error.what()));
  } catch (const Json::parse_error& error) {
    throw BadRequest(fmt::format("the body is no JSON: byte {}", error.byte));
  } catch (const Json::out_of_range&) {
    throw BadRequest("the body cannot be read: a number in it is larger than any that can be");
  }
}

ApiResponse unknown_id(const std::string& id) {
  return api_error(404,
                   fmt::format("there is no load test {}: GET /load_tests lists those that are there", id));
}

}  // namespace

ApiResponse api_error(unsigned status, std::string_view what) {
  return json_response(status, {{"error", what}});
}

void take_absolute_form(ApiRequest& request) {
  constexpr std::string_view kScheme = "http://";
  const std::string_view target = request.target;
  if (!http::equal_ignoring_case(target.substr(0, kScheme.size()), kScheme)) return;
  const auto rest = target.substr(kScheme.size());
  const auto host = rest.substr(0, rest.find_first_of("/?"));
  request.host = host;
  const auto path = rest.substr(host.size());
  request.target = path.starts_with('/') ? std::string(path) : fmt::format("/{}", path);
}

ApiRoute route_of(std::string_view target) {
  constexpr std::string_view kRead = "GET, HEAD";
  constexpr std::string_view kReadDelete = "GET, HEAD, DELETE";
  constexpr std::string_view kLoadTests = "/load_tests";
  const auto path = path_of(target);
  if (path == "/version") return {.kind = Kind::version, .allowed = kRead};
  if (path == "/healthcheck") return {.kind = Kind::health, .allowed = kRead};
  if (path == kLoadTests) return {.kind = Kind::load_tests, .allowed = "GET, HEAD, POST, DELETE"};
  if (!path.starts_with(kLoadTests) || path[kLoadTests.size()] != '/') return {};
  const auto rest = path.substr(kLoadTests.size() + 1);
  if (rest == "scheduled") return {.kind = Kind::scheduled, .allowed = kReadDelete};
  const auto slash = rest.find('/');
  const auto id = rest.substr(0, slash);
  if (!is_load_test_id(id)) return {};
  if (slash == std::string_view::npos)
    return {.kind = Kind::load_test, .id = std::string(id), .allowed = kReadDelete};
  const auto what = rest.substr(slash + 1);
  for (const auto kind : kResultKinds) {
    if (what == fmt::format("results.{}", kind) || (what == "results" && kind == "json")) {
      return {
          .kind = Kind::results, .id = std::string(id), .result_kind = std::string(kind), .allowed = kRead};
    }
  }
  return {};
}

ControlApi::ControlApi(ControlAccess access, LoadTestControl& control)
    : access_(std::move(access)), control_(control) {}

std::optional<ApiResponse> ControlApi::refusal(const ApiRequest& head) const {
  if (!access_.accepts_host(head.host, head.local_address)) {
    return api_error(421,
                     "the Host header does not name this server: use the address it listens on, or "
                     "'chaperon master --host NAME' for the name it is known by");
  }
  const auto route = route_of(head.target);
  if (route.kind != Kind::health && !access_.authorizes(head.authorization)) {
    auto response =
        api_error(401, fmt::format("user {} and the token in {} are needed", kApiUser, kTokenVariable));
    response.headers.emplace_back("WWW-Authenticate", R"(Basic realm="chaperon", charset="UTF-8")");
    return response;
  }
  if (route.kind == Kind::unknown) {
    return api_error(404,
                     "there is no such path: there are /load_tests, /load_tests/scheduled, "
                     "/load_tests/ID, /load_tests/ID/results.csv, .json and .txt, /version and "
                     "/healthcheck");
  }
  if (!allows(route.allowed, head.method)) {
    auto response = api_error(405, fmt::format("{} has the methods {}", path_of(head.target), route.allowed));
    response.headers.emplace_back("Allow", route.allowed);
    return response;
  }
  if (!access_.has_token() && !reads_only(head.method)) {
    return api_error(403, fmt::format("this server was started without a token, and only shows: start "
                                      "'chaperon master' with {} set to change something",
                                      kTokenVariable));
  }
  // Other types could come from a form in any web page, with credentials that the browser has remembered; for
  // this one it asks first (OPTIONS), and is refused.
  if (head.method == "POST" && !is_json(head.content_type)) {
    return api_error(415, "the body must be JSON: send the header Content-Type: application/json");
  }
  return std::nullopt;
}

bool ControlApi::is_immediate(const ApiRequest& request) {
  const auto kind = route_of(request.target).kind;
  return kind == Kind::version || kind == Kind::health;
}

bool ControlApi::takes_long(const ApiRequest& request) {
  return request.method == "POST";
}

ApiResponse ControlApi::answer(const ApiRequest& request) {
  try {
    return dispatch(route_of(request.target), request);
  } catch (const NatsError& error) {
    return api_error(503, error.what());
  } catch (const LoadTestRefused& error) {
    Json json{{"error", error.what()}};
    if (!error.compiler_output().empty()) json["compiler_output"] = error.compiler_output();
    return json_response(422, json);
  } catch (const InputError& error) {
    return api_error(422, error.what());
  } catch (const BadRequest& error) {
    return api_error(400, error.what());
  } catch (const std::exception& error) {
    write_log(LogLevel::error, fmt::format("{} {}: {}", request.method, request.target, error.what()));
    return api_error(500, error.what());
  }
}

ApiResponse ControlApi::dispatch(const ApiRoute& route, const ApiRequest& request) {
  const bool reads = reads_only(request.method);
  switch (route.kind) {
    case Kind::version:
      return json_response(200, {{"version", CHAPERON_VERSION}, {"master", control_.status().name}});
    case Kind::health:
      return health();
    case Kind::load_tests:
      if (request.method == "POST") return submit(request);
      return reads ? list(route, request) : cancel_all(false);
    case Kind::scheduled:
      return reads ? list(route, request) : cancel_all(true);
    case Kind::load_test:
      return reads ? show(route.id) : cancel(route.id);
    case Kind::results:
      return results(route);
    case Kind::unknown:
      break;
  }
  return api_error(404, "there is no such path");
}

// Whoever asks needs no token, so it says no more than whether it works.
ApiResponse ControlApi::health() {
  const auto trouble = control_.trouble();
  return trouble.empty() ? json_response(200, {{"status", "ok"}})
                         : json_response(503, {{"status", "unavailable"}, {"error", trouble}});
}

Json ControlApi::shown_now(const LoadTestRecord& record, bool with_options) {
  auto json = shown(record, with_options);
  if (record.state == LoadTestState::running) {
    const auto status = control_.status();
    const bool here = status.running == record.id;
    json["doing"] = here ? Json(status.doing) : Json();
    json["progress"] = here && status.progress ? *status.progress : Json();
  }
  return json;
}

ApiResponse ControlApi::list(const ApiRoute& route, const ApiRequest& request) {
  Json running = Json::array();
  Json scheduled = Json::array();
  Json ended = Json::array();
  const auto most_ended =
      route.kind == Kind::scheduled ? 0 : query_number(request.target, "ended").value_or(0);
  for (const auto& [record, revision] : control_.all()) {
    if (record.state == LoadTestState::running) {
      running.push_back(shown_now(record, false));
    } else if (record.state == LoadTestState::scheduled) {
      scheduled.push_back(shown_now(record, false));
    } else if (ended.size() < most_ended) {
      ended.push_back(shown_now(record, false));
    }
  }
  if (route.kind == Kind::scheduled) return json_response(200, {{"scheduled", scheduled}});
  Json all{{"running", running}, {"scheduled", scheduled}};
  if (most_ended > 0) all["ended"] = ended;
  return json_response(200, all);
}

ApiResponse ControlApi::show(const std::string& id) {
  const auto found = control_.find(id);
  return found ? json_response(200, shown_now(found->record, true)) : unknown_id(id);
}

ApiResponse ControlApi::submit(const ApiRequest& request) {
  const auto records = control_.submit(read_body(request.body));
  Json accepted = Json::array();
  for (const auto& record : records)
    accepted.push_back(shown(record, false));
  auto response = json_response(201, {{"load_tests", accepted}});
  if (records.size() == 1) response.headers.emplace_back("Location", "/load_tests/" + records.front().id);
  return response;
}

ApiResponse ControlApi::cancel_all(bool only_scheduled) {
  Json cancelled = Json::array();
  bool all_done = true;
  // The last first, so that none of them has its turn meanwhile.
  auto queued = control_.all();
  std::ranges::reverse(queued);
  for (const auto& [record, revision] : queued) {
    if (has_ended(record.state) || (only_scheduled && record.state == LoadTestState::running)) continue;
    const auto what = control_.cancel(record.id, only_scheduled);
    if (what == Cancelled::done) cancelled.push_back({{"id", record.id}, {"state", "cancelled"}});
    if (what == Cancelled::wanted) {
      all_done = false;
      cancelled.push_back({{"id", record.id}, {"state", "running"}, {"cancel_requested", true}});
    }
  }
  return json_response(all_done ? 200 : 202, {{"load_tests", cancelled}});
}

ApiResponse ControlApi::cancel(const std::string& id) {
  const auto what = control_.cancel(id, false);
  if (what == Cancelled::unknown) return unknown_id(id);
  const auto found = control_.find(id);
  if (!found) return unknown_id(id);
  if (what == Cancelled::too_late) {
    return api_error(
        409, fmt::format("the load test {} has ended already: it is {}", id, to_string(found->record.state)));
  }
  return json_response(what == Cancelled::done ? 200 : 202, shown_now(found->record, false));
}

ApiResponse ControlApi::results(const ApiRoute& route) {
  const auto found = control_.find(route.id);
  if (!found) return unknown_id(route.id);
  const auto& record = found->record;
  if (!has_ended(record.state)) {
    return api_error(409, fmt::format("the load test {} is {}: results are there once it has ended",
                                      record.id, to_string(record.state)));
  }
  auto content = control_.results(route.id, route.result_kind);
  if (!content) {
    return api_error(404, fmt::format("the load test {} has no results as {}: it is {}", record.id,
                                      route.result_kind, fate_text(record.state, record.message)));
  }
  return {
      .status = 200, .content_type = std::string(media_type(route.result_kind)), .body = std::move(*content)};
}

}  // namespace chaperon::cluster
