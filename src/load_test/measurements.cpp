#include "load_test/measurements.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

namespace chaperon::load_test {
namespace {

void add(session::StoredResults& to, session::StoredResults&& stored) {
  std::ranges::move(stored.kept, std::back_inserter(to.kept));
  to.bytes += stored.bytes;
  to.left_out += stored.left_out;
}

}  // namespace

SessionCounts Measurements::sessions() const noexcept {
  SessionCounts all;
  for (const auto& counts : sessions_by_entry)
    all = sessions_sum(all, counts);
  return all;
}

void Measurements::merge(Measurements&& other) {
  metrics.merge(std::move(other.metrics));
  errors.merge(std::move(other.errors));
  endings.merge(std::move(other.endings));
  sessions_by_entry.resize(std::max(sessions_by_entry.size(), other.sessions_by_entry.size()));
  for (std::size_t i = 0; i < other.sessions_by_entry.size(); ++i)
    sessions_by_entry[i] = sessions_sum(sessions_by_entry[i], other.sessions_by_entry[i]);
  traffic = traffic_sum(traffic, other.traffic);
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

SessionCounts sessions_sum(const SessionCounts& a, const SessionCounts& b) noexcept {
  return {.ok = a.ok + b.ok,
          .failed = a.failed + b.failed,
          .cancelled = a.cancelled + b.cancelled,
          .timed_out = a.timed_out + b.timed_out};
}

Traffic traffic_sum(const Traffic& a, const Traffic& b) noexcept {
  return {.requests = a.requests + b.requests,
          .responses = a.responses + b.responses,
          .errors = a.errors + b.errors,
          .retried = a.retried + b.retried,
          .bytes_sent = a.bytes_sent + b.bytes_sent,
          .bytes_received = a.bytes_received + b.bytes_received,
          .messages_sent = a.messages_sent + b.messages_sent,
          .messages_received = a.messages_received + b.messages_received};
}

Traffic traffic_since(const Traffic& now, const Traffic& then) noexcept {
  return {.requests = now.requests - then.requests,
          .responses = now.responses - then.responses,
          .errors = now.errors - then.errors,
          .retried = now.retried - then.retried,
          .bytes_sent = now.bytes_sent - then.bytes_sent,
          .bytes_received = now.bytes_received - then.bytes_received,
          .messages_sent = now.messages_sent - then.messages_sent,
          .messages_received = now.messages_received - then.messages_received};
}

}  // namespace chaperon::load_test
