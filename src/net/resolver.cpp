#include "net/resolver.hpp"

#include <algorithm>
#include <limits>
#include <mutex>
#include <utility>

#include <ares.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <netdb.h>
#include <unistd.h>

namespace chaperon::net {
namespace {

constexpr Duration kShortestTtl = 1s;
// c-ares wants to be called for its retries; that often is enough for them and nothing for us.
constexpr Duration kTick = 50ms;
constexpr int kTimeoutMilliseconds = 2000;
constexpr int kTries = 3;

}  // namespace

ResolveRequest::~ResolveRequest() {
  stop();
}

void ResolveRequest::stop() noexcept {
  if (queue_ != nullptr) std::erase(*std::exchange(queue_, nullptr), this);
}

// A socket of c-ares's, closed by c-ares.
class Resolver::Descriptor final : public runtime::IoHandler {
 public:
  explicit Descriptor(Resolver& resolver) : resolver_(resolver) {}
  void on_io(bool /*readable*/, bool /*writable*/, bool /*hung_up*/) override { resolver_.process(); }

 private:
  Resolver& resolver_;
};

class Resolver::Tick final : public runtime::Timer {
 public:
  explicit Tick(Resolver& resolver) : resolver_(resolver) {}
  void on_timer() override { resolver_.process(); }

 private:
  Resolver& resolver_;
};

struct Resolver::Query {
  Resolver& resolver;
  std::string host;
};

Resolver::Resolver(runtime::EventLoop& loop, std::shared_ptr<DnsCache> cache, std::optional<Duration> ttl)
    : loop_(loop),
      cache_(std::move(cache)),
      ttl_(ttl),
      tick_(std::make_unique<Tick>(*this)),
      self_(std::make_shared<Resolver*>(this)) {
  hold_spares();
}

Resolver::~Resolver() {
  *self_ = nullptr;
  for (auto& [host, requests] : waiting_) {
    for (auto* request : requests)
      request->queue_ = nullptr;
  }
  waiting_.clear();
  // Ends the queries that are still under way; each calls back with ARES_EDESTRUCTION, so that those who wait
  // on other loops hear of it.
  if (channel_ != nullptr) ares_destroy(channel_);
  release_spares();
  for (auto& [descriptor, handler] : descriptors_)
    loop_.reactor().forget(*handler);
}

SharedResolution Resolver::resolve(const std::string& host, ResolveRequest& request) {
  auto& queue = waiting_[host];
  if (queue.empty()) {
    const auto answer =
        cache_->ask(host, loop_.now(), [self = self_, loop = &loop_, host](const SharedResolution& found) {
          // From whatever loop has looked it up: back to this one.
          loop->post([self, host, found] {
            if (*self != nullptr) (*self)->deliver(host, found);
          });
        });
    if (answer.known) return answer.known;
    request.queue_ = &queue;
    queue.push_back(&request);
    if (answer.look_up) look_up(host);
    return nullptr;
  }
  request.queue_ = &queue;
  queue.push_back(&request);
  return nullptr;
}

bool Resolver::start_channel(std::string& error) {
  static std::once_flag initialised;
  static int library_status = ARES_SUCCESS;
  std::call_once(initialised, [] { library_status = ares_library_init(ARES_LIB_INIT_ALL); });
  int status = library_status;
  if (status == ARES_SUCCESS && channel_ == nullptr) {
    ares_options options{};
    options.timeout = kTimeoutMilliseconds;
    options.tries = kTries;
    options.sock_state_cb_data = this;
    options.sock_state_cb = [](void* self, ares_socket_t descriptor, int readable, int writable) {
      static_cast<Resolver*>(self)->descriptor_changed(descriptor, readable != 0 || writable != 0);
    };
    status =
        ares_init_options(&channel_, &options, ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_SOCK_STATE_CB);
  }
  if (status != ARES_SUCCESS) error = ares_strerror(status);
  return status == ARES_SUCCESS;
}

void Resolver::hold_spares() noexcept {
  for (int& spare : spares_) {
    if (spare < 0) spare = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  }
}

void Resolver::release_spares() noexcept {
  for (int& spare : spares_) {
    if (spare >= 0) ::close(std::exchange(spare, -1));
  }
}

void Resolver::look_up(const std::string& host) {
  release_spares();
  if (std::string error; !start_channel(error)) {
    fail(host, fmt::format("the resolver could not be started: {}", error));
    return;
  }
  ares_addrinfo_hints hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  ++queries_;
  ares_getaddrinfo(
      channel_, host.c_str(), nullptr, &hints,
      [](void* context, int status, int /*timeouts*/, ares_addrinfo* found) {
        const std::unique_ptr<Query> query(static_cast<Query*>(context));
        query->resolver.finished(query->host, status, found);
      },
      new Query{.resolver = *this, .host = host});
  go_on();
}

// While names are being looked up: calls c-ares again.
void Resolver::go_on() {
  if (queries_ > 0) {
    loop_.timers().arm(*tick_, loop_.now() + kTick);
  } else {
    hold_spares();
  }
}

void Resolver::finished(const std::string& host, int status, ares_addrinfo* found) {
  --queries_;
  auto resolution = std::make_shared<Resolution>();
  int ttl = std::numeric_limits<int>::max();
  if (status == ARES_SUCCESS) {
    for (const auto* node = found->nodes; node != nullptr; node = node->ai_next) {
      ttl = std::min(ttl, node->ai_ttl);
      if (auto address = Address::from_sockaddr(node->ai_addr)) resolution->addresses.push_back(*address);
    }
    ares_freeaddrinfo(found);
  }
  if (resolution->addresses.empty()) {
    resolution->error =
        fmt::format("host \"{}\" could not be resolved: {}; check its spelling and this machine's DNS", host,
                    status == ARES_SUCCESS ? "it has no IPv4 or IPv6 address" : ares_strerror(status));
  }
  const Duration keep = ttl_ ? *ttl_ : Duration(std::chrono::seconds(ttl));
  cache_->store(host, resolution, deadline_after(loop_.now(), std::max(keep, kShortestTtl)));
}

void Resolver::fail(const std::string& host, const std::string& error) {
  auto resolution = std::make_shared<Resolution>();
  resolution->error = fmt::format("host \"{}\" could not be resolved: {}", host, error);
  cache_->store(host, resolution, loop_.now());
}

void Resolver::deliver(const std::string& host, const SharedResolution& resolution) {
  const auto found = waiting_.find(host);
  if (found == waiting_.end()) return;
  // A request that is told may ask again or end others: the queue is read anew each time.
  for (auto remaining = found->second.size(); remaining > 0 && !found->second.empty(); --remaining) {
    ResolveRequest* request = found->second.front();
    found->second.erase(found->second.begin());
    request->queue_ = nullptr;
    request->resolved(resolution);
  }
}

void Resolver::descriptor_changed(int descriptor, bool wanted) {
  const auto known = descriptors_.find(descriptor);
  if (wanted && known == descriptors_.end()) {
    auto handler = std::make_unique<Descriptor>(*this);
    // If the kernel refuses, the tick still reads it.
    loop_.reactor().add(descriptor, *handler);
    descriptors_.emplace(descriptor, std::move(handler));
  } else if (!wanted && known != descriptors_.end()) {
    loop_.reactor().forget(*known->second);
    descriptors_.erase(known);
  }
}

void Resolver::process() {
  std::vector<int> open;
  open.reserve(descriptors_.size());
  for (const auto& [descriptor, handler] : descriptors_)
    open.push_back(descriptor);
  for (const int descriptor : open)
    ares_process_fd(channel_, descriptor, descriptor);
  if (open.empty() && channel_ != nullptr) ares_process_fd(channel_, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
  go_on();
}

}  // namespace chaperon::net
