// One request and its answer, from the call to the last byte.
#pragma once

#include <string>
#include <string_view>

#include <boost/intrusive/list_hook.hpp>

#include <chaperon/errors.hpp>

#include "http/request_head.hpp"
#include "http/response_data.hpp"
#include "http/response_head.hpp"
#include "http/response_limits.hpp"
#include "net/socket.hpp"

namespace chaperon::http {

class Connection;
class Origin;
class Pool;

using WaitingHook =
    boost::intrusive::list_base_hook<boost::intrusive::link_mode<boost::intrusive::auto_unlink>>;

/// One request in flight. Who wants the answer derives from it, keeps it in place until finished() is called,
/// or calls Client::abandon(). Everything happens on the loop's stack.
class Exchange : public WaitingHook {
 public:
  Exchange() = default;
  virtual ~Exchange() = default;
  Exchange(const Exchange&) = delete;
  Exchange& operator=(const Exchange&) = delete;

  // What is asked. All set before Client::start().
  Origin* origin = nullptr;
  Pool* pool = nullptr;
  Method method = Method::get;
  std::string_view body{};
  bool chunked = false;  ///< send the body in chunks
  bool upgrade =
      false;  ///< the request asks for another protocol, on a connection of its own: see upgraded()
  bool expect_continue =
      false;  ///< send the body only once the server asks for it, or has not answered for a second
  Duration connect_timeout = 5s;
  ResponseLimits limits{};
  HeadMemo* head_memo = nullptr;         ///< shared with exchanges of the same request; may be null
  detail::ResponseData* into = nullptr;  ///< where the answer is put; reset by who starts the exchange
  Instant start{};                       ///< when the action was called

  /// Appends the request's head, with the empty line at its end. Called again when it has to be sent again.
  virtual void append_head(std::string& out) const = 0;
  /// A connection was opened for this exchange; it took so long.
  virtual void connected(Duration took) = 0;
  /// The exchange has waited so long for the generator itself: a connection slot or a descriptor.
  virtual void queued(Duration waited) = 0;
  /// The server has answered 101, and the connection is the caller's now; `rest`: what came behind the
  /// answer, valid during the call. Called before finished(), and may still set `reason` and `message`.
  virtual void upgraded(net::Socket socket, std::string_view rest);
  /// The exchange is over; the results below are set.
  virtual void finished() = 0;

  // What came of it.
  Reason reason = Reason::none;  ///< none: an answer is in `into`
  std::string message{};         ///< for a person, if there is none
  Instant end{};                 ///< when the last byte of the answer was parsed, or it failed
  bool retried = false;          ///< it was sent once more after a stale keep-alive connection
  bool starved = false;          ///< it waits, or waited when it was given up, for a file descriptor

 private:
  friend class Client;
  friend class Connection;
  friend class Origin;
  Connection* connection_ = nullptr;
  Instant queued_at_{};
};

}  // namespace chaperon::http
