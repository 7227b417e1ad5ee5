#include "cli/summary.hpp"

#include <algorithm>
#include <string_view>

#include <fmt/format.h>

#include "base/duration_text.hpp"
#include "cli/number_text.hpp"
#include "cli/rows.hpp"
#include "cli/table.hpp"

namespace chaperon::cli {
namespace {

constexpr std::size_t kMostGroups = 10;  // of errors, and of endings
constexpr std::size_t kShownId = 4;      // characters of a session's id: enough to find it in a log

std::string total_sessions(const SessionCounts& sessions) {
  std::vector<std::string> parts;
  const auto add = [&](std::uint64_t count, std::string_view how) {
    if (count > 0) parts.push_back(fmt::format("{} {}", count_text(count), how));
  };
  add(sessions.ok, "ok");
  add(sessions.failed, "failed");
  add(sessions.cancelled, "cancelled");
  add(sessions.timed_out, "timed out");
  if (parts.empty()) return "0";
  return fmt::format("{}: {}", count_text(sessions.total()), fmt::join(parts, ", "));
}

std::string total_requests(const Results& results) {
  const auto& traffic = results.traffic;
  const double seconds = std::chrono::duration<double>(results.duration).count();
  std::string text = count_text(traffic.requests);
  if (seconds > 0) text += fmt::format(" ({}/s)", rate_text(static_cast<double>(traffic.requests) / seconds));
  const auto cut_off = std::min(requests_cut_off(results), traffic.errors);
  const auto errors = traffic.errors - cut_off;
  text += fmt::format(", {}", count_text(errors, "error", "errors"));
  if (errors > 0 && traffic.requests > 0) {
    const auto share = static_cast<double>(errors) / static_cast<double>(traffic.requests);
    text += fmt::format(" ({})", percent_text(std::min(share, 1.0)));
  }
  if (cut_off > 0) text += fmt::format(", {} cut off", count_text(cut_off));
  if (traffic.retried > 0) text += fmt::format(", {} retried", count_text(traffic.retried));
  return text + fmt::format(", {} sent, {} received", bytes_text(traffic.bytes_sent),
                            bytes_text(traffic.bytes_received));
}

void append_wrapped(std::string& text, std::string_view first, std::string_view indent, std::string_view body,
                    std::size_t width) {
  const auto room = width - std::min(width - 1, display_width(first));
  const auto lines = wrapped(body, room);
  for (std::size_t at = 0; at < lines.size(); ++at)
    text += fmt::format("{}{}\n", at == 0 ? first : indent, lines[at]);
}

bool was_overloaded(const Results& results) {
  const bool long_enough = results.duration >= kTellingRun;
  const bool much_enough = long_enough || results.traffic.requests >= kTellingRequests;
  return (long_enough && results.generator.busiest_loop > kBusyLoop) ||
         (much_enough && results.generator.lateness_p99 > kLateLoop);
}

void append_health(std::string& text, const Results& results, const SummaryStyle& style) {
  const auto& health = results.generator;
  const auto load = fmt::format("busiest loop {}, lateness p99 {}", percent_text(health.busiest_loop),
                                latency_text(health.lateness_p99));
  std::string extra;
  if (health.queued_p99 > kLongQueue) {
    extra += fmt::format(", requests queued p99 {}", latency_text(health.queued_p99));
  }
  if (health.log_lines_dropped > 0)
    extra += fmt::format(", {} log lines dropped", count_text(health.log_lines_dropped));
  const bool overloaded = was_overloaded(results);
  text += fmt::format("  generator  {}{}{}\n", overloaded ? "" : "healthy: ", load, extra);
  if (overloaded) {
    text += "  " +
            coloured("! the generator was the bottleneck; these latencies are partly its own", Colour::yellow,
                     style.colours) +
            "\n";
  }
}

std::string short_id(std::string_view id) {
  return std::string(id.substr(0, kShownId));
}

// The example of an answer is the beginning of its body: its status stands before it already.
std::string example_text(const ErrorGroup& error) {
  constexpr std::string_view kHttp = "HTTP ";
  std::string_view text = error.example;
  if (!error.reason.starts_with(kHttp)) return printable(text);
  const auto status = fmt::format("answered {}", error.reason.substr(kHttp.size()));
  if (!text.starts_with(status)) return printable(text);
  text.remove_prefix(status.size());
  // Of a WebSocket handshake there is more to say.
  if (!text.empty() && text.front() != ':') return printable(error.example);
  while (text.starts_with(':') || text.starts_with(' '))
    text.remove_prefix(1);
  while (text.ends_with(' '))
    text.remove_suffix(1);
  return text.empty() ? std::string() : fmt::format("\"{}\"", printable(text));
}

// What there is to say about a kind of error: an example, how long answers of that kind took, where it began.
std::string error_detail(const Results& results, const ErrorGroup& error) {
  std::vector<std::string> parts;
  for (const auto& metric : results.metrics) {
    if (metric.session() == error.session && metric.action() == error.action &&
        metric.target() == error.target && metric.error() == error.reason &&
        error.reason.starts_with("HTTP ") && metric.count() >= 2) {
      parts.push_back(fmt::format("p50 {}", latency_text(metric.percentile(50))));
    }
  }
  if (auto example = example_text(error); !example.empty()) parts.push_back(std::move(example));
  auto where = fmt::format("first at {}", clock_text(error.first_at));
  if (!error.session_id.empty()) {
    where += fmt::format(", session {} ({})", short_id(error.session_id), printable(error.session));
  }
  parts.push_back(std::move(where));
  return fmt::format("{}", fmt::join(parts, "; "));
}

void append_more(std::string& text, std::size_t groups) {
  if (groups > kMostGroups)
    text += fmt::format("         and {} kinds more; --format json writes all\n", groups - kMostGroups);
}

void append_errors(std::string& text, const Results& results, const SummaryStyle& style) {
  if (results.errors.empty()) return;
  constexpr std::size_t kWidestLabel = 30;
  const auto base_url = common_base_url(results);
  const auto shown = std::min(results.errors.size(), kMostGroups);
  std::size_t label_width = 0;
  std::size_t reason_width = 0;
  std::vector<std::string> labels;
  for (std::size_t at = 0; at < shown; ++at) {
    const auto& error = results.errors[at];
    labels.push_back(shortened(printable(action_label(error.action, error.target, base_url)), kWidestLabel));
    label_width = std::max(label_width, display_width(labels.back()));
    reason_width = std::max(reason_width, display_width(error.reason));
  }
  text += "\nerrors\n";
  for (std::size_t at = 0; at < shown; ++at) {
    const auto& error = results.errors[at];
    const auto first = fmt::format("{}  {}  {}  ", right_aligned(count_text(error.count), 7),
                                   left_aligned(labels[at], label_width),
                                   left_aligned(printable(error.reason), reason_width));
    append_wrapped(text, first, std::string(display_width(first), ' '), error_detail(results, error),
                   style.width);
  }
  append_more(text, results.errors.size());
}

void append_endings(std::string& text, const Results& results, const SummaryStyle& style) {
  if (results.endings.empty()) return;
  const auto shown = std::min(results.endings.size(), kMostGroups);
  std::size_t reason_width = 0;
  std::size_t name_width = 0;
  for (std::size_t at = 0; at < shown; ++at) {
    reason_width = std::max(reason_width, display_width(results.endings[at].reason));
    name_width = std::max(name_width, display_width(results.endings[at].session));
  }
  name_width = std::min<std::size_t>(name_width, 24);
  text += "\nsessions\n";
  for (std::size_t at = 0; at < shown; ++at) {
    const auto& ending = results.endings[at];
    const auto first = fmt::format(
        "{}  {}  {}  ", right_aligned(count_text(ending.count), 7), left_aligned(ending.reason, reason_width),
        left_aligned(shortened(printable(ending.session), name_width), name_width));
    auto detail = printable(ending.example);
    if (!ending.session_id.empty()) {
      detail += fmt::format("{}({})", detail.empty() ? "" : "   ", short_id(ending.session_id));
    }
    append_wrapped(text, first, std::string(display_width(first), ' '), detail, style.width);
  }
  append_more(text, results.endings.size());
}

// How far a worker's clock was from this machine's, and by how much that may be wrong.
std::string clock_difference_text(const WorkerResults& worker) {
  const auto offset = worker.clock_offset;
  return fmt::format("{}{} ± {}", offset < Duration::zero() ? "-" : "+",
                     latency_text(offset < Duration::zero() ? -offset : offset),
                     latency_text(worker.round_trip / 2));
}

void append_workers(std::string& text, const Results& results) {
  if (results.workers.empty()) return;
  std::size_t name_width = 12;
  for (const auto& worker : results.workers)
    name_width = std::max(name_width, worker.name.size());
  text += fmt::format("\n{}  loops  sessions      requests      rate  busiest  clock\n",
                      left_aligned("workers", name_width + 2));
  const double seconds = std::chrono::duration<double>(results.duration).count();
  for (const auto& worker : results.workers) {
    const auto rate =
        seconds > 0 ? rate_text(static_cast<double>(worker.traffic.requests) / seconds) + "/s" : "-";
    text += fmt::format(
        "  {}  {:>5}  {:>8}  {:>12}  {:>8}  {:>7}  {}{}\n", left_aligned(worker.name, name_width),
        worker.loops, count_text(worker.sessions.total()), count_text(worker.traffic.requests), rate,
        worker.loss.empty() ? percent_text(worker.busiest_loop) : "-", clock_difference_text(worker),
        worker.loss.empty()
            ? ""
            : fmt::format("  lost: {} unfinished", count_text(worker.unfinished.size(), "user", "users")));
  }
}

}  // namespace

std::string render_summary(const Results& results, const std::string& title, const Verdict& verdict,
                           const std::vector<std::string>& files, const SummaryStyle& asked) {
  auto style = asked;
  style.width = std::clamp<std::size_t>(style.width == 0 ? kColumns : style.width, 60, kColumns);

  auto colour = Colour::green;
  if (verdict.code == ExitCode::failed || verdict.code == ExitCode::internal) colour = Colour::red;
  if (verdict.code == ExitCode::interrupted || !results.incomplete.empty()) colour = Colour::yellow;
  const auto judged = verdict_text(verdict);
  // Only the word is coloured, so that the rest of a long reason stays readable.
  auto text = fmt::format("{}: {}{}\n\n", printable(title), coloured(verdict.word, colour, style.colours),
                          judged.substr(verdict.word.size()));
  // Nothing is a table of zeros.
  if (verdict.code == ExitCode::interrupted && results.sessions.total() == 0 && results.metrics.empty() &&
      results.incomplete.empty()) {
    text.insert(text.size() - 2, " before it began");
    if (!files.empty()) text += fmt::format("{}\n", listed(files, style.width));
    return text;
  }
  text += fmt::format("  duration   {}\n", latency_text(results.duration));
  text += fmt::format("  sessions   {}\n", total_sessions(results.sessions));
  text += fmt::format("  requests   {}\n", total_requests(results));
  if (const auto& traffic = results.traffic; traffic.messages_sent + traffic.messages_received > 0) {
    text += fmt::format("  messages   {} sent, {} received\n", count_text(traffic.messages_sent),
                        count_text(traffic.messages_received));
  }
  append_health(text, results, style);
  for (const auto& missing : results.incomplete)
    append_wrapped(text, "  ! ", "    ", printable(missing), style.width);
  for (const auto& warning : results.warnings)
    append_wrapped(text, "  ! ", "    ", printable(warning), style.width);

  if (const auto table = render_table(results, style.width); !table.empty()) text += "\n" + table;
  append_errors(text, results, style);
  append_endings(text, results, style);
  append_workers(text, results);
  // Where the table is longer than a screen, the verdict at its top is out of sight.
  constexpr std::ptrdiff_t kScreen = 50;
  if (std::count(text.begin(), text.end(), '\n') > kScreen)
    text += fmt::format("\n{}", text.substr(0, text.find('\n') + 1));
  if (!files.empty()) text += fmt::format("\n{}\n", listed(files, style.width));
  return text;
}

}  // namespace chaperon::cli
