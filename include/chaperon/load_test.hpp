/// @file
/// Load tests: a table of scenarios, and the call that runs it.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include <chaperon/duration.hpp>
#include <chaperon/errors.hpp>
#include <chaperon/json.hpp>
#include <chaperon/results.hpp>
#include <chaperon/scenario.hpp>

namespace chaperon {
inline namespace v1 {

/// One entry of a load test's table: `{100 * scenario<Shopper>, "crowd", {{"delay", 500}}}`. Without a name
/// it has its scenario's; a sequence's is `A+B`. Entries of the same name share their metric rows.
struct ScenarioEntry {
  /// `{scenario<A>, {{"key", "value"}}}`
  ScenarioEntry(Scenario what, Json entry_config) : scenario(what), config(std::move(entry_config)) {}
  /// `scenario<A>` alone.
  ScenarioEntry(Scenario what) : scenario(what) {}  // NOLINT(google-explicit-constructor)
  /// `{scenario<A>, "name", {{"key", "value"}}}`
  template <class Name>
  requires(std::convertible_to<Name, std::string_view> && !std::same_as<Name, std::nullptr_t>)
      ScenarioEntry(Scenario what, const Name& entry_name, Json entry_config = nullptr)
      : scenario(what), name(std::string_view(entry_name)), config(std::move(entry_config)) {}

  Scenario scenario;  ///< what a user does, and how many do it
  std::string name;   ///< empty: the scenario's own
  Json config;        ///< merged over the load test's config; null is an empty object
};

/// A load test's table.
using Scenarios = std::vector<ScenarioEntry>;

/// How far a worker of a cluster is.
struct WorkerProgress {
  std::string name;                ///< the worker's
  std::uint64_t live = 0;          ///< sessions that are running there
  double requests_per_second = 0;  ///< over the last interval
  std::optional<Duration> p50{};   ///< of the last interval's answers; nothing if there were none
  std::optional<Duration> p99{};   ///< likewise
  double busiest_loop = 0;         ///< CPU as a share of one core over the last interval, 0 to 1
  bool lost = false;               ///< it does not take part any more
  Duration silent{0};              ///< since it reported last, if that is more than it should be
};

/// How far a running load test is, for a live display.
struct Progress {
  Duration elapsed{0};                    ///< since the run began
  std::uint64_t waiting = 0;              ///< sessions not started yet
  std::uint64_t live = 0;                 ///< sessions that are running
  std::uint64_t done = 0;                 ///< sessions that have ended
  std::uint64_t requests = 0;             ///< so far
  double requests_per_second = 0;         ///< over the last interval
  double messages_per_second = 0;         ///< of WebSockets, sent and received, over the last interval
  double error_share = 0;                 ///< of the last interval's requests, 0 to 1
  std::optional<Duration> p50{};          ///< of the last interval's answers; nothing if there were none
  std::optional<Duration> p99{};          ///< likewise
  double busiest_loop = 0;                ///< CPU as a share of one core over the last interval, 0 to 1
  std::vector<WorkerProgress> workers{};  ///< of a cluster
};

/// What is about to run, for the line above the live display.
struct RunStart {
  std::string load_test;               ///< its name
  std::string base_url;                ///< empty if the config has none
  std::uint64_t sessions = 0;          ///< in all
  unsigned loops = 0;                  ///< event loops, one a thread
  std::uint64_t seed = 0;              ///< of all random draws
  std::vector<std::string> workers{};  ///< of a cluster
};

/// How to run a load test. Every member has a default.
struct RunOptions {
  Json config = Json::object();         ///< merged over default_config() and every entry's config
  std::string base_url{};               ///< wins over every other base_url
  unsigned threads = 0;                 ///< event loops; 0: one per core
  std::optional<std::uint64_t> seed{};  ///< of every random draw; default: drawn
  std::size_t stack_size = 0;           ///< of each session, bytes of address space; 0: 256 KiB
  std::vector<std::string> metrics{};   ///< record only actions of these names; empty: all
  std::stop_token stop{};  ///< when it is requested: nothing starts, what runs is cancelled and reported
  std::function<void(const RunStart&)> on_start{};  ///< called once, before the first session starts
  std::function<void(const Progress&)>
      on_progress{};                ///< called every `progress_interval` from the calling thread
  Duration progress_interval = 1s;  ///< how often on_progress is called
};

/// A load test as a value: what CHAPERON_LOAD_TEST registers. `scenarios` gets the merged config.
struct RegisteredLoadTest {
  std::string name;                                        ///< its type's
  std::function<Json()> default_config;                    ///< empty: none
  std::function<Scenarios(const Json& config)> scenarios;  ///< the table
  std::function<bool(std::string_view action)> record{};   ///< which actions are recorded; empty: all
};

/// Runs a load test: starts its sessions, waits until all have ended, and returns the merged results. Blocks
/// the calling thread (not for use within a session). Throws InputError if the load test cannot be run: no
/// scenario, fewer than one user, a malformed base_url or option, two different scenarios of one name; and
/// what default_config() or scenarios() throw. Failures of sessions are in the results.
CHAPERON_API Results run_load_test(const RegisteredLoadTest& load_test, const RunOptions& options = {});

namespace detail {

CHAPERON_API void register_load_test(RegisteredLoadTest load_test);

template <class T>
RegisteredLoadTest describe_load_test() {
  static_assert(
      requires {
        { T::scenarios() } -> std::convertible_to<Scenarios>;
      } ||
          requires(const Json& config) {
            { T::scenarios(config) } -> std::convertible_to<Scenarios>;
          },
      "a load test needs `static chaperon::Scenarios scenarios()` or `static chaperon::Scenarios "
      "scenarios(const chaperon::Json& config)`");
  RegisteredLoadTest load_test{.name = std::string(type_name<T>()), .default_config = {}, .scenarios = {}};
  if constexpr (requires {
                  { T::default_config() } -> std::convertible_to<Json>;
                }) {
    load_test.default_config = [] { return Json(T::default_config()); };
  }
  if constexpr (requires(const Json& config) { T::scenarios(config); }) {
    load_test.scenarios = [](const Json& config) { return Scenarios(T::scenarios(config)); };
  } else {
    load_test.scenarios = [](const Json&) { return Scenarios(T::scenarios()); };
  }
  if constexpr (requires(std::string_view action) {
                  { T::record(action) } -> std::convertible_to<bool>;
                }) {
    load_test.record = [](std::string_view action) { return bool(T::record(action)); };
  }
  return load_test;
}

template <class T>
struct LoadTestRegistration {
  LoadTestRegistration() { register_load_test(describe_load_test<T>()); }
};

}  // namespace detail

/// Every load test registered with CHAPERON_LOAD_TEST in this process, in the order of registration.
CHAPERON_API const std::vector<RegisteredLoadTest>& load_tests();

/// Runs the load test of type T: a type with `static Scenarios scenarios()`, and `static Json
/// default_config()` if it wants one. Blocks and throws as the other overload does.
template <class T>
Results run_load_test(const RunOptions& options = {}) {
  return run_load_test(detail::describe_load_test<T>(), options);
}

}  // namespace v1
}  // namespace chaperon

/// Makes a load test known to `chaperon run`, by its type's name. At file scope, once per load test.
#define CHAPERON_LOAD_TEST(Type) CHAPERON_LOAD_TEST_(Type, __COUNTER__)
#define CHAPERON_LOAD_TEST_(Type, Number) CHAPERON_LOAD_TEST_2_(Type, Number)
#define CHAPERON_LOAD_TEST_2_(Type, Number)                                                          \
  namespace {                                                                                        \
  [[maybe_unused]] const ::chaperon::detail::LoadTestRegistration<Type> chaperon_load_test_##Number; \
  }
