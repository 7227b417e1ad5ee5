// The built-in target as a child process, for one run.
#pragma once

#include <string>

#include "cli/process.hpp"
#include "cli/subprocess.hpp"

namespace chaperon::cli {

/// A target server on a port of its own, which ends with this object, or with this process.
class TargetProcess {
 public:
  /// Starts it and waits until it listens. Throws std::runtime_error if it does not.
  explicit TargetProcess(const Process& process);
  ~TargetProcess();

  /// Where it listens, such as `http://127.0.0.1:40123`.
  [[nodiscard]] const std::string& url() const noexcept { return url_; }

 private:
  Child child_;
  std::string url_;
};

}  // namespace chaperon::cli
