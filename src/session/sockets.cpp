#include "session/sockets.hpp"

#include <fmt/format.h>

namespace chaperon::session {

std::string_view to_string(SocketAction action) noexcept {
  switch (action) {
    case SocketAction::send:
      return "ws_send";
    case SocketAction::recv:
      return "ws_recv";
    case SocketAction::await_recv:
      return "ws_await_recv";
    case SocketAction::ping:
      return "ws_ping";
    case SocketAction::close:
      return "ws_close";
    case SocketAction::skipped:
      return "ws_skipped";
  }
  return "";
}

std::shared_ptr<const SocketRoute> SocketRoutes::find(metrics::Recorder& recorder, std::uint32_t profile,
                                                      std::string_view session_name, std::string_view url) {
  auto key = fmt::format("{} {}", profile, url);
  if (const auto known = routes_.find(key); known != routes_.end()) return known->second;
  auto route = std::make_shared<SocketRoute>();
  route->url = url;
  for (std::size_t i = 0; i < kSocketActions; ++i) {
    const auto action = to_string(static_cast<SocketAction>(i));
    route->labels[i] = fmt::format("{}({})", action, url);
    route->metrics[i] = recorder.intern({.session = session_name, .action = action, .target = url});
  }
  if (routes_.size() < kMost) routes_.emplace(std::move(key), route);
  return route;
}

}  // namespace chaperon::session
