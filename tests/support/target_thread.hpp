// The built-in target within a test's own process.
#pragma once

#include <string>
#include <thread>
#include <utility>

#include "target/target.hpp"

namespace chaperon::test {

/// The built-in target on a thread of its own.
class TargetThread {
 public:
  explicit TargetThread(target::Options options = {}) : server_(with_free_port(std::move(options))) {
    thread_ = std::jthread([this] { server_.run(); });
  }
  ~TargetThread() { server_.stop(); }
  TargetThread(const TargetThread&) = delete;
  TargetThread& operator=(const TargetThread&) = delete;

  [[nodiscard]] std::string url() const { return server_.url(); }

 private:
  static target::Options with_free_port(target::Options options) {
    options.port = 0;
    return options;
  }
  target::Server server_;
  std::jthread thread_;
};

}  // namespace chaperon::test
