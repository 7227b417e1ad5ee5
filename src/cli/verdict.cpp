#include "cli/verdict.hpp"

#include <algorithm>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "cli/number_text.hpp"
#include "cli/rows.hpp"
#include "cli/text_layout.hpp"

namespace chaperon::cli {
namespace {

bool is_local(std::string_view message) {
  return message.find("127.0.0.1") != std::string_view::npos ||
         message.find("localhost") != std::string_view::npos ||
         message.find("[::1]") != std::string_view::npos;
}

std::string why_unanswered(const Results& results) {
  const auto group = std::find_if(results.errors.begin(), results.errors.end(), [](const ErrorGroup& error) {
    return error.reason != "cancelled" && error.reason != "exception" && !error.reason.starts_with("HTTP ");
  });
  if (group == results.errors.end()) {
    return requests_cut_off(results) > 0 ? "no request was answered before it was cut off"
                                         : "no request was answered";
  }
  const auto& why = group->example.empty() ? group->reason : group->example;
  auto text = fmt::format("no request was answered: {}", printable(why));
  if (group->reason == "refused") {
    text += ". Is the server running?";
    if (is_local(why)) text += " 'chaperon target' starts one.";
  }
  return text;
}

// `1 session failed, 1 timed out`.
std::string count_endings(const SessionCounts& sessions) {
  std::vector<std::string> parts;
  const auto add = [&](std::uint64_t count, std::string_view how) {
    if (count == 0) return;
    parts.push_back(parts.empty() ? fmt::format("{} {}", count_text(count, "session", "sessions"), how)
                                  : fmt::format("{} {}", count_text(count), how));
  };
  add(sessions.failed, "failed");
  add(sessions.timed_out, "timed out");
  return fmt::format("{}", fmt::join(parts, ", "));
}

// `worker w2 lost at 0:41 (1 session failed)`: the rest of the sentences stands below.
std::string what_is_missing(const Results& results) {
  const auto& first = results.incomplete.front();
  auto text = printable(first.substr(0, first.find(": ")));
  if (const auto others = results.incomplete.size() - 1; others > 0)
    text += fmt::format(", and {} more", others);
  if (const auto endings = count_endings(results.sessions); !endings.empty())
    text += fmt::format(" ({})", endings);
  return text;
}

}  // namespace

Verdict judge(const Results& results, Strictness strictness) {
  const auto& sessions = results.sessions;
  const bool unanswered = results.traffic.requests > 0 && results.traffic.responses == 0;
  const auto bad = sessions.failed + sessions.timed_out;
  if (!results.internal_error.empty()) {
    return {
        .code = ExitCode::internal, .word = "FAILED", .reason = results.internal_error, .explained = true};
  }
  if (results.interrupted) {
    return {.code = ExitCode::interrupted, .word = "INTERRUPTED", .reason = count_endings(sessions)};
  }
  if (unanswered) {
    return {.code = ExitCode::failed, .word = "FAILED", .reason = why_unanswered(results), .explained = true};
  }
  if (!results.incomplete.empty()) {
    return {.code = ExitCode::failed,
            .word = "INCOMPLETE",
            .reason = what_is_missing(results),
            .explained = true};
  }
  const bool failed = strictness == Strictness::any_failure ? bad > 0 || !results.passed()
                                                            : bad > 0 && bad == sessions.total();
  return {.code = failed ? ExitCode::failed : ExitCode::passed,
          .word = failed ? "FAILED" : "PASSED",
          .reason = count_endings(sessions)};
}

std::string verdict_text(const Verdict& verdict) {
  if (verdict.reason.empty()) return verdict.word;
  return verdict.explained ? fmt::format("{}: {}", verdict.word, verdict.reason)
                           : fmt::format("{} ({})", verdict.word, verdict.reason);
}

}  // namespace chaperon::cli
