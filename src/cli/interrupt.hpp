// Ctrl-C and SIGTERM while a run is under way.
#pragma once

#include <thread>

#include "cli/process.hpp"

namespace chaperon::cli {

/// While it lives, the first SIGINT or SIGTERM requests process.stop, and a second SIGINT or SIGTERM ends the
/// process at once with exit code 130. Does nothing if process.handle_signals is false. At most one at a
/// time.
class Interrupt {
 public:
  explicit Interrupt(Process& process);
  ~Interrupt();
  Interrupt(const Interrupt&) = delete;
  Interrupt& operator=(const Interrupt&) = delete;

 private:
  bool installed_ = false;
  std::thread listener_;
};

}  // namespace chaperon::cli
