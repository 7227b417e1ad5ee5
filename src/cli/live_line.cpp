#include "cli/live_line.hpp"

#include <ostream>

#include <fmt/format.h>

#include "base/log.hpp"
#include "cli/number_text.hpp"
#include "cli/text_layout.hpp"

namespace chaperon::cli {

std::string live_text(const Progress& progress, Duration interval) {
  auto text = fmt::format("{:>5}  {} live  {} done", clock_text(progress.elapsed), count_text(progress.live),
                          count_text(progress.done));
  if (progress.waiting > 0) text += fmt::format("  {} waiting", count_text(progress.waiting));
  text += fmt::format(" | {} req/s  {} err", rate_text(progress.requests_per_second),
                      percent_text(progress.error_share));
  if (progress.p50 && progress.p99) {
    text += fmt::format(" | p50 {}  p99 {} (last {:.0f} s)", latency_text(*progress.p50),
                        latency_text(*progress.p99), std::chrono::duration<double>(interval).count());
  }
  return text + fmt::format(" | loops {}", percent_text(progress.busiest_loop));
}

LiveLine::LiveLine(std::ostream& out, bool terminal, std::size_t columns) noexcept
    : out_(out), terminal_(terminal), columns_(columns) {}

LiveLine::~LiveLine() {
  clear();
}

void LiveLine::show(const std::string& text) {
  if (!terminal_) return;
  // A line that wraps cannot be overwritten.
  const auto width = columns_ > 1 ? columns_ - 1 : kColumns;
  show_below_log(out_, shortened(text, width));
  shown_ = true;
}

void LiveLine::clear() {
  if (!shown_) return;
  show_below_log(out_, {});
  shown_ = false;
}

}  // namespace chaperon::cli
