// Set-up of the log: asynchronous, never blocking, to stderr.
#pragma once

#include <cstdint>
#include <iosfwd>
#include <optional>
#include <string>
#include <string_view>

namespace chaperon {

enum class LogLevel : std::uint8_t { debug, info, warn, error, off };

/// The level of that name (debug, info, warn, error, off), or nothing.
std::optional<LogLevel> parse_log_level(std::string_view name);

/// Starts the log's own thread and sets the level below which lines are not even formatted. Call it before
/// the loops start; calling it again changes the level. `colours`: whether levels have colours where stderr
/// is a terminal.
void start_log(LogLevel level, bool colours = true);

/// The current level.
LogLevel log_level() noexcept;

/// Queues a line; the oldest one is dropped when the queue is full, so that this never waits. Before
/// start_log() the line goes nowhere.
void write_log(LogLevel level, std::string_view line);

/// Waits until what was queued is written and ends the log's thread.
void stop_log();

/// Writes a line to `terminal`, in place of the one shown by the last call, without ending it. Lines of the
/// log go above it from then on. An empty line takes it away.
void show_below_log(std::ostream& terminal, std::string_view line);

/// How many lines were dropped because the queue was full.
std::uint64_t log_lines_dropped() noexcept;

}  // namespace chaperon
