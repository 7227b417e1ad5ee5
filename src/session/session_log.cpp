// Session: logging.
#include <fmt/format.h>

#include "base/log.hpp"
#include "session/state.hpp"

namespace chaperon {
inline namespace v1 {
namespace {

LogLevel to_log_level(detail::LineLevel level) {
  switch (level) {
    case detail::LineLevel::debug:
      return LogLevel::debug;
    case detail::LineLevel::info:
      return LogLevel::info;
    case detail::LineLevel::warn:
      return LogLevel::warn;
    case detail::LineLevel::error:
      break;
  }
  return LogLevel::error;
}

}  // namespace

Session& Session::log(detail::LineLevel level, fmt::string_view format, fmt::format_args args) {
  const LogLevel log_level_of_line = to_log_level(level);
  if (log_level_of_line < log_level()) return *this;
  auto write = [&] {
    fmt::memory_buffer line;
    fmt::format_to(std::back_inserter(line), "[{}", state_.id.text());
    if (state_.parent != nullptr)
      fmt::format_to(std::back_inserter(line), " of {}", state_.parent->id.text());
    fmt::format_to(std::back_inserter(line), " {}", state_.profile.name);
    if (!state_.task.empty()) fmt::format_to(std::back_inserter(line), " task {}", state_.task);
    if (!state_.running.empty()) fmt::format_to(std::back_inserter(line), " in {}", state_.running);
    line.append(std::string_view("] "));
    fmt::vformat_to(std::back_inserter(line), format, args);
    write_log(log_level_of_line, {line.data(), line.size()});
  };
  // Formatting takes more stack than a parked session should have touched.
  if (state_.fiber != nullptr && state_.context.loop.current() == state_.fiber) {
    state_.context.loop.on_loop_stack(write);
  } else {
    write();
  }
  return *this;
}

}  // namespace v1
}  // namespace chaperon
