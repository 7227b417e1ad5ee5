#include "cli/table.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <numeric>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "cli/number_text.hpp"
#include "cli/rows.hpp"
#include "metrics/histogram.hpp"

namespace chaperon::cli {
namespace {

enum class Column : std::uint8_t { count, rate, errors, mean, p50, p90, p99, p999, max };

struct ColumnLayout {
  Column column;
  std::string_view head;
  std::size_t width;  // with the space before it
};

constexpr std::array<ColumnLayout, 9> kAllColumns{{
    {Column::count, "count", 9},
    {Column::rate, "rate", 8},
    {Column::errors, "err", 7},
    {Column::mean, "mean", 8},
    {Column::p50, "p50", 8},
    {Column::p90, "p90", 8},
    {Column::p99, "p99", 8},
    {Column::p999, "p99.9", 8},
    {Column::max, "max", 8},
}};

// On a narrow terminal these go, one after the other.
constexpr std::array kDispensable{Column::p90, Column::p999, Column::mean, Column::rate};

constexpr std::size_t kNarrowestName = 26;

// More than this nobody reads on a terminal.
constexpr std::size_t kMostRows = 50;  // of one session name
constexpr std::size_t kMostUrlGroups = 20;

std::uint64_t samples(const Row& row) {
  return row.count + row.errors;
}

std::uint64_t samples(const RowGroup& group) {
  return std::accumulate(group.rows.begin(), group.rows.end(), std::uint64_t{0},
                         [](std::uint64_t sum, const Row& row) { return sum + samples(row); });
}

// Keeps those with the most samples, in their order; returns how many had to go.
template <class T>
std::size_t keep_largest(std::vector<T>& all, std::size_t most) {
  if (all.size() <= most) return 0;
  std::vector<std::pair<std::uint64_t, std::size_t>> ranked;  // the position breaks ties
  ranked.reserve(all.size());
  for (std::size_t at = 0; at < all.size(); ++at)
    ranked.emplace_back(~samples(all[at]), at);
  std::nth_element(ranked.begin(), ranked.begin() + static_cast<std::ptrdiff_t>(most), ranked.end());
  ranked.resize(most);
  std::sort(ranked.begin(), ranked.end(), [](const auto& a, const auto& b) { return a.second < b.second; });
  std::vector<T> kept;
  kept.reserve(most);
  for (const auto& [rank, at] : ranked)
    kept.push_back(std::move(all[at]));
  const auto gone = all.size() - most;
  all = std::move(kept);
  return gone;
}

struct Percentile {
  Column column;
  double percent;
  std::uint64_t samples;  // needed for it to say anything
  std::string_view name;
};

constexpr std::array<Percentile, 4> kPercentiles{{
    {Column::p50, 50, 2, "p50"},
    {Column::p90, 90, 10, "p90"},
    {Column::p99, 99, 100, "p99"},
    {Column::p999, 99.9, 1000, "p99.9"},
}};

struct Line {
  std::string name;
  std::vector<std::string> cells;  // empty: a group's heading
};

class TableBuilder {
 public:
  TableBuilder(const Results& results, std::size_t width) : results_(results) {
    columns_.assign(kAllColumns.begin(), kAllColumns.end());
    for (const auto column : kDispensable) {
      if (kNarrowestName + cells_width() <= width) break;
      std::erase_if(columns_, [&](const auto& layout) { return layout.column == column; });
    }
    width_ = std::max(width, kNarrowestName + cells_width());
  }

  std::string build() {
    const auto base_url = common_base_url(results_);
    auto groups = group_rows(results_, base_url);
    if (groups.empty()) return {};
    const auto more_groups = keep_largest(groups, kMostUrlGroups);
    for (auto& group : groups) {
      lines_.push_back({.name = heading(group), .cells = {}});
      const auto more_rows = keep_largest(group.rows, kMostRows);
      for (const auto& row : group.rows)
        add_row(row);
      add_more("  ", more_rows, "more row", "more rows");
    }
    add_more("", more_groups, "more session name", "more session names");
    widen_columns();
    auto text = render_head(base_url);
    for (const auto& line : lines_)
      text += render(line);
    return text + footnotes();
  }

 private:
  static std::string heading(const RowGroup& group) {
    // Load-test-wide rows, such as the one for names over the limit, belong to no session.
    if (group.session.empty()) return "(all sessions)";
    if (group.sessions == 0) return printable(group.session);
    return fmt::format("{} ({})", printable(group.session),
                       count_text(group.sessions, "session", "sessions"));
  }

  void add_more(std::string_view indent, std::size_t count, const char* singular, const char* plural) {
    if (count == 0) return;
    lines_.push_back({.name = fmt::format("{}… {}: see the export (--output FILE)", indent,
                                          count_text(count, singular, plural)),
                      .cells = {}});
  }

  [[nodiscard]] std::size_t cells_width() const {
    std::size_t sum = 0;
    for (const auto& layout : columns_)
      sum += layout.width;
    return sum;
  }

  static std::string value_text(const Row& row, double value) {
    return row.kind == MetricKind::number ? plain_number_text(value) : latency_text(value);
  }

  void add_row(const Row& row) {
    Line line{.name = "  " + printable(row.label), .cells = {}};
    for (const auto& layout : columns_)
      line.cells.push_back(cell(row, layout.column));
    note_unanswered(row, line);
    lines_.push_back(std::move(line));
  }

  [[nodiscard]] std::string cell(const Row& row, Column column) const {
    switch (column) {
      case Column::count:
        return count_text(row.count);
      case Column::rate: {
        const double seconds = std::chrono::duration<double>(results_.duration).count();
        return seconds > 0 ? rate_text(static_cast<double>(row.count) / seconds) + "/s" : "-";
      }
      case Column::errors:
        return count_text(row.errors);
      default:
        break;
    }
    if (row.count == 0) return "-";
    if (column == Column::mean) return value_text(row, row.answered->mean());
    if (column == Column::max) return value_text(row, row.answered->max());
    const auto percentile = std::find_if(kPercentiles.begin(), kPercentiles.end(),
                                         [&](const auto& p) { return p.column == column; });
    if (row.count < percentile->samples) {
      hidden_percentiles_ = true;
      return "-";
    }
    return value_text(row, row.answered->percentile(percentile->percent));
  }

  // Stars the percentiles that unanswered requests would raise, and keeps a footnote.
  void note_unanswered(const Row& row, Line& line) {
    std::uint64_t unanswered = 0;
    for (const auto* metric : row.unanswered)
      unanswered += metric->count();
    if (unanswered == 0 || row.count == 0 || row.kind == MetricKind::number) return;

    auto all = row.answered->histogram();
    for (const auto* metric : row.unanswered)
      all.merge(metric->histogram());
    std::string raised;
    for (const auto& percentile : kPercentiles) {
      if (row.count < percentile.samples) continue;
      const auto at = std::find_if(columns_.begin(), columns_.end(),
                                   [&](const auto& layout) { return layout.column == percentile.column; });
      if (at == columns_.end()) continue;
      const Duration without(static_cast<std::int64_t>(row.answered->percentile(percentile.percent) * 1e6));
      const Duration with(all.percentile(percentile.percent));
      // What moves by less than a twentieth is not worth a mark.
      if (with - without < without / 20) continue;
      line.cells[static_cast<std::size_t>(at - columns_.begin())] += '*';
      raised += fmt::format("{}{} = {}", raised.empty() ? "" : ", ", percentile.name, latency_text(with));
    }
    if (!raised.empty()) raised_.push_back({printable(row.label), count_text(unanswered), std::move(raised)});
  }

  // A cell that is wider than its column takes the room from the name.
  void widen_columns() {
    for (std::size_t at = 0; at < columns_.size(); ++at) {
      const std::size_t space =
          columns_[at].column == Column::count || columns_[at].column == Column::errors ? 2 : 1;
      for (const auto& line : lines_) {
        if (!line.cells.empty()) {
          columns_[at].width = std::max(columns_[at].width, display_width(line.cells[at]) + space);
        }
      }
    }
  }

  [[nodiscard]] std::size_t name_width() const {
    constexpr std::size_t kLeast = 12;
    const auto cells = cells_width();
    return width_ > cells + kLeast ? width_ - cells : kLeast;
  }

  [[nodiscard]] std::string render_head(const std::string& base_url) const {
    const auto room = name_width();
    const auto shown = "  " + printable(base_url);
    std::string text;
    // A long base URL has a line of its own rather than losing its middle.
    const bool fits = display_width(shown) <= room;
    if (!fits) text += shortened(shown, width_) + "\n";
    text += left_aligned(fits && !base_url.empty() ? shown : "", room);
    for (const auto& layout : columns_)
      text += right_aligned(layout.head, layout.width);
    return text + "\n";
  }

  [[nodiscard]] std::string render(const Line& line) const {
    if (line.cells.empty()) return shortened(line.name, width_) + "\n";
    const auto room = name_width();
    auto text = left_aligned(shortened(line.name, room), room);
    for (std::size_t at = 0; at < columns_.size(); ++at)
      text += right_aligned(line.cells[at], columns_[at].width);
    return text + "\n";
  }

  [[nodiscard]] std::string footnotes() const {
    constexpr std::size_t kMostNotes = 5;
    std::string text;
    const auto note = [&](const std::string& mark, const std::string& body) {
      const auto lines = wrapped(body, width_ - 4);
      for (std::size_t at = 0; at < lines.size(); ++at) {
        text += fmt::format("  {} {}\n", at == 0 ? mark : " ", lines[at]);
      }
    };
    for (std::size_t at = 0; at < std::min(raised_.size(), kMostNotes); ++at) {
      const auto& [label, count, percentiles] = raised_[at];
      const auto which = raised_.size() == 1 ? std::string() : label + ": ";
      note("*", fmt::format("{}without {} unanswered; counted at the time they took, {}", which, count,
                            percentiles));
    }
    if (raised_.size() > kMostNotes) note("*", fmt::format("likewise {} more", raised_.size() - kMostNotes));
    if (hidden_percentiles_) note("-", "too few samples for this percentile");
    return text.empty() ? text : "\n" + text;
  }

  struct Raised {
    std::string label;
    std::string unanswered;
    std::string percentiles;
  };

  const Results& results_;
  std::size_t width_ = 0;
  std::vector<ColumnLayout> columns_;
  std::vector<Line> lines_;
  std::vector<Raised> raised_;
  mutable bool hidden_percentiles_ = false;  // set while cells are made
};

}  // namespace

std::string render_table(const Results& results, std::size_t width) {
  return TableBuilder(results, std::min(width, kColumns)).build();
}

}  // namespace chaperon::cli
