// What a scenario can be told about a failure: Error (a value) for what servers do, exceptions for what
// scenarios do.
#pragma once

#include <cstdint>
#include <exception>
#include <stdexcept>
#include <string>
#include <string_view>

#include <chaperon/version.hpp>

namespace chaperon {
inline namespace v1 {

/// Why an action has failed. The name of each is the word in the metric row `Error REASON ACTION`.
enum class Reason : std::uint8_t {
  none,             ///< it has not
  dns,              ///< the host's name could not be resolved
  refused,          ///< the peer refused the connection
  unreachable,      ///< no route to the peer
  reset,            ///< the peer reset the connection
  closed,           ///< the peer closed the connection before the whole answer was there
  connect_timeout,  ///< no connection within `http.connect_timeout`
  timeout,          ///< no whole answer within the action's timeout
  malformed,        ///< what came is not HTTP/1.1, or not WebSocket
  too_large,        ///< the answer's head or body, or the message, is over the limit
  decode,           ///< the body does not decode as asked
  tls,              ///< the TLS handshake failed
  no_ports,         ///< this machine has no local port left for that peer
  no_descriptors,   ///< this process has no file descriptor left
  unsupported,      ///< the scheme or feature is not supported
  cancelled,        ///< the session was cancelled while the action was under way
  exception,        ///< an exception left a traced call
  http,             ///< an answer with status 400 or above (`HTTP nnn`)
};

/// The word for a reason as it stands in metric rows, such as "connect_timeout".
CHAPERON_API std::string_view to_string(Reason reason) noexcept;

/// How an action failed, for `on_error` and `response().error()`.
struct Error {
  Reason reason = Reason::none;  ///< why
  int status = 0;                ///< the HTTP status where reason is Reason::http, else 0
  std::string action;            ///< such as `post(http://localhost:5000/login)`
  std::string message;  ///< one sentence for a person, such as `connection refused by 127.0.0.1:5000`

  /// Whether there is no error.
  [[nodiscard]] bool empty() const noexcept { return reason == Reason::none; }
  /// The metric's word for it: `refused`, `HTTP 503`; empty if there is no error.
  [[nodiscard]] CHAPERON_API std::string name() const;
};

/// The base of every exception that Chaperon throws into a scenario, except Cancelled.
class CHAPERON_API ScenarioError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
  ~ScenarioError() override;
};

/// A config key that the scenario reads is not set.
class CHAPERON_API RequiredConfigMissing : public ScenarioError {
 public:
  using ScenarioError::ScenarioError;
  ~RequiredConfigMissing() override;
};

/// A config value has another type than the scenario asks for, or is out of its range.
class CHAPERON_API ConfigTypeError : public ScenarioError {
 public:
  using ScenarioError::ScenarioError;
  ~ConfigTypeError() override;
};

/// An assignment that the scenario reads was never made.
class CHAPERON_API AssignmentMissing : public ScenarioError {
 public:
  using ScenarioError::ScenarioError;
  ~AssignmentMissing() override;
};

/// `expect` found another status.
class CHAPERON_API UnexpectedStatus : public ScenarioError {
 public:
  using ScenarioError::ScenarioError;
  ~UnexpectedStatus() override;
};

/// A body, or a part of it that was asked for, is not what the scenario takes it for.
class CHAPERON_API DecodeError : public ScenarioError {
 public:
  using ScenarioError::ScenarioError;
  ~DecodeError() override;
};

/// What the person at the terminal gave cannot work: an option, a base URL, a scenario table. Exit code 2.
class CHAPERON_API InputError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
  ~InputError() override;
};

/// A call was made with arguments that cannot work, such as a request with two bodies.
class CHAPERON_API InvalidArgument : public ScenarioError {
 public:
  using ScenarioError::ScenarioError;
  ~InvalidArgument() override;
};

/// What a waiting action waits for did not come in time.
class CHAPERON_API TimeoutError : public ScenarioError {
 public:
  using ScenarioError::ScenarioError;
  ~TimeoutError() override;
};

/// A session was used from another task than its own.
class CHAPERON_API WrongSession : public ScenarioError {
 public:
  using ScenarioError::ScenarioError;
  ~WrongSession() override;
};

/// A child task has failed: thrown into its parent where it waits. what() names the task and its cause.
class CHAPERON_API TaskFailed : public ScenarioError {
 public:
  /// `what`: one sentence for a person. `cause`: what left the task.
  TaskFailed(const std::string& what, std::string task, std::exception_ptr cause)
      : ScenarioError(what), task_(std::move(task)), cause_(std::move(cause)) {}
  ~TaskFailed() override;

  /// The name of the task.
  [[nodiscard]] const std::string& task() const noexcept { return task_; }
  /// The exception that left the task, for std::rethrow_exception; null if it was none (fail(), a stack
  /// overflow).
  [[nodiscard]] const std::exception_ptr& cause() const noexcept { return cause_; }

 private:
  std::string task_;
  std::exception_ptr cause_;
};

/// An action on a WebSocket has failed, and there was no on_error to be told. what() names the action, the
/// URL and the reason.
class CHAPERON_API WebSocketError : public ScenarioError {
 public:
  /// `what`: one sentence for a person.
  WebSocketError(const std::string& what, Reason reason) : ScenarioError(what), reason_(reason) {}
  ~WebSocketError() override;

  /// The reason, as it is in the metric row.
  [[nodiscard]] Reason reason() const noexcept { return reason_; }

 private:
  Reason reason_;
};

/// A WebSocket was used that is not open: never connected, failed to connect, or closed by ws_close.
class CHAPERON_API WebSocketNotOpen : public WebSocketError {
 public:
  /// Made like its base.
  using WebSocketError::WebSocketError;
  ~WebSocketNotOpen() override;
};

/// Thrown at each suspension point of a session that is being cancelled (a timeout, Ctrl-C, abort, the end of
/// its parent). It is not derived from std::exception, so that `catch (const std::exception&)` lets it pass;
/// it comes again at the next suspension point if it is swallowed.
class CHAPERON_API Cancelled final {
 public:
  /// `reason`: why, for a person.
  explicit Cancelled(std::string reason) : reason_(std::move(reason)) {}
  /// Why, for a person: `scenario_timeout 30 s`.
  [[nodiscard]] const std::string& reason() const noexcept { return reason_; }

 private:
  std::string reason_;
};

}  // namespace v1
}  // namespace chaperon
