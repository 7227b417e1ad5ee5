// Scenarios whose functions a test sets.
#pragma once

#include <functional>

#include <chaperon/chaperon.hpp>

namespace chaperon::test {

using ScenarioBody = std::function<void(Session&)>;

/// What a scenario does, set by the test before it starts. With several loops it is called on their threads.
struct ScenarioScript {
  ScenarioBody init{};
  ScenarioBody run{};
  ScenarioBody teardown{};
};

/// A scenario type whose functions do what its script says: `struct A : Scripted<A> {};`.
template <class Self>
struct Scripted {
  static inline ScenarioScript script;
  static void init(Session& session) {
    if (script.init) script.init(session);
  }
  static void run(Session& session) {
    if (script.run) script.run(session);
  }
  static void teardown(Session& session) {
    if (script.teardown) script.teardown(session);
  }
};

}  // namespace chaperon::test
