// The control API without its sockets: requests in, answers out.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <chaperon/json.hpp>

#include "cluster/control_access.hpp"
#include "cluster/load_test_control.hpp"

namespace chaperon::cluster {

/// The largest body of a request in bytes.
inline constexpr std::size_t kLargestApiBody = std::size_t{4} << 20;

/// A request, or its head.
struct ApiRequest {
  std::string method{};
  std::string target{};         ///< path and query
  std::string host{};           ///< the Host header
  std::string authorization{};  ///< the Authorization header
  std::string content_type{};   ///< the Content-Type header
  std::string body{};
  std::string local_address{};  ///< the numeric address that was connected to
};

/// Where the target has scheme and host with it (`http://127.0.0.1:8710/version`): the host takes the place
/// of the Host header (RFC 9112, section 3.2.2), path and query that of the target.
void take_absolute_form(ApiRequest& request);

/// An answer. All answers also say that they must neither be stored nor taken for another type.
struct ApiResponse {
  unsigned status = 200;
  std::string content_type = "application/json";
  std::string body{};
  std::vector<std::pair<std::string, std::string>> headers{};  ///< further ones
};

/// An error as the API tells it: `{"error": "..."}`.
ApiResponse api_error(unsigned status, std::string_view what);

/// What a path and a method mean.
struct ApiRoute {
  enum class Kind { unknown, version, health, load_tests, scheduled, load_test, results };
  Kind kind = Kind::unknown;
  std::string id{};            ///< of a load test
  std::string result_kind{};   ///< `csv`, `json` or `txt`
  std::string_view allowed{};  ///< its methods, as the Allow header lists them
};

/// The route of a request's target.
ApiRoute route_of(std::string_view target);

/// Answers requests. Thread-safe.
class ControlApi {
 public:
  /// `control` outlives it.
  ControlApi(ControlAccess access, LoadTestControl& control);

  /// Why a request is refused, judged by its head; nothing if it is not. No body has to be read before.
  [[nodiscard]] std::optional<ApiResponse> refusal(const ApiRequest& head) const;
  /// Whether answer() does not block for this one.
  [[nodiscard]] static bool is_immediate(const ApiRequest& request);
  /// Whether the answer may take minutes, since something has to be compiled.
  [[nodiscard]] static bool takes_long(const ApiRequest& request);
  /// Answers a request that is not refused. Blocks unless is_immediate(). Throws nothing but std::bad_alloc.
  [[nodiscard]] ApiResponse answer(const ApiRequest& request);

 private:
  ApiResponse dispatch(const ApiRoute& route, const ApiRequest& request);
  ApiResponse health();
  ApiResponse list(const ApiRoute& route, const ApiRequest& request);
  ApiResponse show(const std::string& id);
  ApiResponse submit(const ApiRequest& request);
  ApiResponse cancel_all(bool only_scheduled);
  ApiResponse cancel(const std::string& id);
  ApiResponse results(const ApiRoute& route);
  Json shown_now(const LoadTestRecord& record, bool with_options);

  const ControlAccess access_;
  LoadTestControl& control_;
};

}  // namespace chaperon::cluster
