// The line that shows how a run is going, on a terminal.
#pragma once

#include <cstddef>
#include <iosfwd>
#include <string>

#include <chaperon/load_test.hpp>

#include "cli/text_layout.hpp"

namespace chaperon::cli {

/// The line: ` 0:14  587 live  13 done | 12.4k req/s  0.4% err | p50 4.2 ms  p99 31 ms (last 2 s) | loops
/// 46%`. In a cluster ` | 2 workers: w1 301 live 6.2k/s p99 31 ms 46%, w2 lost` follows. Where `width`
/// columns are not enough it shows workers in brief and as many as fit, ` | w1 6.2k/s 46%, +3 more`, and
/// leaves out what is to the right, but for the requests and errors.
std::string live_text(const Progress& progress, Duration interval, std::size_t width = kColumns);

/// Writes the line over and over in one place.
class LiveLine {
 public:
  /// Shows nothing unless `terminal`. `columns` is the terminal's width; 0: unknown.
  LiveLine(std::ostream& out, bool terminal, std::size_t columns) noexcept;
  /// clear()s it.
  ~LiveLine();
  LiveLine(const LiveLine&) = delete;
  LiveLine& operator=(const LiveLine&) = delete;

  /// How many columns a text may have.
  [[nodiscard]] std::size_t width() const noexcept;
  /// Shows a text instead of what is shown.
  void show(const std::string& text);
  /// Removes the line.
  void clear();

 private:
  std::ostream& out_;
  bool terminal_;
  std::size_t columns_;
  bool shown_ = false;
};

}  // namespace chaperon::cli
