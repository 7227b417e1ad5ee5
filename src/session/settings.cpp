#include "session/settings.hpp"

#include <string_view>

#include <fmt/format.h>

#include <chaperon/detail/convert.hpp>
#include <chaperon/version.hpp>

#include "base/json.hpp"
#include "http/content_coding.hpp"
#include "http/encode.hpp"
#include "http/request_head.hpp"

namespace chaperon::session {
namespace {

template <class T>
void read(const Json& config, std::string_view key, T& into) {
  const Json* value = find_path(config, key);
  if (value == nullptr || value->is_null()) return;
  try {
    into = detail::from_json<T>(*value);
  } catch (const std::exception& e) {
    throw ConfigTypeError(fmt::format("config key \"{}\" cannot be used: {}", key, e.what()));
  }
}

void read_headers(const Json& config, Headers& headers) {
  const Json* value = find_path(config, "http.headers");
  if (value == nullptr || value->is_null()) return;
  if (!value->is_object()) {
    throw ConfigTypeError(
        fmt::format("config key \"http.headers\" cannot be used: it is {}, not an object of names and values",
                    describe(*value)));
  }
  for (const auto& [name, content] : value->items()) {
    http::set_header(headers, name, content.is_string() ? content.get<std::string>() : dump(content));
  }
}

// "user:password", ["user", "password"], or {"user": …, "password": …}.
std::optional<BasicAuth> read_basic_auth(const Json& config) {
  const Json* value = find_path(config, "basic_auth");
  if (value == nullptr || value->is_null()) return std::nullopt;
  try {
    if (value->is_string()) {
      const auto& text = value->get_ref<const std::string&>();
      const auto colon = text.find(':');
      if (colon != std::string::npos) return BasicAuth{text.substr(0, colon), text.substr(colon + 1)};
    } else if (value->is_array() && value->size() == 2) {
      return BasicAuth{value->at(0).get<std::string>(), value->at(1).get<std::string>()};
    } else if (value->is_object()) {
      return BasicAuth{value->at("user").get<std::string>(), value->at("password").get<std::string>()};
    }
  } catch (const Json::exception&) {  // falls through to the one error below
  }
  throw ConfigTypeError(
      R"(config key "basic_auth" cannot be used: write it as "user:password" or {"user": …, "password": …})");
}

// No path can be joined with either; parsing has dropped a fragment already.
void refuse_query(const std::string& text, const http::Url& base_url) {
  const auto end = text.find_first_of("?#");
  if (end == std::string::npos) return;
  throw http::UrlError(
      fmt::format("base URL \"{}\" cannot have a {}: leave it out, and give a query to each request, as in "
                  ".params = {{{{\"key\", \"value\"}}}}",
                  base_url.text(false), text[end] == '?' ? "query" : "fragment"));
}

}  // namespace

Settings Settings::from_config(const Json& config) {
  Settings settings;
  read(config, "timeout", settings.timeout);
  read(config, "http.connect_timeout", settings.connect_timeout);
  read(config, "http.max_response_size", settings.max_response_size);
  read(config, "http.decompress", settings.decompress);
  read(config, "http.share_connections", settings.share_connections);
  read(config, "skip_query_params_in_metrics", settings.skip_query_params_in_metrics);
  read(config, "store_results", settings.store_results);

  auto auth = read_basic_auth(config);
  std::string base_url;
  read(config, "base_url", base_url);
  if (!base_url.empty()) {
    try {
      settings.base_url = http::parse_url(base_url, "base URL");
      http::require_supported(*settings.base_url);
      refuse_query(base_url, *settings.base_url);
      settings.authorized_by_base_url = !auth && settings.base_url->basic_auth;
      if (!auth) auth = settings.base_url->basic_auth;
    } catch (const http::UrlError& e) {
      settings.base_url.reset();
      settings.base_url_error = e.what();
    }
  }

  settings.headers.push_back({.name = "User-Agent", .value = "chaperon/" CHAPERON_VERSION});
  if (settings.decompress)
    settings.headers.push_back({.name = "Accept-Encoding", .value = std::string(http::kAcceptedCodings)});
  read_headers(config, settings.headers);
  if (auth) settings.authorization = http::basic_authorization(*auth);

  settings.has_content_type = http::find_header({settings.headers}, "Content-Type") != nullptr;
  http::append_headers(settings.header_block, {settings.headers});
  settings.has_host = http::find_header({settings.headers}, "Host") != nullptr;
  if (!settings.authorization.empty() && http::find_header({settings.headers}, "Authorization") == nullptr)
    http::append_header(settings.header_block, "Authorization", settings.authorization);
  return settings;
}

}  // namespace chaperon::session
