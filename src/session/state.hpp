// What is behind a Session.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <boost/intrusive/list.hpp>

#include <chaperon/detail/task.hpp>
#include <chaperon/scenario.hpp>
#include <chaperon/session.hpp>

#include "base/random.hpp"
#include "http/cookies.hpp"
#include "http/pool.hpp"
#include "http/response_data.hpp"
#include "runtime/event_loop.hpp"
#include "session/loop_context.hpp"
#include "session/sockets.hpp"

namespace chaperon::session {

struct ScheduledScenario;
struct State;
struct Tasks;
using TaskList = boost::intrusive::list<State>;

/// How a session ended.
enum class Outcome : std::uint8_t { ok, failed, cancelled, timed_out };

/// The word for an outcome in results: `timed out`.
std::string_view to_string(Outcome outcome) noexcept;

/// Told of the ends of sessions.
class Owner {
 public:
  virtual ~Owner() = default;
  /// The session, which is no task, has ended. On the loop's stack. It may be destroyed, unless its fiber was
  /// abandoned (state.abandoned): then not before the loop.
  virtual void session_ended(State& state) = 0;
  /// A task has ended whose fiber was abandoned: it is not to be destroyed before the loop.
  virtual void task_abandoned(std::unique_ptr<State> task) = 0;
};

/// What a task is to the session that has started it.
enum class TaskKind : std::uint8_t {
  awaited,    ///< the session waits for it at the end of its run, if not before
  background  ///< the session cancels it then
};

/// One session, a user's first or a task of it: what its scenario has set, what it has open, and the fiber on
/// which it runs.
struct State final : runtime::FiberMain, boost::intrusive::list_base_hook<> {
  /// A user. `parts`: the scenarios to run, one after the other. All arguments outlive the session.
  State(LoopContext& loop_context, const Profile& session_profile,
        std::span<const detail::ScenarioPart> scenario_parts, std::uint64_t seed, Owner& session_owner);
  /// A task of `parent_session`, with copies of what that has set. On the parent's fiber; throws what copies
  /// throw.
  State(State& parent_session, std::string_view task_name, std::unique_ptr<detail::TaskBody> task_body,
        TaskKind task_kind);
  /// A scheduled scenario, which a session on another loop waits for.
  State(LoopContext& loop_context, const Profile& session_profile, std::shared_ptr<ScheduledScenario> given,
        Owner& session_owner);
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
  void cancel(Outcome as, const std::string& reason);

  /// Starts a task. Throws TaskFailed if there is no memory for its stack. `planned`: when it should begin.
  void start_task(std::string_view name, std::unique_ptr<detail::TaskBody> body, TaskKind kind,
                  Instant planned = Instant::max());
  /// Waits until no task of these names is running; TimeoutError after `due`.
  void await_tasks(TaskNames names, std::optional<Duration> timeout);
  /// The running tasks of that name that this session has started; nullptr if there are none.
  TaskList* find_tasks(std::string_view name) noexcept;
  /// Puts a value into the mailbox; false if nobody will ever take it out.
  bool deliver(Json value);
  /// Takes the first value out of the mailbox that is equal to `wanted`, or the first at all if that is null;
  /// waits for it. Nothing: it has not come in time, or the session is being cancelled while the stack
  /// unwinds.
  std::optional<Json> take_signal(const Json* wanted, Duration timeout);
  /// `["a","b"]`: what is in the mailbox, for messages.
  [[nodiscard]] std::string mailbox_text() const;
  /// Writes what a scheduled scenario brings back.
  void hand_back(ScheduledScenario& to);
  /// The socket of that name: its own, or else that of the nearest session that has one; nullptr if there is
  /// none.
  Socket* find_socket(std::string_view name) noexcept;
  /// Ends what ws_close has waited for.
  void dismiss_closing(const websocket::Connection& connection) noexcept;
  /// Whether the connection of that name has stopped reading.
  [[nodiscard]] bool holds_up(std::string_view name) noexcept;
  /// Its own socket of that name, made if there is none yet.
  Socket& own_socket(std::string_view name);
  /// Has it run on another loop, and waits for its end.
  void run_scheduled(const std::shared_ptr<ScheduledScenario>& sent);
  /// Waits until it is woken or `due` has come. Every wait in which a session hears of its tasks goes through
  /// here. False: `due` has come, or the session is being cancelled while the stack unwinds. Throws
  /// Cancelled, and TaskFailed, unless `*over`: what it waits for has happened by then.
  bool wait_linked(Instant due, const bool* over = nullptr);
  /// Throws TaskFailed if a task has failed and this was not said yet.
  void throw_task_failure();

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
  [[nodiscard]] bool in_teardown() const noexcept { return in_teardown_ || unrecorded_; }
  /// The connections of its user.
  [[nodiscard]] http::Pool& pool() noexcept { return root.own_pool_; }

  LoopContext& context;
  const Profile& profile;
  State* const parent = nullptr;  ///< of a task; else null
  State& root;                    ///< the user's first session
  const std::string task;         ///< the name of a task; else empty
  std::span<const detail::ScenarioPart> parts;
  Owner& owner;
  runtime::Fiber* fiber = nullptr;
  Session session;
  Random random;
  Uuid id;
  std::uint64_t user = 0;       ///< its number in the load test, if it is a user's first session
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

  detail::ResponseData* response = nullptr;
  std::vector<Socket> sockets;                                  ///< that it has connected itself
  std::vector<std::unique_ptr<websocket::Connection>> closing;  ///< those that ws_close waits for
  websocket::Waiter* waits_on = nullptr;                        ///< while it waits on one of them
  std::shared_ptr<ScheduledScenario> scheduled;                 ///< if it was sent here by another loop

 private:
  class Deadline;
  class TeardownScope;

  void run_task(const std::function<void()>& body);
  template <class F>
  void in_scope(F&& f);
  void await_scope();
  void end_scope();
  void cancel_tasks(std::size_t from_scope, const std::string& reason);
  void wait_for_end_of_tasks(std::size_t from_scope);
  void task_ended(State& ended_task);
  void close_sockets() noexcept;
  void drop_states() noexcept;
  void finish_scheduled(const std::shared_ptr<ScheduledScenario>& sent, const bool& is_back);
  void conclude();
  void record_task();
  Outcome run_parts();
  Outcome run_part(const detail::ScenarioPart& scenario);
  void init_and_run(const detail::ScenarioPart& scenario);
  void run_nested_part(const detail::ScenarioPart& scenario);
  void tear_down(const detail::ScenarioPart& scenario);
  void destroy_states() noexcept;
  Outcome classify_exception();
  void assignments_to_config();
  void wait_for_start();
  [[nodiscard]] Duration duration_from_config(std::string_view key, Duration fallback) const;
  void read_settings();

  http::Pool own_pool_;  // of a user's first session
  std::unique_ptr<detail::TaskBody> body_;
  std::unique_ptr<Tasks> tasks_;               // made with the first
  std::unique_ptr<std::deque<Json>> mailbox_;  // made with the first signal
  std::exception_ptr failure_;                 // what has left a task
  Instant planned_ = Instant::max();           // when a task of cc_spread should have begun
  std::uint16_t scope_ = 0;                    // how deep its scenarios are nested
  std::uint16_t parent_scope_ = 0;             // of a task: where its parent was when it started it
  TaskKind kind_ = TaskKind::awaited;
  bool linked_wait_ = false;    // it waits where it hears of its tasks
  bool awaits_signal_ = false;  // likewise, for a signal
  bool unrecorded_ = false;     // a task of a teardown
  bool in_teardown_ = false;
  std::optional<std::pair<Outcome, std::string>> deferred_cancel_;  // came during a teardown
};

/// While it lives, the session does this: for messages.
class Doing {
 public:
  Doing(State& state, std::string_view activity)
      : state_(state), outer_(std::exchange(state.activity, activity)) {}
  ~Doing() { state_.activity = outer_; }
  Doing(const Doing&) = delete;
  Doing& operator=(const Doing&) = delete;

 private:
  State& state_;
  std::string_view outer_;
};

/// What an exception says, for a person: `UnexpectedStatus: post(/login): 503, expected 200`.
std::string describe_exception(const std::exception_ptr& thrown);

}  // namespace chaperon::session
