// Session: the WebSocket actions.
#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "base/clock.hpp"
#include "base/duration_text.hpp"
#include "base/json.hpp"
#include "http/message.hpp"
#include "session/http_request.hpp"
#include "session/sockets.hpp"
#include "session/state.hpp"
#include "websocket/client.hpp"
#include "websocket/handshake.hpp"

namespace chaperon {
inline namespace v1 {

using session::Doing;
using session::HttpRequest;
using session::Socket;
using session::SocketAction;
using session::SocketRoute;
using session::State;

namespace {

// --- What all of them have in common -------------------------------------------------------------

[[noreturn]] void throw_not_open(const State& state, SocketAction action, std::string_view name) {
  const auto shown = name.empty() ? std::string("WebSocket") : fmt::format("WebSocket {:?}", name);
  std::string others;
  for (const State* at = &state; at != nullptr; at = at->parent) {
    for (const Socket& socket : at->sockets) {
      if (!socket.connection) continue;
      others += others.empty() ? "; open is " : ", ";
      others += socket.name.empty() ? "the one without a name" : fmt::format("{:?}", socket.name);
    }
  }
  const auto option = name.empty() ? std::string() : fmt::format(", {{.name = {:?}}}", name);
  throw WebSocketNotOpen(fmt::format("{}: no {} is open: call ws_connect(PATH{}) first{}",
                                     session::to_string(action), shown, option, others),
                         Reason::closed);
}

// The socket that an action means: the session's own of that name, or else that of whoever started it.
Socket& open_socket(State& state, SocketAction action, std::string_view name) {
  Socket* socket = state.find_socket(name);
  if (socket == nullptr) throw_not_open(state, action, name);
  if (!socket->connection) {
    throw WebSocketNotOpen(
        fmt::format("{}: the WebSocket{} is not open: {}: call ws_connect again", session::to_string(action),
                    name.empty() ? std::string() : fmt::format(" {:?}", name), socket->why_not),
        Reason::closed);
  }
  return *socket;
}

void record(State& state, const SocketRoute& route, SocketAction action, Duration took) {
  if (!state.in_teardown()) state.context.recorder.record(route.metric(action), took);
}

void record_error(State& state, const SocketRoute& route, SocketAction action, const Error& error,
                  Duration took) {
  state.record_error(session::to_string(action), route.url, error.name(), took, error.message);
}

void tell(State& state, const ErrorCallback& on_error, const Error& error) {
  if (!on_error) throw WebSocketError(fmt::format("{}: {}", error.action, error.message), error.reason);
  on_error(state.session, error);
}

// Records a failure and tells the scenario of it.
void failed(State& state, const SocketRoute& route, SocketAction action, const ErrorCallback& on_error,
            Reason reason, std::string message, Duration took) {
  const Error error{
      .reason = reason, .status = 0, .action = route.label(action), .message = std::move(message)};
  record_error(state, route, action, error, took);
  tell(state, on_error, error);
}

void record_cut_off(State& state, const SocketRoute& route, SocketAction action, Duration took) {
  record_error(state, route, action,
               {.reason = Reason::cancelled,
                .status = 0,
                .action = route.label(action),
                .message = state.fiber->cancelled() ? state.outcome_reason : "a task has failed"},
               took);
}

// --- Waiting -------------------------------------------------------------------------------------

// Waits on a connection for the kernel, a pong or a close frame. Lives on the session's stack.
class SocketWait final : public websocket::Waiter {
 public:
  explicit SocketWait(State& state) : state_(state) { outer = std::exchange(state.waits_on, this); }
  ~SocketWait() override { state_.waits_on = outer; }

  void done(Reason why, std::string_view text) override {
    over = true;
    reason = why;
    message = text;
    at = state_.context.loop.now();
    state_.fiber->wake();
  }

  // Starts on the loop's stack and waits until done; false: cancelled, while the stack unwinds. Throws
  // Cancelled.
  template <class F>
  bool run(const SocketRoute& route, SocketAction action, Instant called, Duration timeout, F&& start) {
    auto& loop = state_.context.loop;
    const Doing doing(state_, route.label(action));
    loop.on_loop_stack(start);
    if (over) return true;
    const Instant due = deadline_after(called, timeout);
    state_.actions_without_wait = 0;
    runtime::Wake wake{};
    do {
      wake = loop.suspend(due);
    } while (wake == runtime::Wake::ready && !over);
    if (over) return true;
    unlink();
    at = loop.now();
    if (wake == runtime::Wake::cancelled) {
      record_cut_off(state_, route, action, at - called);
      state_.cancelled_here();
      return false;
    }
    reason = Reason::timeout;
    return true;
  }

  bool over = false;
  Reason reason = Reason::none;
  std::string message;
  Instant at{};

 private:
  State& state_;
};

// What a receiver looks for.
struct Wanted {
  const std::string_view* text = nullptr;
  const Json* json = nullptr;
  const std::function<bool(const WsMessage&)>* predicate = nullptr;  // asked on the fiber
};

bool equals(const websocket::Incoming& message, const Json& wanted) {
  const auto parsed = Json::parse(message.payload, nullptr, false);
  return !parsed.is_discarded() && parsed == wanted;
}

// Waits on a connection for a message. Lives on the session's stack.
class MessageWait final : public websocket::Receiver {
 public:
  // `keeps`: whether anybody looks at the message.
  MessageWait(State& state, const SocketRoute& route, SocketAction action, const Wanted& wanted, bool keeps,
              Instant called)
      : state_(state), route_(route), action_(action), wanted_(wanted), keeps_(keeps), called_(called) {
    outer = std::exchange(state.waits_on, this);
    // A predicate that receives by itself: whoever asked keeps nobody waiting for that.
    if (outer != nullptr) outer->give_up();
  }
  ~MessageWait() override {
    give_up();
    state_.waits_on = outer;
  }

  /// Asks for a message; keeps its place before those who ask later until it has decided.
  void ask(websocket::Connection& connection) {
    connection_ = &connection;
    state_.context.loop.on_loop_stack([&] { connection.receive(*this); });
  }
  /// Those behind it get what was kept back while it decided.
  void give_up() override {
    if (!is_linked()) return;
    unlink();
    // It is linked as long as the connection lives and is open.
    connection_->distribute();
  }

  websocket::Take take(const websocket::Incoming& message) override {
    if ((wanted_.text != nullptr && (message.binary || message.payload != *wanted_.text)) ||
        (wanted_.json != nullptr && !equals(message, *wanted_.json))) {
      skipped(message.at);
      return websocket::Take::skipped;
    }
    if (keeps_) {
      data = std::make_shared<detail::WsMessageData>(detail::WsMessageData{
          .payload = std::string(message.payload), .binary = message.binary, .at = message.at});
    } else {
      received(message.at);
    }
    over = true;
    state_.fiber->wake();
    return wanted_.predicate == nullptr ? websocket::Take::taken : websocket::Take::undecided;
  }
  void done(Reason why, std::string_view text) override {
    over = true;
    reason = why;
    failure = text;
    state_.fiber->wake();
  }
  /// How long a message was waited for: not at all if it was there before the call.
  [[nodiscard]] Duration waited(Instant arrived) const noexcept {
    return std::max(arrived - called_, Duration::zero());
  }
  /// Records the message that was wanted. On the loop's stack.
  void received(Instant arrived) {
    recorded = true;
    const Duration took = waited(arrived);
    record(state_, route_, action_, took);
    // An answer to what was sent, as far as one can tell; what ws_recv gets may come of its own accord.
    if (action_ == SocketAction::await_recv) state_.context.loop.waited_for_answer(took);
  }
  /// Before it waits for another message.
  void reset() noexcept {
    over = false;
    data.reset();
  }
  void skipped(Instant arrived) { record(state_, route_, SocketAction::skipped, waited(arrived)); }

  bool over = false;
  bool recorded = false;
  std::shared_ptr<const detail::WsMessageData> data;  // null: it failed, or nobody looks at it
  Reason reason = Reason::none;
  std::string failure;

 private:
  State& state_;
  websocket::Connection* connection_ = nullptr;
  const SocketRoute& route_;
  const SocketAction action_;
  const Wanted& wanted_;
  const bool keeps_;
  const Instant called_;
};

// Waits until a message has been taken or never will be. False: cancelled, while the stack unwinds. Throws
// Cancelled and TaskFailed.
bool wait_for_message(State& state, MessageWait& wait, const SocketRoute& route, SocketAction action,
                      Instant called, Instant due) {
  try {
    while (!wait.over) {
      if (state.wait_linked(due, &wait.over)) continue;
      if (wait.over) break;
      if (state.fiber->cancelled()) return false;
      wait.unlink();
      wait.reason = Reason::timeout;
      return true;
    }
    return true;
  } catch (...) {
    // It may be cancelled between the message and its turn.
    if (!wait.recorded) record_cut_off(state, route, action, state.context.loop.now() - called);
    throw;
  }
}

void call_back(State& state, const WsRecvOptions& options, const WsMessage& message, const Json& json) {
  if (!options.with_result) return;
  if (options.with_result.takes_json()) {
    options.with_result(state.session, json);
  } else {
    options.with_result(state.session, message);
  }
}

std::string timeout_text(SocketAction action, Duration timeout) {
  return fmt::format("no message{} within {}", action == SocketAction::recv ? "" : " that was waited for",
                     duration_text(timeout));
}

// Not inlined: what it keeps on the stack is gone before the session parks.
[[gnu::noinline]] void receive(State& state, SocketAction action, const Wanted& wanted,
                               const WsRecvOptions& options) {
  if (!state.enter()) return;
  state.throw_task_failure();
  state.take_turn();
  const Instant called = state.context.loop.now();
  const Duration timeout = options.timeout ? *options.timeout : state.settings().timeout;
  const Instant due = deadline_after(called, timeout);
  // Kept: the socket may be closed, or connected anew, while this waits.
  const auto route = open_socket(state, action, options.name).route;
  const Doing doing(state, route->label(action));
  std::shared_ptr<const detail::WsMessageData> data;
  const bool keeps = options.with_result || options.decode == Decode::json || wanted.predicate != nullptr;
  MessageWait wait(state, *route, action, wanted, keeps, called);
  for (const auto* connection = open_socket(state, action, options.name).connection.get();;) {
    const Socket* socket = state.find_socket(options.name);
    if (socket == nullptr || socket->connection.get() != connection) {
      // While the predicate was asked.
      failed(state, *route, action, options.on_error, Reason::closed,
             socket == nullptr || socket->connection ? "another ws_connect has closed the connection"
                                                     : socket->why_not,
             state.context.loop.now() - called);
      return;
    }
    wait.ask(*socket->connection);
    if (!wait.over && !wait_for_message(state, wait, *route, action, called, due)) return;
    if (wait.recorded) return;
    if (!wait.data) {
      if (wait.reason == Reason::timeout) wait.failure = timeout_text(action, timeout);
      failed(state, *route, action, options.on_error, wait.reason, std::move(wait.failure),
             state.context.loop.now() - called);
      return;
    }
    data = std::move(wait.data);
    if (wanted.predicate == nullptr || (*wanted.predicate)(WsMessage(data))) break;
    wait.skipped(data->at);
    if (state.context.loop.now() >= due) {
      failed(state, *route, action, options.on_error, Reason::timeout, timeout_text(action, timeout),
             state.context.loop.now() - called);
      return;
    }
    wait.reset();
  }
  wait.give_up();
  const WsMessage message(std::move(data));
  Json json = Json::value_t::discarded;
  if (options.decode == Decode::json || options.with_result.takes_json()) {
    json = Json::parse(message.text(), nullptr, false);
    if (json.is_discarded()) {
      failed(state, *route, action, options.on_error, Reason::decode,
             fmt::format("the message is not JSON: {:?}", http::excerpt(message.text())),
             wait.waited(message.arrived_at()));
      return;
    }
  }
  state.context.loop.on_loop_stack([&] { wait.received(message.arrived_at()); });
  call_back(state, options, message, json);
}

// A URL or path to connect to, as WebSocket options and an ordinary request's.
void connect(State& state, std::string_view path, const WsConnectOptions& options) {
  if (!state.enter()) return;
  const Instant called = state.context.loop.now();
  const Duration timeout = options.timeout ? *options.timeout : state.settings().timeout;
  const websocket::Offer offer{.key = websocket::make_key(state.context.websocket.random()),
                               .subprotocols = options.subprotocols,
                               .compression = options.compression};
  const HttpOptions http_options{.headers = options.headers};
  HttpRequest request(state, {.path = path, .options = &http_options, .upgrade = &offer}, called);
  {
    // Whatever comes of it, the one before is closed.
    Socket& socket = state.own_socket(options.name);
    socket.why_not = fmt::format("ws_connect({}) is under way", path);
    if (socket.connection) {
      websocket::Connection::dismiss(std::move(socket.connection),
                                     "the connection was closed by another ws_connect under its name");
    }
  }
  const auto leave = [&](std::string why) { state.own_socket(options.name).why_not = std::move(why); };
  try {
    if (!request.perform(deadline_after(called, timeout))) return;
  } catch (const Cancelled& cancelled) {
    leave(cancelled.reason());
    throw;
  } catch (const std::exception& e) {
    leave(e.what());
    throw;
  }
  // Looked up again: a vector does not keep its elements in place.
  Socket& socket = state.own_socket(options.name);
  if (!request.error().empty()) {
    socket.why_not = fmt::format("{} failed: {}", request.error().action, request.error().message);
    tell(state, options.on_error, request.error());
    return;
  }
  socket.connection = request.take_websocket();
  socket.route = state.context.socket_routes.find(state.context.recorder, state.profile.number,
                                                  state.profile.name, request.route().target);
  socket.why_not.clear();
}

// Records what a wait has come to, and tells the scenario of a failure. `late`: what to say after a timeout.
void finish(State& state, const SocketRoute& route, SocketAction action, const ErrorCallback& on_error,
            Instant called, SocketWait& wait, const std::function<std::string()>& late) {
  const Duration took = wait.at - called;
  if (wait.reason == Reason::none) {
    state.context.loop.on_loop_stack([&] { record(state, route, action, took); });
    return;
  }
  if (wait.reason == Reason::timeout && wait.message.empty()) wait.message = late();
  failed(state, route, action, on_error, wait.reason, std::move(wait.message), took);
}

}  // namespace

// --- The actions ---------------------------------------------------------------------------------

Session& Session::ws_connect(std::string_view path, const WsConnectOptions& options) {
  connect(state_, path, options);
  return *this;
}

Session& Session::send_message(std::string_view payload, bool binary, const WsSendOptions& options) {
  if (!state_.enter()) return *this;
  state_.take_turn();
  const auto& socket = open_socket(state_, SocketAction::send, options.name);
  const auto route = socket.route;
  auto& connection = *socket.connection;
  const Instant called = now();
  const Duration timeout = options.timeout ? *options.timeout : state_.settings().timeout;
  SocketWait wait(state_);
  bool recorded = false;
  const bool goes_on = wait.run(*route, SocketAction::send, called, timeout, [&] {
    if (!connection.is_open()) {
      wait.done(connection.reason(), connection.why());
    } else if (connection.send(binary ? websocket::Opcode::binary : websocket::Opcode::text, payload, wait)) {
      wait.over = true;
      wait.at = now();
      // Here rather than below, which would be one more change of stacks.
      record(state_, *route, SocketAction::send, wait.at - called);
      recorded = true;
    }
  });
  if (!goes_on || recorded) return *this;
  finish(state_, *route, SocketAction::send, options.on_error, called, wait, [&] {
    return fmt::format(
        "the server has not read what was sent within {}: part of the message may be on its way",
        duration_text(timeout));
  });
  return *this;
}

Session& Session::send_json(const Json& json, const WsSendOptions& options) {
  return send_message(dump(json), false, options);
}

Session& Session::ws_recv(const WsRecvOptions& options) {
  receive(state_, SocketAction::recv, {}, options);
  return *this;
}

Session& Session::ws_await_recv(std::string_view text, const WsRecvOptions& options) {
  receive(state_, SocketAction::await_recv, {.text = &text}, options);
  return *this;
}

Session& Session::await_json(const Json& json, const WsRecvOptions& options) {
  receive(state_, SocketAction::await_recv, {.json = &json}, options);
  return *this;
}

Session& Session::await_message(const std::function<bool(const WsMessage&)>& predicate,
                                const WsRecvOptions& options) {
  receive(state_, SocketAction::await_recv, {.predicate = &predicate}, options);
  return *this;
}

Session& Session::ws_ping(const WsPingOptions& options) {
  if (!state_.enter()) return *this;
  state_.take_turn();
  const auto& socket = open_socket(state_, SocketAction::ping, options.name);
  const auto route = socket.route;
  auto& connection = *socket.connection;
  const Instant called = now();
  const Duration timeout = options.timeout ? *options.timeout : state_.settings().timeout;
  SocketWait wait(state_);
  const bool goes_on = wait.run(*route, SocketAction::ping, called, timeout, [&] {
    if (connection.is_open()) {
      connection.ping(wait);
    } else {
      wait.done(connection.reason(), connection.why());
    }
  });
  if (!goes_on) return *this;
  finish(state_, *route, SocketAction::ping, options.on_error, called, wait, [&] {
    return fmt::format("no pong within {}{}", duration_text(timeout),
                       state_.holds_up(options.name)
                           ? ": the connection does not read until messages that have come are received"
                           : "");
  });
  return *this;
}

Session& Session::ws_close(const WsCloseOptions& options) {
  if (!state_.enter()) return *this;
  if (!websocket::is_close_code(options.code)) {
    throw InvalidArgument(
        fmt::format("ws_close: {} is no code that a close frame may carry: give 1000 to 1003, "
                    "1007 to 1014, or 3000 to 4999",
                    options.code));
  }
  state_.take_turn();
  auto& socket = open_socket(state_, SocketAction::close, options.name);
  const auto route = socket.route;
  const Instant called = now();
  const Duration timeout = options.timeout ? *options.timeout : state_.settings().timeout;
  // From now on it is nobody else's; the session owns it, so that it is closed even if this stack is
  // abandoned.
  auto& closing = *state_.closing.emplace_back(std::move(socket.connection));
  socket.why_not = "it was closed by ws_close";
  struct Dismiss {
    ~Dismiss() { state.dismiss_closing(connection); }
    State& state;
    const websocket::Connection& connection;
  } const dismiss{state_, closing};
  SocketWait wait(state_);
  const bool goes_on = wait.run(*route, SocketAction::close, called, timeout, [&] {
    if (closing.is_open()) {
      closing.close(options.code, options.reason, wait);
    } else {
      wait.over = true;
      wait.at = called;
    }
  });
  if (!goes_on) return *this;
  finish(state_, *route, SocketAction::close, options.on_error, called, wait, [&] {
    return fmt::format("the server has not closed the connection within {}", duration_text(timeout));
  });
  return *this;
}

// --- Messages ------------------------------------------------------------------------------------

WsMessage::WsMessage() {
  static const auto empty = std::make_shared<const detail::WsMessageData>();
  data_ = empty;
}

Json WsMessage::json() const {
  auto parsed = Json::parse(data_->payload, nullptr, false);
  if (parsed.is_discarded()) {
    throw DecodeError(fmt::format("the WebSocket message is not JSON: {:?}", http::excerpt(data_->payload)));
  }
  return parsed;
}

}  // namespace v1

namespace session {

Socket* State::find_socket(std::string_view name) noexcept {
  for (State* at = this; at != nullptr; at = at->parent) {
    const auto found = std::ranges::find(at->sockets, name, &Socket::name);
    if (found != at->sockets.end()) return &*found;
  }
  return nullptr;
}

bool State::holds_up(std::string_view name) noexcept {
  const Socket* socket = find_socket(name);
  return socket != nullptr && socket->connection && socket->connection->is_held_up();
}

Socket& State::own_socket(std::string_view name) {
  const auto found = std::ranges::find(sockets, name, &Socket::name);
  if (found != sockets.end()) return *found;
  return sockets.emplace_back(Socket{.name = std::string(name)});
}

void State::dismiss_closing(const websocket::Connection& connection) noexcept {
  const auto found = std::ranges::find(closing, &connection, [](const auto& owned) { return owned.get(); });
  websocket::Connection::dismiss(std::move(*found));
  closing.erase(found);
}

void State::close_sockets() noexcept {
  for (Socket& socket : sockets) {
    if (socket.connection) websocket::Connection::dismiss(std::move(socket.connection));
  }
  sockets.clear();
  for (auto& connection : closing)
    websocket::Connection::dismiss(std::move(connection));
  closing.clear();
}

}  // namespace session
}  // namespace chaperon
