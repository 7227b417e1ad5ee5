#include "cluster/connection.hpp"

#include <algorithm>
#include <array>
#include <filesystem>
#include <limits>
#include <utility>

#include <fmt/format.h>
#include <nats/nats.h>
#include <unistd.h>

#include <chaperon/errors.hpp>

#include "base/clock.hpp"
#include "base/log.hpp"
#include "cluster/call.hpp"
#include "cluster/nats_url.hpp"

namespace chaperon::cluster {

// What cnats calls, on one thread for all connections.
struct ConnectionCallbacks {
  static void lost(natsConnection*, void* self) { static_cast<Connection*>(self)->lost(); }
  static void there_again(natsConnection* raw, void* self) {
    static_cast<Connection*>(self)->there_again(raw);
  }
  static void closed(natsConnection* raw, void* self) { static_cast<Connection*>(self)->was_closed(raw); }
  static void error(natsConnection*, natsSubscription*, natsStatus status, void* self) {
    static_cast<Connection*>(self)->went_wrong(status, nats_GetLastError(nullptr));
  }
};

namespace {

constexpr std::int64_t kReconnectWaitMs = 100;
constexpr std::int64_t kReconnectJitterMs = 30;
// A peer that vanishes without a word is noticed after two pings.
constexpr std::int64_t kPingIntervalMs = 5'000;
constexpr int kMostPingsOut = 2;
// For what the server has refused to be told on the thread of callbacks.
constexpr std::chrono::milliseconds kRefusalDelay{50};
constexpr std::chrono::milliseconds kRetryDelay{100};
// The servers of a cluster drop questions while they have no leader: it is better to ask again.
constexpr std::chrono::seconds kAnswerTime{1};

[[noreturn]] void throw_setup(natsStatus status) {
  throw InputError(fmt::format("the connection to NATS cannot be set up: {}", last_error_text(status)));
}

void require(natsStatus status) {
  if (status != NATS_OK) throw_setup(status);
}

void require_readable(const std::string& path, std::string_view what) {
  if (access(path.c_str(), R_OK) == 0 && std::filesystem::is_regular_file(path)) return;
  throw InputError(
      fmt::format("the file {} ({}) cannot be read: check the path and its permissions", path, what));
}

void set_credentials(natsOptions* raw, const NatsOptions& options) {
  if (!options.credentials_file.empty()) {
    require_readable(options.credentials_file, "credentials of NATS");
    require(natsOptions_SetUserCredentialsFromFiles(raw, options.credentials_file.c_str(), nullptr));
  }
  if (!options.user.empty() || !options.password.empty()) {
    require(natsOptions_SetUserInfo(raw, options.user.c_str(), options.password.c_str()));
  }
  if (!options.token.empty()) require(natsOptions_SetToken(raw, options.token.c_str()));
}

void set_tls(natsOptions* raw, const NatsOptions& options) {
  const auto load = [](natsStatus status, const std::string& files) {
    if (status == NATS_OK) return;
    throw InputError(fmt::format("{}: no certificates and keys in PEM format that TLS can use ({})", files,
                                 last_error_text(status)));
  };
  if (!options.tls_ca.empty()) {
    require_readable(options.tls_ca, "certificate authorities");
    load(natsOptions_LoadCATrustedCertificates(raw, options.tls_ca.c_str()), options.tls_ca);
  }
  if (options.tls_cert.empty() != options.tls_key.empty()) {
    throw InputError("a TLS certificate for NATS needs its key and the other way round: give both or none");
  }
  if (options.tls_cert.empty()) return;
  require_readable(options.tls_cert, "certificate");
  require_readable(options.tls_key, "key");
  load(natsOptions_LoadCertificatesChain(raw, options.tls_cert.c_str(), options.tls_key.c_str()),
       options.tls_cert + " and " + options.tls_key);
}

void set_behaviour(natsOptions* raw, std::size_t servers) {
  const auto each = milliseconds(kPatience) / static_cast<std::int64_t>(std::max<std::size_t>(servers, 1));
  require(natsOptions_SetTimeout(raw, each));
  require(natsOptions_SetMaxReconnect(raw, -1));
  require(natsOptions_SetReconnectWait(raw, kReconnectWaitMs));
  require(natsOptions_SetReconnectJitter(raw, kReconnectJitterMs, kReconnectJitterMs));
  // As little as there is: 0 would mean 8 MiB.
  require(natsOptions_SetReconnectBufSize(raw, 1));
  require(natsOptions_SetFailRequestsOnDisconnect(raw, true));
  require(natsOptions_SetPingInterval(raw, kPingIntervalMs));
  require(natsOptions_SetMaxPingsOut(raw, kMostPingsOut));
  // Written at once, not when the thread that gathers writes comes by.
  require(natsOptions_SetSendAsap(raw, true));
}

void set_servers(natsOptions* raw, const NatsUrl& url) {
  std::vector<const char*> servers;
  for (const auto& server : url.servers)
    servers.push_back(server.c_str());
  require(natsOptions_SetServers(raw, servers.data(), static_cast<int>(servers.size())));
}

[[noreturn]] void throw_not_connected(natsStatus status, const std::string& shown) {
  const auto text = last_error_text(status);
  switch (status) {
    case NATS_CONNECTION_AUTH_FAILED:
    case NATS_NOT_PERMITTED:
      throw InputError(fmt::format(
          "the NATS server at {} refuses us ({}): check user and password, token or credentials file", shown,
          text));
    case NATS_SECURE_CONNECTION_REQUIRED:
      throw InputError(
          fmt::format("the NATS server at {} takes only TLS connections: use tls:// in its URL", shown));
    case NATS_SECURE_CONNECTION_WANTED:
      throw InputError(
          fmt::format("the NATS server at {} knows no TLS: use nats:// in its URL, or configure it", shown));
    case NATS_SSL_ERROR:
      throw InputError(
          fmt::format("TLS with the NATS server at {} fails ({}): check its certificate and the file of "
                      "authorities that is to be trusted (--tls-ca)",
                      shown, text));
    case NATS_PROTOCOL_ERROR:
      throw InputError(
          fmt::format("what answers at {} is no NATS server ({}): check host and port", shown, text));
    case NATS_NO_SERVER:
    case NATS_TIMEOUT:
      throw InputError(fmt::format(
          "no NATS server answers at {}: start one with 'nats-server -js', or 'chaperon cluster up'", shown));
    default:
      throw InputError(
          fmt::format("no connection to the NATS server at {} ({}): check host and port, or start one with "
                      "'nats-server -js' or 'chaperon cluster up'",
                      shown, text));
  }
}

// The server it goes to, without user and password; empty if it is lost.
std::string connected_url(natsConnection* raw) {
  std::array<char, 1024> url{};
  if (natsConnection_GetConnectedUrl(raw, url.data(), url.size()) != NATS_OK) return {};
  const std::string_view text = url.data();
  const auto at = text.rfind('@');
  if (at == std::string_view::npos) return std::string(text);
  return fmt::format("{}://{}", text.substr(0, text.find("://")), text.substr(at + 1));
}

}  // namespace

void CnatsDeleter::operator()(jsCtx* context) const noexcept {
  jsCtx_Destroy(context);
}
void CnatsDeleter::operator()(natsConnection* connection) const noexcept {
  natsConnection_Destroy(connection);
}
void CnatsDeleter::operator()(natsMsg* message) const noexcept {
  natsMsg_Destroy(message);
}
void CnatsDeleter::operator()(natsOptions* options) const noexcept {
  natsOptions_Destroy(options);
}
void CnatsDeleter::operator()(natsSubscription* subscription) const noexcept {
  natsSubscription_Destroy(subscription);
}

Instant deadline_after(Duration timeout) {
  const auto now = steady_now();
  return timeout >= Instant::max() - now ? Instant::max() : now + timeout;
}

std::int64_t milliseconds(Duration timeout) {
  constexpr std::int64_t kMost = std::numeric_limits<std::int32_t>::max();
  return std::clamp<std::int64_t>(timeout / std::chrono::milliseconds(1), 1, kMost);
}

Connection::Connection(const NatsOptions& options) : inbox_(options.inbox) {
  const auto deadline = deadline_after(kPatience);
  const NatsUrl url = parse_nats_url(options.url);
  if (!url.tls && !url.far.empty() && !options.insecure) {
    throw InputError(fmt::format(
        "{} sends load tests, which are code, in the clear: use tls://, or --insecure in a network you trust",
        url.far));
  }
  natsOptions* raw = nullptr;
  require(natsOptions_Create(&raw));
  const CnatsPointer<natsOptions> made(raw);
  set_servers(raw, url);
  set_behaviour(raw, url.servers.size());
  set_credentials(raw, options);
  // A server may ask for TLS whatever the URL says, and then gets it.
  if (url.tls) require(natsOptions_SetSecure(raw, true));
  set_tls(raw, options);
  require(natsOptions_SetCustomInboxPrefix(raw, inbox_.c_str()));
  if (!options.client_name.empty()) require(natsOptions_SetName(raw, options.client_name.c_str()));
  // Other servers of the cluster, of which this one tells, may be elsewhere.
  if (!url.tls && !options.insecure) require(natsOptions_SetIgnoreDiscoveredServers(raw, true));
  require(natsOptions_SetDisconnectedCB(raw, ConnectionCallbacks::lost, this));
  require(natsOptions_SetReconnectedCB(raw, ConnectionCallbacks::there_again, this));
  require(natsOptions_SetClosedCB(raw, ConnectionCallbacks::closed, this));
  require(natsOptions_SetErrorHandler(raw, ConnectionCallbacks::error, this));

  natsConnection* connection = nullptr;
  if (const auto status = natsConnection_Connect(&connection, raw); status != NATS_OK) {
    throw_not_connected(status, url.shown);
  }
  connection_.reset(connection);
  server_ = connected_url(connection);
  try {
    require_jetstream(deadline, url.shown);
  } catch (...) {
    close();
    throw;
  }
}

void Connection::require_jetstream(Instant deadline, const std::string& shown) {
  jsOptions options;
  require(jsOptions_Init(&options));
  options.Wait = milliseconds(kPatience);
  jsCtx* context = nullptr;
  require(natsConnection_JetStream(&context, connection_.get(), &options));
  jetstream_.reset(context);
  const auto seen = refusals();
  while (true) {
    options.Wait = milliseconds(std::min<Duration>(kAnswerTime, deadline - steady_now()));
    jsAccountInfo* info = nullptr;
    auto js_error = static_cast<jsErrCode>(0);
    const auto status = js_GetAccountInfo(&info, context, &options, &js_error);
    jsAccountInfo_Destroy(info);
    if (status == NATS_OK) return;
    if (const auto refused = refused_since(seen); !refused.empty()) {
      throw InputError(
          fmt::format("the NATS server at {} does not let us use JetStream (it says: {}): give the user the "
                      "permission, or use another",
                      shown, refused));
    }
    if (status == NATS_NO_RESPONDERS || js_error == JSNotEnabledErr ||
        js_error == JSNotEnabledForAccountErr) {
      throw InputError(
          fmt::format("the NATS server at {} has no JetStream{}: start it with 'nats-server -js'", shown,
                      js_error == JSNotEnabledForAccountErr ? " for this account" : ""));
    }
    if (!is_retryable(status, js_error) || steady_now() + kRetryDelay >= deadline) {
      throw InputError(
          fmt::format("JetStream of the NATS server at {} does not answer ({}): look at the server's log",
                      shown, last_error_text(status)));
    }
    nats_Sleep(kRetryDelay.count());
  }
}

Connection::~Connection() {
  close();
}

void Connection::close() {
  if (connection_ == nullptr) return;
  on_change(nullptr);  // this loss is no news
  natsConnection_Close(connection_.get());
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return finished_; });
}

std::string Connection::server() const {
  const std::lock_guard lock(mutex_);
  return server_;
}

std::string Connection::why_closed() const {
  const std::lock_guard lock(mutex_);
  return why_closed_;
}

void Connection::on_change(std::function<void(bool)> callback) {
  const std::lock_guard lock(callback_mutex_);
  callback_.swap(callback);
}

void Connection::add(ConnectionWatcher& watcher) {
  const std::lock_guard lock(watchers_mutex_);
  watchers_.push_back(&watcher);
}

void Connection::remove(ConnectionWatcher& watcher) {
  const std::lock_guard lock(watchers_mutex_);
  std::erase(watchers_, &watcher);
}

std::uint64_t Connection::refusals() const {
  const std::lock_guard lock(mutex_);
  return refusals_;
}

std::string Connection::refused_since(std::uint64_t seen) const {
  const std::lock_guard lock(mutex_);
  return refusals_ > seen ? last_refusal_ : std::string();
}

std::string Connection::refused_by_now(std::uint64_t seen) const {
  // The text is not ours to read, another thread writes it; the status is that of the last error since the
  // connection began. So whoever was refused something once waits here each time; who has all permissions
  // never does.
  const char* text = nullptr;
  if (natsConnection_GetLastError(connection_.get(), &text) != NATS_NOT_PERMITTED) return {};
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, kRefusalDelay, [&] { return refusals_ > seen; });
  return refusals_ > seen ? last_refusal_ : std::string();
}

void Connection::wake_watchers() {
  const std::lock_guard lock(watchers_mutex_);
  for (auto* watcher : watchers_)
    watcher->connection_changed();
}

void Connection::tell(bool connected) {
  const std::lock_guard lock(callback_mutex_);
  if (callback_) callback_(connected);
}

void Connection::lost() {
  connected_ = false;
  ++losses_;
  wake_watchers();
  tell(false);
}

void Connection::there_again(natsConnection* raw) {
  auto server = connected_url(raw);
  if (!server.empty()) {
    const std::lock_guard lock(mutex_);
    server_ = std::move(server);
  }
  connected_ = true;
  wake_watchers();
  tell(true);
}

// The last callback that comes; the connection may be destroyed as soon as finished_ is set.
void Connection::was_closed(natsConnection* raw) {
  const char* text = nullptr;
  const auto status = natsConnection_GetLastError(raw, &text);
  {
    // Whoever sees that it is closed asks why.
    const std::lock_guard lock(mutex_);
    why_closed_ = status == NATS_OK || text == nullptr || *text == '\0'
                      ? "was closed"
                      : fmt::format("was closed (the server says: {})", text);
  }
  connected_ = false;
  closed_ = true;
  wake_watchers();
  const std::lock_guard lock(mutex_);
  finished_ = true;
  changed_.notify_all();
}

void Connection::went_wrong(int status, const char* text) {
  if (status != NATS_NOT_PERMITTED) {
    write_log(LogLevel::warn, fmt::format("NATS: {}", natsStatus_GetText(static_cast<natsStatus>(status))));
    return;
  }
  const std::lock_guard lock(mutex_);
  ++refusals_;
  last_refusal_ = text == nullptr || *text == '\0' ? "permission denied" : text;
  changed_.notify_all();
}

}  // namespace chaperon::cluster
