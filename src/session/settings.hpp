// What the engine itself reads from a session's config, read once.
#pragma once

#include <cstddef>
#include <optional>
#include <string>

#include <chaperon/http.hpp>

#include "http/url.hpp"

namespace chaperon::session {

/// The config keys that HTTP and the waiting actions go by.
struct Settings {
  std::optional<http::Url> base_url{};                    ///< base_url
  std::string base_url_error{};                           ///< why base_url cannot be used
  Duration timeout = 10s;                                 ///< timeout
  Duration connect_timeout = 5s;                          ///< http.connect_timeout
  std::size_t max_response_size = std::size_t{16} << 20;  ///< http.max_response_size, bytes
  bool decompress = false;                                ///< http.decompress
  bool share_connections = false;                         ///< http.share_connections
  bool skip_query_params_in_metrics = false;
  bool store_results = false;
  Headers headers{};                    ///< User-Agent and others of our own, then http.headers
  std::string authorization{};          ///< from basic_auth or the base URL's user info; may be empty
  std::string header_block{};           ///< both as they go over the wire
  bool has_content_type = false;        ///< http.headers has a Content-Type
  bool has_host = false;                ///< http.headers has a Host
  bool authorized_by_base_url = false;  ///< `authorization` is the base URL's user info

  /// Throws ConfigTypeError, which names the key, for a value of the wrong type or range.
  static Settings from_config(const Json& config);
};

}  // namespace chaperon::session
