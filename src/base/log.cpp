#include "base/log.hpp"

#include <atomic>
#include <cstdio>
#include <memory>
#include <mutex>
#include <ostream>
#include <string>
#include <utility>

#include <spdlog/async.h>
#include <spdlog/sinks/stdout_color_sinks.h>

namespace chaperon {
namespace {

constexpr std::size_t kQueueLength = 8192;

std::atomic<LogLevel> current_level{LogLevel::off};

struct Log {
  std::shared_ptr<spdlog::details::thread_pool> pool;
  std::shared_ptr<spdlog::async_logger> logger;
};

Log& the_log() {
  static Log log;
  return log;
}

// The line that stays below the log's on a terminal. The mutex keeps the two from being written into each
// other.
struct Footer {
  std::mutex mutex;
  std::string line;
};

Footer& the_footer() {
  static Footer footer;
  return footer;
}

constexpr std::string_view kEraseLine = "\r\x1b[2K";

class Sink final : public spdlog::sinks::stderr_color_sink_mt {
 public:
  void log(const spdlog::details::log_msg& message) override {
    auto& footer = the_footer();
    const std::lock_guard lock(footer.mutex);
    if (!footer.line.empty()) write(kEraseLine);
    spdlog::sinks::stderr_color_sink_mt::log(message);
    if (!footer.line.empty()) write(footer.line);
  }

 private:
  static void write(std::string_view text) { std::fwrite(text.data(), 1, text.size(), stderr); }
};

spdlog::level::level_enum spdlog_level(LogLevel level) {
  switch (level) {
    case LogLevel::debug:
      return spdlog::level::debug;
    case LogLevel::info:
      return spdlog::level::info;
    case LogLevel::warn:
      return spdlog::level::warn;
    case LogLevel::error:
      return spdlog::level::err;
    case LogLevel::off:
      break;
  }
  return spdlog::level::off;
}

}  // namespace

std::optional<LogLevel> parse_log_level(std::string_view name) {
  if (name == "debug") return LogLevel::debug;
  if (name == "info") return LogLevel::info;
  if (name == "warn" || name == "warning") return LogLevel::warn;
  if (name == "error") return LogLevel::error;
  if (name == "off") return LogLevel::off;
  return std::nullopt;
}

void start_log(LogLevel level, bool colours) {
  auto& log = the_log();
  if (!log.logger) {
    log.pool = std::make_shared<spdlog::details::thread_pool>(kQueueLength, 1);
    auto sink = std::make_shared<Sink>();
    if (!colours) sink->set_color_mode(spdlog::color_mode::never);
    log.logger = std::make_shared<spdlog::async_logger>("chaperon", std::move(sink), log.pool,
                                                        spdlog::async_overflow_policy::overrun_oldest);
    log.logger->set_pattern("%H:%M:%S.%e %^%-7l%$ %v");
    log.logger->set_level(spdlog::level::trace);
    log.logger->flush_on(spdlog::level::warn);
  }
  current_level.store(level, std::memory_order_relaxed);
}

LogLevel log_level() noexcept {
  return current_level.load(std::memory_order_relaxed);
}

void write_log(LogLevel level, std::string_view line) {
  const auto& log = the_log();
  if (log.logger && level >= log_level()) {
    log.logger->log(spdlog_level(level), spdlog::string_view_t(line.data(), line.size()));
  }
}

void stop_log() {
  auto& log = the_log();
  current_level.store(LogLevel::off, std::memory_order_relaxed);
  log.logger.reset();
  // The pool's destructor writes what is queued and joins the thread.
  log.pool.reset();
}

void show_below_log(std::ostream& terminal, std::string_view line) {
  auto& footer = the_footer();
  const std::lock_guard lock(footer.mutex);
  footer.line.clear();
  // Back to the line's begin, so that whatever else is written there starts in the first column.
  if (!line.empty()) footer.line.append(line).push_back('\r');
  // In one piece: std::cerr passes on each part by itself.
  terminal << std::string(kEraseLine).append(footer.line) << std::flush;
}

std::uint64_t log_lines_dropped() noexcept {
  const auto& log = the_log();
  return log.pool ? log.pool->overrun_counter() : 0;
}

}  // namespace chaperon
