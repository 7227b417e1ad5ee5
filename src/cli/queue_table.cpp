#include "cli/queue_table.hpp"

#include <algorithm>
#include <array>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/json.hpp"
#include "cli/live_line.hpp"
#include "cluster/progress_json.hpp"

namespace chaperon::cli {
namespace {

using cluster::LoadTestState;

constexpr std::size_t kLongestName = 30;
constexpr std::size_t kLongestTags = 24;
constexpr std::size_t kLeastProgress = 24;
constexpr std::size_t kFixedColumns = 5;  // all but the progress
using Line = std::array<std::string, kFixedColumns + 1>;

std::string progress_text(const QueueView& view, const cluster::LoadTestRecord& record, std::size_t before) {
  switch (record.state) {
    case LoadTestState::scheduled:
      if (before == 0) return "next";
      return before == 1 ? "after 1 other" : fmt::format("after {} others", before);
    case LoadTestState::running: {
      if (record.cancel_requested) return "is cancelled";
      if (!view.master || view.master->running != record.id) return {};
      auto progress = view.master->progress ? cluster::progress_of(*view.master->progress) : std::nullopt;
      if (!progress) return printable(view.master->doing);
      progress->workers.clear();  // a column has no room for them
      auto text = live_text(*progress, std::chrono::seconds(1));
      text.erase(0, std::min(text.find_first_not_of(' '), text.size()));
      return text;
    }
    default:
      return printable(record.message);
  }
}

std::string without_master(const QueueView& view) {
  const auto waits = [](const cluster::QueuedLoadTest& queued) { return !has_ended(queued.record.state); };
  if (view.master || std::ranges::none_of(view.load_tests, waits)) return {};
  return "no master is there: nothing runs until 'chaperon master --nats URL' is started\n";
}

}  // namespace

std::string age_text(cluster::Timestamp then, cluster::Timestamp now) {
  constexpr std::int64_t kSecond = 1000;
  constexpr std::int64_t kMinute = 60 * kSecond;
  constexpr std::int64_t kHour = 60 * kMinute;
  const auto age = now - then;
  if (age < kSecond) return "now";
  if (age < kMinute) return fmt::format("{} s ago", age / kSecond);
  if (age < kHour) return fmt::format("{} min ago", age / kMinute);
  if (age < 48 * kHour) return fmt::format("{} h ago", age / kHour);
  return fmt::format("{} d ago", age / (24 * kHour));
}

std::string render_queue(const QueueView& view, std::size_t width) {
  std::vector<Line> lines{{"id", "state", "load test", "tags", "submitted", "progress"}};
  std::size_t before = 0;
  std::size_t ended = 0;
  for (const auto& [record, revision] : view.load_tests) {
    if (has_ended(record.state) && ++ended > view.most_ended) continue;
    lines.push_back({record.id, std::string(to_string(record.state)),
                     shortened(printable(record.load_test), kLongestName),
                     shortened(printable(fmt::format("{}", fmt::join(record.tags, ","))), kLongestTags),
                     age_text(record.submitted_at, view.now), progress_text(view, record, before)});
    ++before;
  }
  if (lines.size() == 1) {
    return fmt::format("the queue is empty: 'chaperon submit FILE --nats URL' puts a load test into it\n{}",
                       ended > 0 ? fmt::format("{} have ended: --all shows them\n", ended) : "");
  }
  std::array<std::size_t, kFixedColumns> widths{};
  for (const auto& line : lines) {
    for (std::size_t column = 0; column < kFixedColumns; ++column)
      widths[column] = std::max(widths[column], display_width(line[column]));
  }
  std::string text;
  for (const auto& line : lines) {
    std::string shown;
    for (std::size_t column = 0; column < kFixedColumns; ++column) {
      // A column of which nothing is used takes no room.
      if (widths[column] == 0) continue;
      shown += left_aligned(line[column], widths[column]) + "  ";
    }
    const auto used = display_width(shown);
    shown += shortened(line.back(), std::max(kLeastProgress, width > used ? width - used : 0));
    shown.erase(shown.find_last_not_of(' ') + 1);
    text += shown + '\n';
  }
  return text + without_master(view);
}

Json queue_json(const QueueView& view) {
  Json json{{"master", nullptr},
            {"running", Json::array()},
            {"scheduled", Json::array()},
            {"ended", Json::array()}};
  if (view.master) json["master"] = {{"name", view.master->name}, {"api", view.master->api}};
  for (const auto& [record, revision] : view.load_tests) {
    auto shown = cluster::shown(record, false);
    if (record.state == LoadTestState::running) {
      const bool here = view.master && view.master->running == record.id;
      shown["doing"] = here ? Json(view.master->doing) : Json();
      shown["progress"] = here && view.master->progress ? *view.master->progress : Json();
      json["running"].push_back(std::move(shown));
    } else if (record.state == LoadTestState::scheduled) {
      json["scheduled"].push_back(std::move(shown));
    } else if (json["ended"].size() < view.most_ended) {
      json["ended"].push_back(std::move(shown));
    }
  }
  return json;
}

}  // namespace chaperon::cli
