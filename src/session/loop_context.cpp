#include "session/loop_context.hpp"

#include <utility>

namespace chaperon::session {

LoopContext::LoopContext(runtime::EventLoop& event_loop, std::shared_ptr<net::DnsCache> dns,
                         http::ClientOptions client_options, metrics::RecorderOptions recorder_options,
                         runtime::BlockingPool& blocking_pool, Instant start, std::uint64_t seed)
    : loop(event_loop),
      client(event_loop, std::move(dns), std::move(client_options)),
      websocket(event_loop, seed),
      recorder(std::move(recorder_options)),
      blocking(blocking_pool),
      run_start(start) {}

}  // namespace chaperon::session
