#include "cli/rows.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "cli/url_text.hpp"
#include "http/url.hpp"

namespace chaperon::cli {
namespace {

constexpr std::array<std::string_view, 7> kHttpActions{"get",   "head", "post",   "put",
                                                       "patch", "del",  "options"};

constexpr std::string_view kCutOff = "cancelled";

// The order of rows within a group.
int rank_of(const Row& row, std::string_view action) {
  if (row.kind == MetricKind::number) return 5;
  if (action == "connect") return 0;
  if (action == "queued") return 1;
  if (std::find(kHttpActions.begin(), kHttpActions.end(), action) != kHttpActions.end()) return 2;
  if (action.starts_with("ws_")) return 3;
  return 4;
}

// What stands behind `base` in a URL, if it begins with it.
std::optional<std::string_view> behind_base(std::string_view url, std::string_view base) {
  if (base.empty() || !url.starts_with(base)) return std::nullopt;
  const auto rest = url.substr(base.size());
  if (!rest.empty() && rest.front() != '/' && rest.front() != '?') return std::nullopt;
  return rest;
}

std::string config_base_url(const Results& results) {
  if (!results.config.is_object()) return {};
  const auto found = results.config.find("base_url");
  if (found == results.config.end() || !found->is_string()) return {};
  auto url = comparable_url(http::with_scheme(found->get_ref<const std::string&>()));
  while (url.ends_with('/'))
    url.pop_back();
  return url;
}

// The rows of one session name, by action and target.
using Rows = std::map<std::pair<std::string, std::string>, Row>;

}  // namespace

std::string common_base_url(const Results& results) {
  auto configured = config_base_url(results);
  std::map<std::string, std::uint64_t> origins;
  for (const auto& metric : results.metrics) {
    if (metric.target().find("://") == std::string::npos) continue;
    const auto url = comparable_url(metric.target());
    if (behind_base(url, configured)) return configured;
    origins[origin_of(url)] += metric.count();
  }
  const auto commonest = std::max_element(origins.begin(), origins.end(),
                                          [](const auto& a, const auto& b) { return a.second < b.second; });
  return commonest == origins.end() ? std::string() : commonest->first;
}

std::uint64_t requests_cut_off(const Results& results) {
  std::uint64_t count = 0;
  for (const auto& metric : results.metrics) {
    const bool is_request =
        metric.target().find("://") != std::string::npos ||
        std::find(kHttpActions.begin(), kHttpActions.end(), metric.action()) != kHttpActions.end();
    if (metric.error() == kCutOff && is_request) count += metric.count();
  }
  return count;
}

std::string action_label(std::string_view action, std::string_view target, std::string_view base_url) {
  if (target.empty()) return std::string(action);
  if (target.find("://") != std::string_view::npos) {
    const auto url = comparable_url(target);
    if (const auto rest = behind_base(url, base_url)) {
      if (action == "connect" || action == "queued") return std::string(action);
      return fmt::format("{} {}", action, rest->empty() ? "/" : *rest);
    }
    return fmt::format("{} {}", action, target);
  }
  const bool on_the_wire = action.starts_with("ws_") ||
                           std::find(kHttpActions.begin(), kHttpActions.end(), action) != kHttpActions.end();
  return on_the_wire ? fmt::format("{} {}", action, target) : fmt::format("{}({})", action, target);
}

std::vector<RowGroup> group_rows(const Results& results, std::string_view base_url) {
  std::vector<RowGroup> groups;
  for (const auto& named : results.sessions_by_name) {
    groups.push_back({.session = named.name, .sessions = named.counts.total()});
  }
  std::vector<Rows> rows(groups.size());
  const auto rows_of = [&](const std::string& session) -> Rows& {
    const auto found =
        std::find_if(groups.begin(), groups.end(), [&](const auto& g) { return g.session == session; });
    if (found != groups.end()) return rows[static_cast<std::size_t>(found - groups.begin())];
    groups.push_back({.session = session});
    return rows.emplace_back();
  };
  for (const auto& metric : results.metrics) {
    auto& row = rows_of(metric.session())[{metric.action(), metric.target()}];
    row.label = action_label(metric.action(), metric.target(), base_url);
    row.kind = metric.kind();
    if (metric.error().empty()) {
      row.count = metric.count();
      row.answered = &metric;
    } else {
      if (metric.error() != kCutOff) row.errors += metric.count();
      if (!metric.error().starts_with("HTTP ")) row.unanswered.push_back(&metric);
    }
  }
  for (std::size_t at = 0; at < groups.size(); ++at) {
    std::vector<std::pair<int, Row>> ranked;
    for (auto& [name, row] : rows[at]) {
      const int rank = rank_of(row, name.first);
      ranked.emplace_back(rank, std::move(row));
    }
    // The map is sorted by action and target; a stable sort keeps that within a rank.
    std::stable_sort(ranked.begin(), ranked.end(),
                     [](const auto& a, const auto& b) { return a.first < b.first; });
    for (auto& [rank, row] : ranked)
      groups[at].rows.push_back(std::move(row));
  }
  std::erase_if(groups, [](const RowGroup& group) { return group.rows.empty(); });
  return groups;
}

}  // namespace chaperon::cli
