#include "load_test/measurements.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

namespace chaperon::load_test {
namespace {

void add(SessionCounts& to, const SessionCounts& counts) noexcept {
  to.ok += counts.ok;
  to.failed += counts.failed;
  to.cancelled += counts.cancelled;
  to.timed_out += counts.timed_out;
}

void add(Traffic& to, const Traffic& traffic) noexcept {
  to.requests += traffic.requests;
  to.responses += traffic.responses;
  to.errors += traffic.errors;
  to.retried += traffic.retried;
  to.bytes_sent += traffic.bytes_sent;
  to.bytes_received += traffic.bytes_received;
  to.messages_sent += traffic.messages_sent;
  to.messages_received += traffic.messages_received;
}

void add(session::StoredResults& to, session::StoredResults&& stored) {
  std::ranges::move(stored.kept, std::back_inserter(to.kept));
  to.bytes += stored.bytes;
  to.left_out += stored.left_out;
}

}  // namespace

SessionCounts Measurements::sessions() const noexcept {
  SessionCounts all;
  for (const auto& counts : sessions_by_entry)
    add(all, counts);
  return all;
}

void Measurements::merge(Measurements&& other) {
  metrics.merge(std::move(other.metrics));
  errors.merge(std::move(other.errors));
  endings.merge(std::move(other.endings));
  sessions_by_entry.resize(std::max(sessions_by_entry.size(), other.sessions_by_entry.size()));
  for (std::size_t i = 0; i < other.sessions_by_entry.size(); ++i)
    add(sessions_by_entry[i], other.sessions_by_entry[i]);
  add(traffic, other.traffic);
  answers.merge(other.answers);
  lateness.merge(other.lateness);
  queued.merge(other.queued);
  add(stored, std::move(other.stored));
  ended_users.insert(ended_users.end(), other.ended_users.begin(), other.ended_users.end());
  first_start = std::min(first_start, other.first_start);
  last_end = std::max(last_end, other.last_end);
  overflowed = overflowed || other.overflowed;
  for (auto& warning : other.warnings) {
    if (std::ranges::find(warnings, warning) == warnings.end()) warnings.push_back(std::move(warning));
  }
}

}  // namespace chaperon::load_test
