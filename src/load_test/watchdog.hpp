// Notices loops that a scenario holds up, and frees them.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "load_test/loop_runner.hpp"

namespace chaperon::load_test {

/// Looks at the loops from outside, now and then. A session that runs for a second without waiting is warned
/// of; after ten (one, if the run is being cancelled) it is taken off its loop.
class Watchdog {
 public:
  explicit Watchdog(std::vector<std::unique_ptr<LoopRunner>>& runners);

  /// To be called a few times a second.
  void look(Instant now, bool cancelling);

 private:
  struct Watch {
    std::uint64_t switches = 0;
    Instant since{};
    bool warned = false;
  };
  std::vector<std::unique_ptr<LoopRunner>>& runners_;
  std::vector<Watch> watches_;
};

}  // namespace chaperon::load_test
