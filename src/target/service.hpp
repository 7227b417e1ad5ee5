// What all connections of a target server share.
#pragma once

#include <atomic>
#include <cstdint>

#include "target/publications.hpp"
#include "target/request_counts.hpp"
#include "target/target.hpp"

namespace chaperon::target {

/// Lives as long as the server; every member may be used from any of its threads.
struct Service {
  Options options{};
  RequestCounts counts{};
  Publications publications{};
  std::atomic<std::uint64_t> logins{0};  ///< tokens handed out so far
};

}  // namespace chaperon::target
