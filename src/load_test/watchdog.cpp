#include "load_test/watchdog.hpp"

#include <fmt/format.h>

#include "base/log.hpp"

namespace chaperon::load_test {
namespace {

constexpr Duration kWarnAfter = 1s;
constexpr Duration kInterruptAfter = 10s;

}  // namespace

Watchdog::Watchdog(std::vector<std::unique_ptr<LoopRunner>>& runners) : runners_(runners) {}

void Watchdog::look(Instant now, bool cancelling) {
  watches_.resize(runners_.size());
  for (std::size_t i = 0; i < runners_.size(); ++i) {
    auto& loop = runners_[i]->loop();
    auto& watch = watches_[i];
    const auto switches = loop.switches();
    if (switches != watch.switches) {
      watch = {.switches = switches, .since = now};
      continue;
    }
    // Even: the loop is in none of its fibers; it waits for events.
    if (switches % 2 == 0) continue;
    const Duration held = now - watch.since;
    if (held > kWarnAfter && !watch.warned) {
      watch.warned = true;
      write_log(LogLevel::warn, fmt::format("loop {} stands still: a session has not waited for anything for "
                                            "over a second; every other session of "
                                            "that loop is held up. Use blocking() for code that takes long",
                                            i));
    }
    if (held > (cancelling ? kWarnAfter : kInterruptAfter)) loop.interrupt_fiber(switches);
  }
}

}  // namespace chaperon::load_test
