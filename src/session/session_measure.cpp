// Session: what scenarios measure themselves.
#include <algorithm>
#include <cstring>

#include "session/state.hpp"

namespace chaperon {
inline namespace v1 {

Session::CallName::CallName(std::string_view scope, std::string_view function) noexcept : size_(0) {
  const auto append = [this](std::string_view part) {
    const auto count = std::min(part.size(), sizeof text_ - size_);
    std::memcpy(text_ + size_, part.data(), count);
    size_ += count;
  };
  append(scope);
  if (!scope.empty()) append(".");
  append(function);
}

Instant Session::begin_traced() {
  if (state_.enter()) state_.take_turn();
  return now();
}

void Session::end_traced(std::string_view action, std::string_view target, Instant start, Reason outcome) {
  const Duration took = now() - start;
  const auto record = [&] {
    if (outcome == Reason::none) {
      state_.record_duration(action, target, took);
    } else {
      state_.record_error(action, target, to_string(outcome), took,
                          outcome == Reason::exception ? session::describe_exception(std::current_exception())
                                                       : state_.outcome_reason);
    }
  };
  if (outcome == Reason::none) {
    state_.context.loop.on_loop_stack(record);
  } else {
    // The exception in flight belongs to this stack.
    record();
  }
}

Session& Session::time_since(Instant start, std::string_view metric) {
  state_.check_fiber();
  return add_metric(metric, now() - start);
}

Session& Session::add_metric(std::string_view metric, Duration value) {
  state_.check_fiber();
  state_.context.loop.on_loop_stack([&] { state_.record_duration(metric, {}, value); });
  return *this;
}

Session& Session::add_number(std::string_view metric, double value) {
  state_.check_fiber();
  if (state_.in_teardown()) return *this;
  state_.context.loop.on_loop_stack([&] {
    auto& recorder = state_.context.recorder;
    recorder.record_number(
        recorder.intern({.session = state_.profile.name, .action = metric, .kind = MetricKind::number}),
        value);
  });
  return *this;
}

}  // namespace v1
}  // namespace chaperon
