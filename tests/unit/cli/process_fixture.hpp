// A process that exists only in memory, to run commands in.
#pragma once

#include <map>
#include <optional>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "cli/command_line.hpp"
#include "cli/process.hpp"

namespace chaperon::cli {

/// Arguments and environment in, output and exit code out.
class FakeProcess {
 public:
  explicit FakeProcess(std::vector<std::string> args, std::map<std::string, std::string> environment = {}) {
    process.args = std::move(args);
    process.out = &out_;
    process.err = &err_;
    process.environment =
        [values = std::move(environment)](const std::string& name) -> std::optional<std::string> {
      const auto found = values.find(name);
      return found == values.end() ? std::nullopt : std::optional(found->second);
    };
  }
  FakeProcess(const FakeProcess&) = delete;
  FakeProcess& operator=(const FakeProcess&) = delete;

  /// Runs the command line; the exit code.
  int run() { return run_command_line(process); }
  /// Runs it as a program with load tests of its own.
  int run_as_program() { return run_program(process); }

  [[nodiscard]] std::string out() const { return out_.str(); }
  [[nodiscard]] std::string err() const { return err_.str(); }

  Process process;

 private:
  std::ostringstream out_, err_;
};

}  // namespace chaperon::cli
