#include "cli/live_line.hpp"

#include <algorithm>
#include <cmath>
#include <ostream>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "base/clock.hpp"
#include "base/duration_text.hpp"
#include "base/log.hpp"
#include "cli/number_text.hpp"

namespace chaperon::cli {

namespace {

constexpr std::size_t kBriefName = 12;

// ` | 2 of 3 workers`
std::string workers_count_text(const std::vector<WorkerProgress>& workers) {
  if (workers.empty()) return {};
  const auto lost = std::ranges::count_if(workers, &WorkerProgress::lost);
  const auto all = count_text(workers.size(), "worker", "workers");
  if (lost == 0) return fmt::format(" | {}", all);
  return fmt::format(" | {} of {}", workers.size() - static_cast<std::size_t>(lost), all);
}

// `w1 301 live 6.2k/s p99 31 ms 46%`; in brief, `w1 6.2k/s 46%`.
std::string worker_text(const WorkerProgress& worker, bool brief) {
  const auto name = brief ? shortened(worker.name, kBriefName) : worker.name;
  if (worker.lost) return name + " lost";
  if (worker.silent > Duration::zero())
    return fmt::format("{} silent {:.0f} s", name, std::floor(in_seconds(worker.silent)));
  auto text = name;
  if (!brief) text += fmt::format(" {} live", count_text(worker.live));
  text += fmt::format(" {}/s", rate_text(worker.requests_per_second));
  if (!brief && worker.p99) text += fmt::format(" p99 {}", latency_text(*worker.p99));
  return text + fmt::format(" {}", percent_text(worker.busiest_loop));
}

// As many workers as have room: `: w1 6.2k/s 46%, w2 lost, +3 more`. Empty if not one has.
std::string workers_text(const std::vector<WorkerProgress>& workers, std::string_view before,
                         std::size_t room, bool brief) {
  std::string text;
  std::string fitting;
  for (std::size_t i = 0; i < workers.size(); ++i) {
    text += fmt::format("{}{}", i == 0 ? before : ", ", worker_text(workers[i], brief));
    const auto rest = workers.size() - i - 1;
    auto with_rest = rest == 0 ? text : fmt::format("{}, +{} more", text, rest);
    if (display_width(with_rest) > room) break;
    fitting = std::move(with_rest);
    // In full there are all or none.
    if (!brief && rest > 0) fitting.clear();
  }
  return fitting;
}

std::string workers_text(const std::vector<WorkerProgress>& workers, std::string_view before,
                         std::size_t room) {
  auto text = workers_text(workers, before, room, false);
  return text.empty() ? workers_text(workers, before, room, true) : text;
}

}  // namespace

std::string live_text(const Progress& progress, Duration interval, std::size_t width) {
  std::string latencies;
  std::string of_when;
  if (progress.p50 && progress.p99) {
    latencies = fmt::format(" | p50 {}  p99 {}", latency_text(*progress.p50), latency_text(*progress.p99));
    of_when = fmt::format(" (last {:.0f} s)", std::chrono::duration<double>(interval).count());
  }
  const auto messages = progress.messages_per_second > 0
                            ? fmt::format("  {} msg/s", rate_text(progress.messages_per_second))
                            : std::string();
  struct Parts {
    std::string latencies, workers, done, waiting, of_when, loops;
  } shown;
  const auto line = [&] {
    return fmt::format("{:>5}  {} live{}{} | {} req/s  {} err{}{}{}{}{}", clock_text(progress.elapsed),
                       count_text(progress.live), shown.done, shown.waiting,
                       rate_text(progress.requests_per_second), percent_text(progress.error_share), messages,
                       shown.latencies, shown.of_when, shown.loops, shown.workers);
  };
  const auto add = [&](std::string& part, std::string text) {
    part = std::move(text);
    if (display_width(line()) > width) part.clear();
  };
  // What matters most comes first, and what has no room is left out.
  add(shown.latencies, std::move(latencies));
  add(shown.workers, workers_count_text(progress.workers));
  add(shown.done, fmt::format("  {} done", count_text(progress.done)));
  if (progress.waiting > 0) add(shown.waiting, fmt::format("  {} waiting", count_text(progress.waiting)));
  if (const auto used = display_width(line()); !shown.workers.empty() && used < width)
    shown.workers += workers_text(progress.workers, ": ", width - used);
  if (!shown.latencies.empty()) add(shown.of_when, std::move(of_when));
  add(shown.loops, fmt::format(" | loops {}", percent_text(progress.busiest_loop)));
  return line();
}

LiveLine::LiveLine(std::ostream& out, bool terminal, std::size_t columns) noexcept
    : out_(out), terminal_(terminal), columns_(columns) {}

LiveLine::~LiveLine() {
  clear();
}

// A line that wraps cannot be overwritten.
std::size_t LiveLine::width() const noexcept {
  return columns_ > 1 ? columns_ - 1 : kColumns;
}

void LiveLine::show(const std::string& text) {
  if (!terminal_) return;
  show_below_log(out_, shortened(text, width()));
  shown_ = true;
}

void LiveLine::clear() {
  if (!shown_) return;
  show_below_log(out_, {});
  shown_ = false;
}

}  // namespace chaperon::cli
