#include "cluster/call.hpp"

#include <algorithm>
#include <thread>

#include <fmt/format.h>
#include <nats/nats.h>

#include "cluster/connection.hpp"
#include "cluster/nats.hpp"
#include "export/redact.hpp"

namespace chaperon::cluster {
namespace {

// Within that time a stream is created, whoever does it.
constexpr int kAttemptsToCreate = 40;
constexpr Duration kBetweenAttempts = std::chrono::milliseconds(25);

// `(conn.c:733): SSL handshake error` is `SSL handshake error`.
std::string_view without_source_line(std::string_view text) {
  const auto end = text.find("): ");
  return text.starts_with('(') && end != std::string_view::npos ? text.substr(end + 3) : text;
}

// The servers of a cluster say so in words only: they may also lack peers that will come.
bool lacks_room(int js_error, std::string_view text) {
  return js_error == JSStorageResourcesExceededErr || js_error == JSAccountResourcesExceededErr ||
         (js_error == JSClusterNoPeersErr && text.find("insufficient storage") != std::string_view::npos);
}

}  // namespace

std::string last_error_text(int raw_status) {
  const auto status = static_cast<natsStatus>(raw_status);
  natsStatus last = NATS_OK;
  const char* const text = nats_GetLastError(&last);
  if (last != status || text == nullptr || *text == '\0') return natsStatus_GetText(status);
  return exporting::without_user_info(without_source_line(text));
}

void add_stream(const Call& call, const Connection& connection, jsStreamConfig& config) {
  // Asked first: an account may use what is there without being allowed to make it.
  jsStreamInfo* raw = nullptr;
  if (js_GetStreamInfo(&raw, connection.jetstream(), config.Name, nullptr, nullptr) == NATS_OK) {
    jsStreamInfo_Destroy(raw);
    return;
  }
  for (int attempts = kAttemptsToCreate;; --attempts) {
    auto error = static_cast<jsErrCode>(0);
    const auto status = js_AddStream(nullptr, connection.jetstream(), &config, nullptr, &error);
    if (error == JSStreamNameExistErr) return;
    // Where somebody else creates it at the same moment, the server finds that its subjects are those of
    // another stream, which is the same one.
    if (error != JSStreamSubjectOverlapErr || attempts == 0) return call.check(status, error);
    std::this_thread::sleep_for(kBetweenAttempts);
  }
}

bool is_retryable(int status, int js_error) {
  // The stream is about to be made, or its server to start. cnats gives this a JetStream error as well.
  if (status == NATS_NO_RESPONDERS) return true;
  switch (js_error) {
    case JSClusterIncompleteErr:
    case JSClusterNoPeersErr:
    case JSClusterNotActiveErr:
    case JSClusterNotAvailErr:
    case JSClusterNotLeaderErr:
    case JSClusterPeerNotMemberErr:
    case JSClusterServerNotMemberErr:
    case JSInsufficientResourcesErr:
    case JSRaftGeneralErr:
    case JSStreamOfflineErr:
    case JSConsumerOfflineErr:
      return true;
    default:
      break;
  }
  if (js_error != 0) return false;
  switch (status) {
    case NATS_TIMEOUT:
    case NATS_CONNECTION_DISCONNECTED:
    case NATS_NO_SERVER:
    case NATS_IO_ERROR:
    case NATS_STALE_CONNECTION:
    case NATS_INSUFFICIENT_BUFFER:
    case NATS_NOT_YET_CONNECTED:
    case NATS_SLOW_CONSUMER:
      return true;
    default:
      return false;
  }
}

Call::Call(const Connection& connection, std::string_view what, std::string_view thing)
    : connection_(connection), what_(what), thing_(thing), refusals_seen_(connection.refusals()) {
  if (connection.closed()) fail(fmt::format("the connection to NATS {}", connection.why_closed()), false);
  if (!connection.connected()) fail("the connection is lost", true);
}

void Call::check(int status, int js_error) const {
  if (status == NATS_OK) return;
  if (const auto refused = connection_.refused_since(refusals_seen_); !refused.empty()) {
    fail(fmt::format("{} (the server says: {})", last_error_text(status), refused), false);
  }
  // cnats has no words for this one.
  if (js_error == JSStreamNotFoundErr) fail("there is no such stream", false);
  const auto text = last_error_text(status);
  if (lacks_room(js_error, text)) throw NatsRoomError(sentence(text));
  fail(text, is_retryable(status, js_error));
}

void Call::check_subject(std::string_view subject, bool wildcards) const {
  // Spaces and ends of lines would be read as more of the protocol.
  const auto fits = [&](char c) {
    return static_cast<unsigned char>(c) > ' ' && c != '\x7f' && (wildcards || (c != '*' && c != '>'));
  };
  const bool dots =
      subject.starts_with('.') || subject.ends_with('.') || subject.find("..") != std::string_view::npos;
  if (!subject.empty() && !dots && std::all_of(subject.begin(), subject.end(), fits)) return;
  fail(fmt::format("\"{}\" is no subject: words with dots in between, without spaces{}", subject,
                   wildcards ? "" : ", * and >"),
       false);
}

void Call::check_name(std::string_view name) const {
  const auto fits = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
  };
  if (!name.empty() && std::all_of(name.begin(), name.end(), fits)) return;
  fail(fmt::format("\"{}\" is no name: letters, digits, - and _", name), false);
}

void Call::check_refused() const {
  if (const auto refused = connection_.refused_by_now(refusals_seen_); !refused.empty()) {
    fail(fmt::format("the server says: {}", refused), false);
  }
}

void Call::fail(std::string_view why, bool retryable) const {
  throw NatsError(sentence(why), retryable);
}

std::string Call::sentence(std::string_view why) const {
  const auto name = thing_.empty() ? std::string() : fmt::format(" \"{}\"", thing_);
  return fmt::format("cannot {}{} at {}: {}", what_, name, connection_.server(), why);
}

}  // namespace chaperon::cluster
