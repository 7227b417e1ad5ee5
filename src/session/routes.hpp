// Requests that are made again and again, worked out once.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

#include "http/client.hpp"
#include "http/request_head.hpp"
#include "http/response_head.hpp"
#include "http/url.hpp"
#include "metrics/recorder.hpp"

namespace chaperon::session {

/// A request as far as it does not change: where it goes, how its head begins, what its metric is.
struct Route {
  http::Url url;
  http::Origin* origin = nullptr;
  std::string head;    ///< request line and Host header
  std::string action;  ///< `get`
  std::string target;  ///< of the metric: URL or name
  std::string label;   ///< `get(http://localhost:5000/items)`
  metrics::MetricId metric = metrics::kIgnored;
  bool is_foreign = false;             ///< the base URL's user and password must not go there
  mutable http::HeadMemo head_memo{};  ///< of the last answer
};

/// The routes of one loop. A look-up of one that is known allocates nothing.
class Routes {
 public:
  static constexpr std::size_t kMost = 4096;

  struct Key {
    std::uint32_t profile = 0;  ///< whose config and session name
    http::Method method = http::Method::get;
    std::string_view method_name{};  ///< for Method::other
    std::string_view path{};
    std::string_view name{};
  };
  /// The route of a key; nullptr if it is not known.
  [[nodiscard]] const Route* find(const Key& key);
  /// Keeps a route, unless there are kMost already; returns it, or nullptr if it was not kept (then it is
  /// unchanged).
  const Route* keep(const Key& key, Route& route);

 private:
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const noexcept {
      return std::hash<std::string_view>()(text);
    }
  };
  std::string_view write_key(const Key& key);

  std::string scratch_;
  std::string last_key_;  // of the last route found: most requests ask for the same one
  const Route* last_ = nullptr;
  std::unordered_map<std::string, std::unique_ptr<Route>, Hash, std::equal_to<>> routes_;
};

}  // namespace chaperon::session
