// Fibers on a loop in virtual time.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <utility>

#include <gtest/gtest.h>

#include "runtime/event_loop.hpp"
#include "runtime/virtual_reactor.hpp"

namespace chaperon::runtime {

/// A fiber that calls a function, and remembers how it ended.
class TestFiber final : public FiberMain {
 public:
  explicit TestFiber(std::function<void()> function) : function_(std::move(function)) {}
  bool has_ended = false;
  FiberEnd end = FiberEnd::returned;
  std::string why;

 private:
  void run() override { function_(); }
  void ended(FiberEnd how, std::string_view reason) override {
    has_ended = true;
    end = how;
    why = reason;
  }
  std::function<void()> function_;
};

class FiberTest : public ::testing::Test {
 protected:
  explicit FiberTest(GuardKind guard = GuardKind::light) : loop(clock, reactor, 0, guard) {}

  TestFiber& spawn(std::function<void()> function) {
    fibers_.emplace_back(std::move(function));
    handles_.push_back(loop.spawn(fibers_.back()));
    return fibers_.back();
  }
  Fiber& handle(std::size_t index) { return *handles_[index]; }

  /// Runs until nothing will ever happen again.
  void run_all() {
    do {
      loop.turn();
    } while (!reactor.idle());
  }
  [[nodiscard]] Duration elapsed() const { return clock.now() - kStart; }

  static constexpr Instant kStart = Instant{} + 1h;
  Clock clock{kStart};
  VirtualReactor reactor{clock};
  EventLoop loop;

 private:
  std::deque<TestFiber> fibers_;
  std::deque<Fiber*> handles_;
};

}  // namespace chaperon::runtime
