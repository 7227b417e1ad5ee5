// What is behind a Session.
#pragma once

#include <cstdint>
#include <exception>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <boost/intrusive/list_hook.hpp>

#include <chaperon/scenario.hpp>
#include <chaperon/session.hpp>

#include "base/random.hpp"
#include "http/cookies.hpp"
#include "http/pool.hpp"
#include "http/response_data.hpp"
#include "runtime/event_loop.hpp"
#include "session/loop_context.hpp"

namespace chaperon::session {

/// How a session ended.
enum class Outcome : std::uint8_t { ok, failed, cancelled, timed_out };

/// The word for an outcome in results: `timed out`.
std::string_view to_string(Outcome outcome) noexcept;

/// Told of the ends of sessions.
class Owner {
 public:
  virtual ~Owner() = default;
  /// The session has ended. On the loop's stack. It may be destroyed, unless its fiber was abandoned
  /// (state.abandoned): then not before the loop.
  virtual void session_ended(State& state) = 0;
};

/// One user: what its scenario has set, what it has open, and the fiber on which it runs.
struct State final : runtime::FiberMain, boost::intrusive::list_base_hook<> {
  /// `parts`: the scenarios to run, one after the other. All arguments outlive the session.
  State(LoopContext& loop_context, const Profile& session_profile,
        std::span<const detail::ScenarioPart> scenario_parts, std::uint64_t seed, Owner& session_owner);
  ~State() override;
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  /// Starts the fiber; false if there is no memory for its stack.
  [[nodiscard]] bool start();

  // --- Life (lifecycle.cpp) ----------------------------------------------------------------------

  void run() override;
  void ended(runtime::FiberEnd end, std::string_view why) override;
  /// Ends the session from outside, on the loop's stack: everything it waits for is given up, `run` is
  /// unwound.
  void cancel(Outcome as, std::string reason);

  /// Begins every call: throws WrongSession from another fiber, Cancelled if the session is being cancelled.
  /// False: it is being cancelled while the stack unwinds already, so the call has to come back as failed.
  bool enter();
  /// Like enter(), for calls that do not wait: a cancelled session may still make them.
  void check_fiber() const;
  /// Runs scenarios within the one that runs now; `config` is null or the one they see instead of the
  /// session's.
  void run_nested(std::span<const detail::ScenarioPart> scenarios, std::unique_ptr<Json> config);
  /// After a wait that was cancelled: throws Cancelled unless the stack is unwinding already.
  void cancelled_here();
  [[noreturn]] void end_here(Outcome as, std::string_view reason);

  /// Waits until `due`, however often the fiber is woken for nothing.
  void wait_until(Instant due, bool long_wait);
  /// Counts an action; after 64 without a wait, lets the others run.
  void take_turn();

  // --- Config ------------------------------------------------------------------------------------

  [[nodiscard]] const Json& config() const noexcept { return own_config ? *own_config : profile.config; }
  Json& config_for_change();
  /// The engine's own reading of config(); throws ConfigTypeError.
  const Settings& settings() {
    if (settings_stale) [[unlikely]]
      read_settings();
    return own_settings ? *own_settings : profile.settings;
  }

  // --- Measuring ---------------------------------------------------------------------------------

  void record_duration(std::string_view action, std::string_view target, Duration duration);
  void record_error(std::string_view action, std::string_view target, std::string_view reason,
                    Duration duration, std::string_view example);

  /// `7f3a… (Shopper)`: how messages name this session.
  [[nodiscard]] std::string description() const;
  /// Whether what it does now is in no row.
  [[nodiscard]] bool in_teardown() const noexcept { return in_teardown_; }

  LoopContext& context;
  const Profile& profile;
  std::span<const detail::ScenarioPart> parts;
  Owner& owner;
  runtime::Fiber* fiber = nullptr;
  Session session;
  Random random;
  Uuid id;
  std::string_view running{};   ///< the scenario that runs now, if it is one of several or nested; else empty
  std::string_view activity{};  ///< the action under way, for messages; empty if none

  Outcome outcome = Outcome::ok;
  std::string outcome_reason;
  bool abandoned = false;   ///< its fiber did not come to an end by itself
  bool overflowed = false;  ///< because it used up its stack
  unsigned thrown_cancellations = 0;
  unsigned actions_without_wait = 0;
  Instant run_began{};
  Instant run_ended{};

  // What the scenario has set. Null until then: most sessions never do.
  std::unique_ptr<Json> own_config;
  std::unique_ptr<Settings> own_settings;
  bool settings_stale = false;
  Json assignments;
  Headers headers;
  std::string authorization;  ///< by basic_auth() or bearer_token()
  std::unique_ptr<http::CookieJar> cookies;
  /// Destroyed at the end of run(); those of an abandoned session never are.
  std::vector<std::pair<const detail::StateType*, void*>> states;

  http::Pool pool;
  detail::ResponseData* response = nullptr;

 private:
  class Deadline;
  class TeardownScope;

  Outcome run_parts();
  Outcome run_part(const detail::ScenarioPart& scenario);
  void run_nested_part(const detail::ScenarioPart& scenario);
  void tear_down(const detail::ScenarioPart& scenario);
  void destroy_states() noexcept;
  Outcome classify_exception();
  void assignments_to_config();
  void wait_for_start();
  [[nodiscard]] Duration duration_from_config(std::string_view key, Duration fallback) const;
  void read_settings();

  bool in_teardown_ = false;
  std::optional<std::pair<Outcome, std::string>> deferred_cancel_;  // came during a teardown
};

/// What an exception says, for a person: `UnexpectedStatus: post(/login): 503, expected 200`.
std::string describe_exception(const std::exception_ptr& thrown);

}  // namespace chaperon::session
