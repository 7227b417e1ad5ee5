// Session: one simulated user, as a scenario sees it.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <initializer_list>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include <fmt/format.h>

#include <chaperon/detail/convert.hpp>
#include <chaperon/detail/names.hpp>
#include <chaperon/detail/task.hpp>
#include <chaperon/duration.hpp>
#include <chaperon/errors.hpp>
#include <chaperon/http.hpp>
#include <chaperon/json.hpp>
#include <chaperon/scenario.hpp>
#include <chaperon/websocket.hpp>

namespace chaperon {

namespace session {
struct State;
}

inline namespace v1 {

/// How often and after what pause `retry_on_error` calls again.
struct RetryOptions {
  int retries = 1;             ///< calls after the first
  Duration delay{0};           ///< before each of them
  Duration random_delay = 1s;  ///< plus a random duration up to this
};

/// Whether run_scenario() merges the config it is given into the session's or puts it in its place.
enum class MergeConfig : bool {
  no,   ///< in its place
  yes,  ///< merged
};

/// Several names of tasks: {"publish", "subscribe"}.
using TaskNames = std::initializer_list<std::string_view>;

/// A namespace of the config or the assignments, or a path of keys into them: {"echo", "iterations"}.
using Keys = std::initializer_list<std::string_view>;

/// Several keys with their values: {{"user", "ann"}, {"age", 7}}.
using KeyValues = std::initializer_list<std::pair<std::string_view, Json>>;

/// An action of one's own for run_action(): it has a name, which is its metric's, and runs in a session.
template <class A>
concept CustomAction = requires(A& action, Session& session) {
  { action.name() } -> std::convertible_to<std::string_view>;
  action.run(session);
};

namespace detail {

enum class LineLevel : std::uint8_t { debug, info, warn, error };

// How to make, copy and destroy the value behind Session::state<T>(); its address identifies T.
struct StateType {
  void* (*make)();
  void* (*copy)(const void*);  // null: T is not copyable, a copy is a new one
  void (*destroy)(void*);
};

template <class T>
inline constexpr StateType state_type{
    [] { return static_cast<void*>(new T()); },
    [] {
      if constexpr (std::copy_constructible<T>) {
        return +[](const void* value) { return static_cast<void*>(new T(*static_cast<const T*>(value))); };
      } else {
        return static_cast<void* (*)(const void*)>(nullptr);
      }
    }(),
    [](void* value) { delete static_cast<T*>(value); },
};

}  // namespace detail

/// One simulated user. A scenario gets one as the argument of its functions and acts through it; actions
/// return the session, so that they chain. Calls marked (waits) suspend this session and no other; while a
/// session is being cancelled they throw Cancelled. All calls throw WrongSession when they are made from
/// another task than the session's own.
class CHAPERON_API Session {
 public:
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  // --- Who and when ------------------------------------------------------------------------------

  /// The session's id, a UUID.
  [[nodiscard]] std::string id() const;
  /// The session's name: its scenario's, or the one that the load test's table gives it.
  [[nodiscard]] std::string_view name() const noexcept;
  /// The steady clock, read fresh.
  [[nodiscard]] Instant now() const noexcept;

  // --- HTTP --------------------------------------------------------------------------------------

  /// Sends a request to base_url + path, or to a full URL, and waits for the answer (waits; at most the
  /// timeout). Whatever the server does, it does not throw: the outcome is recorded, response() has it, and
  /// `with_result` or `on_error` is called. Throws InvalidArgument for options that cannot work (two bodies,
  /// a header with a line break), RequiredConfigMissing without a base_url, and what the callbacks throw.
  ///
  ///     session.get("/items", {.params = {{"page", 2}}}).expect(200);
  Session& get(std::string_view path);
  /// The same with options.
  Session& get(std::string_view path, const HttpOptions& options);
  /// Like get() (waits); the answer has no body.
  Session& head(std::string_view path, const HttpOptions& options = {});
  /// Like get(), with a body (waits): `session.post("/login", {.json = {{"user", "ann"}}})`.
  Session& post(std::string_view path, const HttpOptions& options = {});
  /// Like post() (waits).
  Session& put(std::string_view path, const HttpOptions& options = {});
  /// Like post() (waits).
  Session& patch(std::string_view path, const HttpOptions& options = {});
  /// Like get() (waits); named `del` because `delete` is a keyword.
  Session& del(std::string_view path, const HttpOptions& options = {});
  /// Like get() (waits).
  Session& options(std::string_view path, const HttpOptions& options = {});
  /// Like get(), with any method (waits): `session.request("PROPFIND", "/dav")`. InvalidArgument if it is no
  /// HTTP token.
  Session& request(std::string_view method, std::string_view path, const HttpOptions& options = {});

  /// The answer to the last request; `status()` is 0 if none came.
  [[nodiscard]] Response response() const;
  /// Throws UnexpectedStatus unless the last answer's status is one of these: `session.get("/").expect(200,
  /// 304)`.
  template <std::same_as<int>... More>
  Session& expect(int status, More... more) {
    expect_status({status, more...});
    return *this;
  }

  /// Sends this header with every later request of this session; replaces one of the same name. Throws
  /// InvalidArgument for a name or value that cannot be sent.
  Session& set_header(std::string_view name, std::string_view value);
  /// Sends `Authorization: Bearer TOKEN` with every later request.
  Session& bearer_token(std::string_view token);
  /// Sends HTTP Basic authentication with every later request.
  Session& basic_auth(std::string_view user, std::string_view password);
  /// Forgets all cookies.
  Session& delete_cookies();

  // --- WebSocket ---------------------------------------------------------------------------------

  /// Opens a WebSocket to base_url + path, or to a full ws:// URL (waits; at most the timeout). Sends cookies
  /// and headers as a request does; response() has the server's answer. A connection that is open under the
  /// same name is closed first. A task sees the connections of the session that started it; one that it opens
  /// itself goes before that of the same name, and is closed with the task.
  ///
  /// All of these: a failure is recorded as `Error REASON ws_connect(URL)`, then given to `on_error`; without
  /// one WebSocketError is thrown. Throws InvalidArgument for options that cannot work.
  Session& ws_connect(std::string_view path, const WsConnectOptions& options = {});

  /// Sends a text message; waits only while the kernel takes no more (waits). Recorded as `ws_send(URL)`:
  /// until all of it was handed to the kernel. Throws WebSocketNotOpen, which says what to do, if the
  /// connection was never opened, could not be, or was closed by ws_close.
  Session& ws_send(std::string_view text, const WsSendOptions& options = {}) {
    return send_message(text, false, options);
  }
  /// The same with a JSON value as text.
  template <std::same_as<Json> J>
  Session& ws_send(const J& json, const WsSendOptions& options = {}) {
    return send_json(json, options);
  }
  /// The same in braces: `ws_send({{"type", "line"}, {"text", "Hello"}})`.
  Session& ws_send(Json::initializer_list_t json, const WsSendOptions& options = {}) {
    return send_json(Json(json), options);
  }
  /// The same with a binary message.
  Session& ws_send(std::span<const std::byte> bytes, const WsSendOptions& options = {}) {
    return send_message({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, true, options);
  }

  /// Takes the next message, or waits for it (waits). Each message goes to one receiver only, in the order in
  /// which they asked. Recorded as `ws_recv(URL)`: from the call until the message was there, 0 if it was
  /// there already. After the server has closed the connection, what had come is received first; then it
  /// fails with `closed`. Throws WebSocketNotOpen, and TaskFailed if a task of this session has failed.
  ///
  ///     session.ws_recv({.with_result = [](Session& s, const WsMessage& m) { s.log_info("{}", m.text());
  ///     }});
  Session& ws_recv(const WsRecvOptions& options = {});

  /// Takes messages until one is equal to this text (waits); the others are skipped, and recorded as
  /// `ws_skipped(URL)`. Recorded as `ws_await_recv(URL)`. Otherwise like ws_recv().
  Session& ws_await_recv(std::string_view text, const WsRecvOptions& options = {});
  /// The same for a JSON value, which the message is to be equal to when it is parsed.
  template <std::same_as<Json> J>
  Session& ws_await_recv(const J& json, const WsRecvOptions& options = {}) {
    return await_json(json, options);
  }
  /// The same in braces: `ws_await_recv({{"type", "bye"}})`.
  Session& ws_await_recv(Json::initializer_list_t json, const WsRecvOptions& options = {}) {
    return await_json(Json(json), options);
  }
  /// The same for the first message of which `predicate(message)` is true.
  template <std::predicate<const WsMessage&> F>
  Session& ws_await_recv(F&& predicate, const WsRecvOptions& options = {}) {
    return await_message(std::forward<F>(predicate), options);
  }

  /// Sends a ping and waits for its pong (waits). Recorded as `ws_ping(URL)`: the round trip.
  Session& ws_ping(const WsPingOptions& options = {});

  /// Closes the connection: sends a close frame and waits for the server's (waits). What had come and was not
  /// received is dropped; other tasks that wait on the connection get `closed`. Nothing to do, and no
  /// failure, if the server has closed it. Throws InvalidArgument for a code that may not be sent.
  Session& ws_close(const WsCloseOptions& options = {});

  // --- Config ------------------------------------------------------------------------------------

  /// A config value as T: `config<int>("echo.iterations")`; a dot goes into nested objects. A duration type
  /// takes a number of milliseconds or a text such as "1.5s". Throws RequiredConfigMissing, or
  /// ConfigTypeError for another type or an integer out of T's range.
  template <class T>
  [[nodiscard]] T config(std::string_view key) const {
    return converted_config<T>(key, required_config(key));
  }
  /// The same by a path of keys, which may themselves contain dots.
  template <class T>
  [[nodiscard]] T config(Keys path) const {
    return converted_config<T>(path, required_config(path));
  }
  /// The same, or `fallback` if it is not set.
  template <class T, class Fallback>
  requires std::convertible_to<Fallback, T>
  [[nodiscard]] T config(std::string_view key, Fallback&& fallback) const {
    const Json* value = find_config(key);
    return value == nullptr ? static_cast<T>(std::forward<Fallback>(fallback))
                            : converted_config<T>(key, *value);
  }
  /// The same by a path of keys.
  template <class T, class Fallback>
  requires std::convertible_to<Fallback, T>
  [[nodiscard]] T config(Keys path, Fallback&& fallback) const {
    const Json* value = find_config(path);
    return value == nullptr ? static_cast<T>(std::forward<Fallback>(fallback))
                            : converted_config<T>(path, *value);
  }

  /// Sets a config value of this session; a dotted key nests.
  Session& set_config(std::string_view key, Json value);
  /// The same within a namespace.
  Session& set_config(std::string_view name_space, std::string_view key, Json value);
  /// Sets several values.
  Session& set_config(KeyValues values);
  /// Changes a config value in place: `f(Json&)`, null if it is not set.
  template <std::invocable<Json&> F>
  Session& update_config(std::string_view key, F&& f) {
    std::forward<F>(f)(config_for_update({}, key));
    return config_changed();
  }
  /// The same within a namespace.
  template <std::invocable<Json&> F>
  Session& update_config(std::string_view name_space, std::string_view key, F&& f) {
    std::forward<F>(f)(config_for_update(name_space, key));
    return config_changed();
  }

  // --- Assignments and state ---------------------------------------------------------------------

  /// Remembers a value under a key for the rest of the session.
  Session& assign(std::string_view key, Json value);
  /// The same within a namespace.
  Session& assign(std::string_view name_space, std::string_view key, Json value);
  /// Remembers several values.
  Session& assign(KeyValues values);
  /// Assigns several values within a namespace; what else is in it stays.
  Session& assign_in(std::string_view name_space, KeyValues values);
  /// Changes an assignment in place: `f(Json&)`, null if it was never made.
  template <std::invocable<Json&> F>
  Session& update_assign(std::string_view key, F&& f) {
    std::forward<F>(f)(assignment_for_update({}, key));
    return *this;
  }
  /// The same within a namespace.
  template <std::invocable<Json&> F>
  Session& update_assign(std::string_view name_space, std::string_view key, F&& f) {
    std::forward<F>(f)(assignment_for_update(name_space, key));
    return *this;
  }
  /// Forgets an assignment; nothing happens if it was never made.
  Session& delete_assign(std::string_view key);
  /// The same within a namespace.
  Session& delete_assign(std::string_view name_space, std::string_view key);
  /// The value assigned to a key. Throws AssignmentMissing.
  [[nodiscard]] Json assigned(std::string_view key) const { return required_assignment(key); }
  /// The same as T. Throws AssignmentMissing, or ConfigTypeError for another type.
  template <class T>
  [[nodiscard]] T assigned(std::string_view key) const {
    return converted_assignment<T>(key, required_assignment(key));
  }
  /// The same, or `fallback` if it was never made.
  template <class T, class Fallback>
  requires std::convertible_to<Fallback, T>
  [[nodiscard]] T assigned(std::string_view key, Fallback&& fallback) const {
    const Json* value = find_assignment(key);
    return value == nullptr ? static_cast<T>(std::forward<Fallback>(fallback))
                            : converted_assignment<T>(key, *value);
  }

  /// This session's own T, default-constructed at first use.
  template <class T>
  [[nodiscard]] T& state() {
    return *static_cast<T*>(find_state(detail::state_type<T>));
  }

  // --- Control -----------------------------------------------------------------------------------

  /// Calls f(session, args…).
  template <auto F, class... Args>
  Session& call(Args&&... args) {
    std::invoke(F, *this, std::forward<Args>(args)...);
    return *this;
  }
  /// The same for a lambda, or a function that is overloaded: `call("check out", f, args…)`.
  template <class F, class... Args>
  requires std::invocable<F&, Session&, Args...> Session& call(std::string_view /*name*/, F&& f,
                                                               Args&&... args) {
    std::invoke(f, *this, std::forward<Args>(args)...);
    return *this;
  }

  /// The same, and records how long it took as `call(Scenario.f)`, or `call(NAME)`; if an exception leaves
  /// it, as `Error exception call(…)`.
  template <auto F, class... Args>
  Session& call_traced(Args&&... args) {
    const CallName name(detail::scope_name<F>(), detail::function_name<F>());
    return traced("call", name.text(), [&] { std::invoke(F, *this, std::forward<Args>(args)...); });
  }
  /// The same for a lambda: recorded as `call(NAME)`.
  template <class F, class... Args>
  requires std::invocable<F&, Session&, Args...> Session& call_traced(std::string_view name, F&& f,
                                                                      Args&&... args) {
    return traced("call", name, [&] { std::invoke(f, *this, std::forward<Args>(args)...); });
  }

  /// Calls f(session, args…) `count` times, each time with copies of the arguments; not at all if count <= 0.
  /// Lets the others have their turn after 64 calls without a wait (waits).
  template <auto F, class... Args>
  Session& repeat(std::int64_t count, const Args&... args) {
    for (; count > 0; --count) {
      std::invoke(F, *this, std::decay_t<const Args&>(args)...);
      take_turn();
    }
    return *this;
  }
  /// The same for a lambda: `repeat("look", f, count, args…)`.
  template <class F, class... Args>
  requires std::invocable<F&, Session&, Args...> Session& repeat(std::string_view /*name*/, F&& f,
                                                                 std::int64_t count, const Args&... args) {
    for (; count > 0; --count) {
      std::invoke(f, *this, std::decay_t<const Args&>(args)...);
      take_turn();
    }
    return *this;
  }

  /// The same, each call recorded as call_traced() does (waits).
  template <auto F, class... Args>
  Session& repeat_traced(std::int64_t count, const Args&... args) {
    for (; count > 0; --count) {
      call_traced<F>(std::decay_t<const Args&>(args)...);
      take_turn();
    }
    return *this;
  }
  /// The same for a lambda.
  template <class F, class... Args>
  requires std::invocable<F&, Session&, Args...> Session& repeat_traced(std::string_view name, F&& f,
                                                                        std::int64_t count,
                                                                        const Args&... args) {
    for (; count > 0; --count) {
      call_traced(name, f, std::decay_t<const Args&>(args)...);
      take_turn();
    }
    return *this;
  }

  /// Calls f(session, args…) again and again: at least once, and never starts a call after `duration`. Lets
  /// the others have their turn after 64 calls without a wait (waits).
  template <auto F, class... Args>
  Session& loop(Duration duration, const Args&... args) {
    const auto start = now();
    do {
      std::invoke(F, *this, std::decay_t<const Args&>(args)...);
      take_turn();
    } while (now() - start < duration);
    return *this;
  }
  /// The same for a lambda: `loop("look", f, duration, args…)`.
  template <class F, class... Args>
  requires std::invocable<F&, Session&, Args...> Session& loop(std::string_view /*name*/, F&& f,
                                                               Duration duration, const Args&... args) {
    const auto start = now();
    do {
      std::invoke(f, *this, std::decay_t<const Args&>(args)...);
      take_turn();
    } while (now() - start < duration);
    return *this;
  }

  /// Calls f(session, args…); if an exception leaves it, waits and calls it again, at most `options.retries`
  /// times, then lets the exception pass (waits). A cancellation or an abort is never retried.
  template <auto F, class... Args>
  Session& retry_on_error(const RetryOptions& options, const Args&... args) {
    return retried(options, [&] { std::invoke(F, *this, std::decay_t<const Args&>(args)...); });
  }
  /// The same for a lambda: `retry_on_error("book", f, {.retries = 3}, args…)`.
  template <class F, class... Args>
  requires std::invocable<F&, Session&, Args...> Session& retry_on_error(std::string_view /*name*/, F&& f,
                                                                         const RetryOptions& options,
                                                                         const Args&... args) {
    return retried(options, [&] { std::invoke(f, *this, std::decay_t<const Args&>(args)...); });
  }

  // --- Tasks -------------------------------------------------------------------------------------

  /// Starts f(session, args…) as a child task of this session, which runs beside it from its next wait on.
  /// Capture by value: locals of the caller may be gone when the task runs; the arguments are copied into it
  /// (or moved, if they are given as such).
  ///
  /// The task has a Session of its own, with copies of this one's config, assignments, state<T>, headers and
  /// cookies, and uses this session's connections. What it assigns stays its own; what it measures counts as
  /// this session's. Recorded as `async(NAME)`, with how long it ran. If an exception leaves it, this session
  /// gets TaskFailed where it waits (await, await_signal, delay, ws_recv, ws_await_recv) or at its next such
  /// call. When `run` returns, tasks that nobody awaited are awaited; when it fails or is cancelled they are
  /// cancelled. Throws TaskFailed if there is no memory for its stack. Lets the others have their turn after
  /// 64 actions without a wait (waits).
  ///
  ///     session.async<subscribe>("/foo", 10).post("/publications").await<subscribe>();
  template <auto F, class... Args>
  requires detail::TaskCallable<decltype(F), Args...> Session& async(Args&&... args) {
    return start_task(detail::function_name<F>(), detail::make_task(F, std::forward<Args>(args)...));
  }
  /// The same for a lambda: `async("listen", [](Session& s) { s.ws_recv(); })`.
  template <class F, class... Args>
  requires detail::TaskCallable<F, Args...> Session& async(std::string_view name, F&& f, Args&&... args) {
    return start_task(name, detail::make_task(std::forward<F>(f), std::forward<Args>(args)...));
  }

  /// Waits until the tasks of that name have ended, however long it takes (waits). Comes back at once if none
  /// of that name is running. Throws TaskFailed if a task of this session has failed.
  Session& await(std::string_view task) { return await_tasks({task}, std::nullopt); }
  /// The same for several names: `await({"publish", "subscribe"})`.
  Session& await(TaskNames tasks) { return await_tasks(tasks, std::nullopt); }
  /// The same for the tasks that async<F>() has started.
  template <auto F>
  Session& await() {
    return await_tasks({detail::function_name<F>()}, std::nullopt);
  }
  /// The same; what has not ended within `timeout` is cancelled, and TimeoutError thrown.
  Session& await(std::string_view task, Duration timeout) { return await_tasks({task}, timeout); }
  /// The same for several names.
  Session& await(TaskNames tasks, Duration timeout) { return await_tasks(tasks, timeout); }
  /// The same for the tasks that async<F>() has started.
  template <auto F>
  Session& await(Duration timeout) {
    return await_tasks({detail::function_name<F>()}, timeout);
  }
  /// The same as await(), which waits for all tasks of that name as well (waits).
  Session& await_all(std::string_view task) { return await_tasks({task}, std::nullopt); }
  /// The same with a limit.
  Session& await_all(std::string_view task, Duration timeout) { return await_tasks({task}, timeout); }

  /// Cancels the tasks of that name, if any are running: each is unwound from where it waits. Does not wait
  /// for their end.
  Session& cancel(std::string_view task);

  /// Starts `rate` tasks f(session, args…), evenly over `interval`, each at its planned instant, and comes
  /// back when all have been started (waits); none if rate <= 0. How late each began is recorded as
  /// `start_lateness(NAME)`. Await them by their name.
  ///
  ///     session.cc_spread<publish>(1000, 1s).await<publish>();
  template <auto F, class... Args>
  requires detail::TaskCallable<decltype(F), Args...> Session& cc_spread(std::int64_t rate, Duration interval,
                                                                         const Args&... args) {
    return spread_tasks(detail::function_name<F>(), rate, interval,
                        [&] { return detail::make_task(F, args...); });
  }
  /// The same for a lambda: `cc_spread("publish", f, 1000, 1s)`.
  template <class F, class... Args>
  requires detail::TaskCallable<F, Args...> Session& cc_spread(std::string_view name, const F& f,
                                                               std::int64_t rate, Duration interval,
                                                               const Args&... args) {
    return spread_tasks(name, rate, interval, [&] { return detail::make_task(f, args...); });
  }

  /// From now on calls f(session, args…) whenever `interval` has passed, in a task of its own, until the
  /// scenario's `run` ends or cancel(NAME): heartbeats. The calls keep to the interval; those that are
  /// missed, because one took longer, are left out. Not awaited, and in no row by itself. Throws
  /// InvalidArgument unless interval > 0. Lets the others have their turn after 64 actions without a wait
  /// (waits).
  ///
  ///     session.every("heartbeat", [](Session& s) { s.ws_send("ping"); }, 30s);
  template <auto F, class... Args>
  requires detail::TaskCallable<decltype(F), Args...> Session& every(Duration interval, const Args&... args) {
    return start_every(detail::function_name<F>(), interval, repeated_call(interval, F, args...));
  }
  /// The same for a lambda.
  template <class F, class... Args>
  requires detail::TaskCallable<F, Args...> Session& every(std::string_view name, const F& f,
                                                           Duration interval, const Args&... args) {
    return start_every(name, interval, repeated_call(interval, f, args...));
  }

  // --- Signals -----------------------------------------------------------------------------------

  /// Puts a value into the mailbox of every running task of that name: of this session's own tasks, or, if it
  /// has none of that name, of its parent's, and so on upwards. Never waits. Values arrive in order and are
  /// kept until they are taken. A warning in the log if no task of that name is running.
  ///
  ///     session.signal("subscribe", {"stop", 1});
  Session& signal(std::string_view task, Json value);
  /// The same for the tasks that async<F>() has started.
  template <auto F>
  Session& signal(Json value) {
    return signal(detail::function_name<F>(), std::move(value));
  }
  /// The same for the session that has started this task. Throws InvalidArgument if this is no task.
  Session& signal_parent(Json value);

  /// Waits until a value equal to this one is in the mailbox, and takes it out; others stay (waits; at most
  /// `timeout`, by default config `timeout`). Throws TimeoutError, which lists what is in the mailbox, and
  /// TaskFailed if a task of this session has failed. A timeout is recorded as `Error timeout await_signal`.
  Session& await_signal(const Json& value) { return take_signal(value, std::nullopt); }
  /// The same with a limit.
  Session& await_signal(const Json& value, Duration timeout) { return take_signal(value, timeout); }
  /// The same for the first value, whatever it is: calls `callback(session, value)`.
  template <std::invocable<Session&, const Json&> F>
  Session& await_signal(F&& callback) {
    if (const auto value = next_signal(std::nullopt)) std::forward<F>(callback)(*this, *value);
    return *this;
  }
  /// The same with a limit.
  template <std::invocable<Session&, const Json&> F>
  Session& await_signal(F&& callback, Duration timeout) {
    if (const auto value = next_signal(timeout)) std::forward<F>(callback)(*this, *value);
    return *this;
  }
  /// Waits for any value and takes it out; if none comes within `timeout`, records `Error timeout
  /// await_signal` and goes on (waits). Throws TaskFailed.
  Session& await_signal_or_timeout(Duration timeout) {
    static_cast<void>(next_signal_or_timeout(timeout));
    return *this;
  }
  /// The same, and calls `callback(session, value)` if one has come.
  template <std::invocable<Session&, const Json&> F>
  Session& await_signal_or_timeout(Duration timeout, F&& callback) {
    if (const auto value = next_signal_or_timeout(timeout)) std::forward<F>(callback)(*this, *value);
    return *this;
  }

  // --- Scenarios in scenarios --------------------------------------------------------------------

  /// Runs another scenario's init, run and teardown in this session, with `config` merged into the session's
  /// as long as it runs, or, with MergeConfig::no, in its place. Its assignments, cookies and state<T> stay.
  /// Recorded as `run_scenario(NAME)`. What leaves its run as an exception leaves this call, after its
  /// teardown (waits).
  ///
  ///     session.run_scenario<LogIn>({{"user", "ann"}}).get("/cart");
  template <class S>
  Session& run_scenario(const Json& config = Json::object(), MergeConfig merge = MergeConfig::yes) {
    return run_scenario(scenario<S>, config, merge);
  }
  /// The same for a scenario as a value: `scenario<A>`, `sequence<A, B>`. Throws InvalidArgument for more
  /// than one user.
  Session& run_scenario(const Scenario& what, const Json& config = Json::object(),
                        MergeConfig merge = MergeConfig::yes) {
    const auto name = check_nested("run_scenario", what, config);
    return traced("run_scenario", name, [&] { run_nested(what, config, merge); });
  }

  /// The same as run_scenario(), on another event loop (later: another machine), while this session waits
  /// (waits). Config, assignments, headers and cookies go there; assignments and cookies come back; state<T>
  /// is not carried. Recorded as `schedule_scenario(NAME)`. If the scenario fails there, throws TaskFailed,
  /// after its teardown.
  template <class S>
  Session& schedule_scenario(const Json& config = Json::object(), MergeConfig merge = MergeConfig::yes) {
    return schedule_scenario(scenario<S>, config, merge);
  }
  /// The same for a scenario as a value: `scenario<A>`, `sequence<A, B>`.
  Session& schedule_scenario(const Scenario& what, const Json& config = Json::object(),
                             MergeConfig merge = MergeConfig::yes) {
    const auto name = check_nested("schedule_scenario", what, config);
    return traced("schedule_scenario", name, [&] { run_scheduled(what, config, merge); });
  }

  // --- Waiting and ending ------------------------------------------------------------------------

  /// Waits (waits): `delay(500ms)`, `delay(random(2s))`. Zero or less lets the others run and comes back.
  Session& delay(Duration duration);
  /// The same for a time that is drawn.
  Session& delay(RandomDuration duration);
  /// Does not compile: a delay needs a unit.
  template <class T>
  requires std::integral<T> || std::floating_point<T> Session& delay(T /*without a unit*/) {
    static_assert(detail::always_false<T>, "a delay needs a unit: write delay(500ms)");
    return *this;
  }
  /// Waits for a random time, uniform in (0, max] (waits).
  Session& random_delay(Duration max);

  /// Ends this session here: throws Cancelled; the session counts as cancelled, with this reason.
  [[noreturn]] void abort(std::string_view reason);
  /// Ends this session here: throws Cancelled; the session counts as failed, with this reason.
  [[noreturn]] void fail(std::string_view reason);

  /// Runs code that blocks (a database driver, a file) on a pool of threads and waits for it (waits); returns
  /// what it returns, throws what it throws. It must not use the session. Once begun it is waited for even
  /// when the session is cancelled.
  template <std::invocable F>
  std::invoke_result_t<F&> blocking(F&& f) {
    using Result = std::invoke_result_t<F&>;
    std::exception_ptr failure;
    if constexpr (std::is_void_v<Result>) {
      run_blocking([&] {
        try {
          f();
        } catch (...) {
          failure = std::current_exception();
        }
      });
      if (failure) std::rethrow_exception(std::move(failure));
    } else {
      std::optional<Result> result;
      run_blocking([&] {
        try {
          result.emplace(f());
        } catch (...) {
          failure = std::current_exception();
        }
      });
      if (failure) std::rethrow_exception(std::move(failure));
      // Cancelled while the stack unwinds: f was not called, and nothing may be thrown.
      if constexpr (std::default_initializable<Result>) {
        if (!result) return Result();
      } else {
        if (!result) std::terminate();
      }
      return *std::move(result);
    }
  }

  // --- Measuring ---------------------------------------------------------------------------------

  /// Runs an action of one's own and records how long it took under its name().
  template <CustomAction A>
  Session& run_action(A&& action) {
    const std::string name(std::string_view(action.name()));
    return traced(name, {}, [&] { action.run(*this); });
  }
  /// Calls f() and records how long it took as `metric`; returns what it returns.
  template <std::invocable F>
  std::invoke_result_t<F> time(std::string_view metric, F&& f) {
    if constexpr (std::is_void_v<std::invoke_result_t<F>>) {
      traced(metric, {}, std::forward<F>(f));
    } else {
      std::optional<std::invoke_result_t<F>> result;
      traced(metric, {}, [&] { result.emplace(std::forward<F>(f)()); });
      return *std::move(result);
    }
  }
  /// Records the time from an instant until now as `metric`.
  Session& time_since(Instant start, std::string_view metric);
  /// Records a duration as `metric`.
  Session& add_metric(std::string_view metric, Duration value);
  /// Records a number without a unit as `metric`.
  template <class T>
  requires std::integral<T> || std::floating_point<T> Session& add_metric(std::string_view metric, T value) {
    return add_number(metric, static_cast<double>(value));
  }

  // --- Logging -----------------------------------------------------------------------------------

  /// Writes a line of level `debug` to the log (stderr), with the session's id and name before it; formatted
  /// as by fmt, and only if the level is shown (`--log-level`). Never waits.
  template <class... Args>
  Session& log_debug(fmt::format_string<Args...> format, Args&&... args) {
    return log(detail::LineLevel::debug, format, fmt::make_format_args(args...));
  }
  /// The same at level `info`.
  template <class... Args>
  Session& log_info(fmt::format_string<Args...> format, Args&&... args) {
    return log(detail::LineLevel::info, format, fmt::make_format_args(args...));
  }
  /// The same at level `warn`.
  template <class... Args>
  Session& log_warn(fmt::format_string<Args...> format, Args&&... args) {
    return log(detail::LineLevel::warn, format, fmt::make_format_args(args...));
  }
  /// The same at level `error`.
  template <class... Args>
  Session& log_error(fmt::format_string<Args...> format, Args&&... args) {
    return log(detail::LineLevel::error, format, fmt::make_format_args(args...));
  }

 private:
  friend struct session::State;
  explicit Session(session::State& state) noexcept : state_(state) {}
  ~Session() = default;

  // `Scenario.f`, put together without allocating.
  class CHAPERON_API CallName {
   public:
    CallName(std::string_view scope, std::string_view function) noexcept;
    [[nodiscard]] std::string_view text() const noexcept { return {text_, size_}; }

   private:
    char text_[96];
    std::size_t size_;
  };

  template <class F>
  Session& traced(std::string_view action, std::string_view target, F&& f) {
    const auto start = begin_traced();
    try {
      std::forward<F>(f)();
    } catch (const Cancelled&) {
      end_traced(action, target, start, Reason::cancelled);
      throw;
    } catch (...) {
      end_traced(action, target, start, Reason::exception);
      throw;
    }
    end_traced(action, target, start, Reason::none);
    return *this;
  }

  template <class F>
  Session& retried(const RetryOptions& options, F&& f) {
    for (int retry = 0;; ++retry) {
      try {
        f();
        return *this;
      } catch (const Cancelled&) {
        throw;
      } catch (...) {
        if (retry >= options.retries) throw;
        log_retry(retry + 1, options.retries);
      }
      delay_before_retry(options);
    }
  }

  template <class F, class... Args>
  static std::unique_ptr<detail::TaskBody> repeated_call(Duration interval, const F& f, const Args&... args) {
    return detail::make_task(
        [interval, f](Session& session, const detail::task_argument_t<Args>&... kept) mutable {
          session.call_every(interval,
                             [&] { std::invoke(f, session, detail::task_argument_t<Args>(kept)...); });
        },
        args...);
  }

  template <class T, class Key>
  T converted_config(const Key& key, const Json& value) const {
    try {
      return detail::from_json<T>(value);
    } catch (const std::exception& e) {
      throw_config_type(key, detail::config_type_name<T>(), detail::config_example<T>(), e.what());
    }
  }
  template <class T>
  T converted_assignment(std::string_view key, const Json& value) const {
    try {
      return detail::from_json<T>(value);
    } catch (const std::exception& e) {
      throw_assignment_type(key, detail::config_type_name<T>(), e.what());
    }
  }

  [[nodiscard]] const Json* find_config(std::string_view key) const;
  [[nodiscard]] const Json* find_config(Keys path) const;
  [[nodiscard]] const Json& required_config(std::string_view key) const;
  [[nodiscard]] const Json& required_config(Keys path) const;
  [[noreturn]] void throw_config_type(std::string_view key, std::string_view type, std::string_view example,
                                      std::string_view why) const;
  [[noreturn]] void throw_config_type(Keys path, std::string_view type, std::string_view example,
                                      std::string_view why) const;
  [[noreturn]] void throw_assignment_type(std::string_view key, std::string_view type,
                                          std::string_view why) const;
  Json& config_for_update(std::string_view name_space, std::string_view key);
  Session& config_changed();
  [[nodiscard]] const Json* find_assignment(std::string_view key) const;
  [[nodiscard]] const Json& required_assignment(std::string_view key) const;
  Json& assignment_for_update(std::string_view name_space, std::string_view key);
  void* find_state(const detail::StateType& type);

  Session& send_message(std::string_view payload, bool binary, const WsSendOptions& options);
  Session& send_json(const Json& json, const WsSendOptions& options);
  Session& await_json(const Json& json, const WsRecvOptions& options);
  Session& await_message(const std::function<bool(const WsMessage&)>& predicate,
                         const WsRecvOptions& options);
  void expect_status(std::initializer_list<int> statuses) const;
  Instant begin_traced();
  void end_traced(std::string_view action, std::string_view target, Instant start, Reason outcome);
  void log_retry(int retry, int retries);
  void delay_before_retry(const RetryOptions& options);
  static std::string check_nested(std::string_view action, const Scenario& what, const Json& config);
  std::unique_ptr<Json> nested_config(const Json& config, MergeConfig merge) const;
  void run_nested(const Scenario& what, const Json& config, MergeConfig merge);
  void run_scheduled(const Scenario& what, const Json& config, MergeConfig merge);
  Session& start_task(std::string_view name, std::unique_ptr<detail::TaskBody> body);
  Session& start_every(std::string_view name, Duration interval, std::unique_ptr<detail::TaskBody> body);
  Session& spread_tasks(std::string_view name, std::int64_t rate, Duration interval,
                        const detail::TaskFactory& make);
  void call_every(Duration interval, const std::function<void()>& call);
  Session& await_tasks(TaskNames names, std::optional<Duration> timeout);
  Session& take_signal(const Json& value, std::optional<Duration> timeout);
  std::optional<Json> next_signal(std::optional<Duration> timeout);
  std::optional<Json> next_signal_or_timeout(Duration timeout);
  // Lets the others run after 64 actions without a wait.
  void take_turn();
  void run_blocking(const std::function<void()>& f);
  Session& add_number(std::string_view metric, double value);
  Session& log(detail::LineLevel level, fmt::string_view format, fmt::format_args args);

  session::State& state_;
};

}  // namespace v1
}  // namespace chaperon
