// Load tests of the queue, by the ids that people type.
#pragma once

#include <string>
#include <vector>

#include <fmt/format.h>

#include <chaperon/errors.hpp>

#include "cli/options.hpp"
#include "cluster/load_test_queue.hpp"

namespace chaperon::cli {

/// There is no load test of that id: throws InputError, with the one that was probably meant.
[[noreturn]] inline void refuse_unknown_id(const cluster::LoadTestQueue& queue, const std::string& id) {
  std::vector<std::string> ids;
  for (const auto& queued : queue.all())
    ids.push_back(queued.record.id);
  const auto meant = nearest(id, ids);
  throw InputError(
      fmt::format("there is no load test {}{}: 'chaperon queue --nats URL' lists those that are there", id,
                  meant.empty() ? "" : fmt::format(" (did you mean {}?)", meant)));
}

}  // namespace chaperon::cli
