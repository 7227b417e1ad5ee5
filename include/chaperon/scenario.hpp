// Scenarios as values: `scenario<A>`, `sequence<A, B>`, `100 * scenario<A>`.
#pragma once

#include <array>
#include <concepts>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include <chaperon/detail/names.hpp>
#include <chaperon/version.hpp>

namespace chaperon {
inline namespace v1 {

class Session;

namespace detail {

using ScenarioFunction = void (*)(Session&);

// One scenario type: its name and its functions; init and teardown may be missing.
struct ScenarioPart {
  std::string_view name;
  ScenarioFunction init;
  ScenarioFunction run;
  ScenarioFunction teardown;
};

template <class S>
constexpr ScenarioFunction scenario_run() {
  static_assert(
      requires { &S::run; },
      "a scenario needs a public function `static void run(chaperon::Session& session)`, not overloaded; "
      "this type has none");
  static_assert(std::same_as<decltype(&S::run), ScenarioFunction>,
                "a scenario's run must be exactly `static void run(chaperon::Session& session)`, and not "
                "noexcept: a failure or "
                "a timeout leaves it as an exception");
  return &S::run;
}

template <class S>
constexpr ScenarioFunction scenario_init() {
  if constexpr (requires { &S::init; }) {
    static_assert(
        std::same_as<decltype(&S::init), ScenarioFunction>,
        "a scenario's init must be exactly `static void init(chaperon::Session& session)`, and not noexcept");
    return &S::init;
  } else {
    return nullptr;
  }
}

template <class S>
constexpr ScenarioFunction scenario_teardown() {
  if constexpr (requires { &S::teardown; }) {
    static_assert(std::same_as<decltype(&S::teardown), ScenarioFunction>,
                  "a scenario's teardown must be exactly `static void teardown(chaperon::Session& session)`, "
                  "and not noexcept");
    return &S::teardown;
  } else {
    return nullptr;
  }
}

template <class S>
inline constexpr ScenarioPart scenario_part{type_name<S>(), scenario_init<S>(), scenario_run<S>(),
                                            scenario_teardown<S>()};

template <class... S>
inline constexpr std::array<ScenarioPart, sizeof...(S)> scenario_parts{scenario_part<S>...};

}  // namespace detail

/// What a user does, and how many users do it: one scenario, or several in sequence. Made by `scenario<S>`
/// and `sequence<S…>`, multiplied by a number of users.
class Scenario {
 public:
  /// Made by `scenario<S>` and `sequence<S…>`.
  constexpr explicit Scenario(std::span<const detail::ScenarioPart> parts) noexcept : parts_(parts) {}

  /// The scenarios to run one after the other.
  [[nodiscard]] constexpr std::span<const detail::ScenarioPart> parts() const noexcept { return parts_; }
  /// `A`; `A+B` for a sequence.
  [[nodiscard]] std::string name() const {
    std::string name;
    for (const auto& part : parts_) {
      if (!name.empty()) name += '+';
      name += part.name;
    }
    return name;
  }
  /// How many users; a load test with less than one is refused.
  [[nodiscard]] constexpr std::int64_t users() const noexcept { return users_; }

  /// `100 * scenario<A>`: a hundred users, each running it once.
  friend constexpr Scenario operator*(std::int64_t users, Scenario scenario) noexcept {
    scenario.users_ = users * scenario.users_;
    return scenario;
  }

 private:
  std::span<const detail::ScenarioPart> parts_;
  std::int64_t users_ = 1;
};

/// The scenario of type S: any type with `static void run(Session&)`, and `init` and `teardown` of the same
/// form if it wants them.
template <class S>
inline constexpr Scenario scenario{detail::scenario_parts<S>};

/// Several scenarios, one after the other in one session. The assignments of one become config of the next;
/// cookies and state<T> carry over; each has its own init and teardown; a failure ends the sequence.
template <class... S>
requires(sizeof...(S) > 0) inline constexpr Scenario sequence{detail::scenario_parts<S...>};

}  // namespace v1
}  // namespace chaperon
