// One call to cnats and what came of it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

struct jsStreamConfig;

namespace chaperon::cluster {

class Call;
class Connection;

/// What cnats says of the last call on this thread, which has ended with that status; without passwords.
std::string last_error_text(int status);

/// Whether the same call may work later. `js_error`: the JetStream error code, 0 if there is none.
bool is_retryable(int status, int js_error);

/// Creates a stream, or leaves it as it is if there is one of that name. Throws NatsError.
void add_stream(const Call& call, const Connection& connection, jsStreamConfig& config);

/// One call to cnats: what it is, for the error, and what the server refuses while it lasts.
class Call {
 public:
  /// `what` and `thing` begin the sentence: `cannot WHAT "THING"`; they must outlive this. Throws NatsError
  /// unless there is a connection.
  Call(const Connection& connection, std::string_view what, std::string_view thing);

  /// Throws NatsError unless the status of cnats says that all is well; `js_error`: the JetStream error code.
  void check(int status, int js_error = 0) const;
  /// Throws NatsError unless this is a subject: no spaces, no empty words, `*` and `>` only where they may
  /// be.
  void check_subject(std::string_view subject, bool wildcards) const;
  /// Throws NatsError unless this can be the name of a stream or bucket.
  void check_name(std::string_view name) const;
  /// Throws NatsError if the server has refused something since it began.
  void check_refused() const;
  /// Throws NatsError.
  [[noreturn]] void fail(std::string_view why, bool retryable) const;

 private:
  [[nodiscard]] std::string sentence(std::string_view why) const;

  const Connection& connection_;
  std::string_view what_;
  std::string_view thing_;
  std::uint64_t refusals_seen_;
};

}  // namespace chaperon::cluster
