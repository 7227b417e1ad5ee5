// The rows of the summary's table: metrics grouped by session name, errors beside what they are errors of.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <chaperon/results.hpp>

namespace chaperon::cli {

/// One action of one session name. Points into the Results it was made from.
struct Row {
  std::string label;  ///< `get /items`, `call(Shopper.checkout)`
  MetricKind kind = MetricKind::duration;
  std::uint64_t count = 0;                  ///< answered
  std::uint64_t errors = 0;                 ///< unanswered, and status 400 and up; not what was cut off
  const Metric* answered = nullptr;         ///< nullptr: nothing was answered
  std::vector<const Metric*> unanswered{};  ///< the rows `Error REASON …` of all reasons but `HTTP nnn`
};

/// All rows of one session name.
struct RowGroup {
  std::string session;
  std::uint64_t sessions = 0;  ///< 0: unknown
  std::vector<Row> rows{};     ///< connections, HTTP, WebSocket, calls, metrics of one's own; numbers last
};

/// The URL that most targets begin with: the config's base_url if any does, else the commonest origin; empty
/// if no target is a URL. Without a slash at its end, and without user and password.
std::string common_base_url(const Results& results);

/// How many requests were cut off, by Ctrl-C or an end of time: neither answered nor failed.
std::uint64_t requests_cut_off(const Results& results);

/// `get /items` for action `get` and target `http://h:80/items` with base URL `http://h:80`.
std::string action_label(std::string_view action, std::string_view target, std::string_view base_url);

/// The rows, in groups as the load test's table orders them.
std::vector<RowGroup> group_rows(const Results& results, std::string_view base_url);

}  // namespace chaperon::cli
