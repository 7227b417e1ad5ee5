// The queue of load tests as people see it.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "cli/text_layout.hpp"
#include "cluster/load_test_queue.hpp"
#include "cluster/master_status.hpp"

namespace chaperon::cli {

/// What there is to show.
struct QueueView {
  std::vector<cluster::QueuedLoadTest> load_tests{};  ///< in the order of LoadTestQueue::all()
  std::optional<cluster::MasterStatus> master{};      ///< nothing: there is none
  std::size_t most_ended = 0;                         ///< how many of those that have ended are shown
  cluster::Timestamp now = 0;                         ///< of this machine
};

/// The queue as a table with a line for each load test, and a line that says what is wrong where nothing
/// runs. At most `width` columns wide where names allow that.
std::string render_queue(const QueueView& view, std::size_t width = kColumns);

/// The same for programs: `master`, `running`, `scheduled` and `ended`.
Json queue_json(const QueueView& view);

/// How long ago something was: `now`, `42 s ago`, `5 min ago`, `3 h ago`, `9 d ago`.
std::string age_text(cluster::Timestamp then, cluster::Timestamp now);

}  // namespace chaperon::cli
