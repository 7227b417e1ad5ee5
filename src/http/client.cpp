#include "http/client.hpp"

#include <algorithm>
#include <utility>

namespace chaperon::http {
namespace {

// While descriptors are short, other loops may free some without telling.
constexpr Duration kDescriptorRetry = 10ms;

}  // namespace

Client::Client(runtime::EventLoop& loop, std::shared_ptr<net::DnsCache> dns, ClientOptions options)
    : loop_(loop),
      resolver_(loop, std::move(dns), options.dns_ttl),
      options_(std::move(options)),
      later_(*this) {}

Client::~Client() = default;

Origin& Client::origin(const Url& url) {
  auto& origin = origins_[url.origin()];
  if (!origin) origin = std::make_unique<Origin>(url);
  return *origin;
}

void Client::start(Exchange& exchange) {
  if (!exchange.upgrade) {
    if (Connection* connection = exchange.pool->find_idle(*exchange.origin); connection != nullptr) {
      connection->carry(exchange);
      return;
    }
  }
  open_connection(exchange);
}

void Client::abandon(Exchange& exchange) {
  report_wait(exchange);
  if (exchange.is_linked()) exchange.unlink();
  if (exchange.connection_ != nullptr) exchange.connection_->abandon();
}

void Client::open_connection(Exchange& exchange) {
  Origin& origin = *exchange.origin;
  if (origin.connecting_ >= Origin::kMostConnecting) {
    if (exchange.queued_at_ == Instant{}) exchange.queued_at_ = loop_.now();
    origin.waiting_.push_back(exchange);
    return;
  }
  ++origin.connecting_;
  auto connection = std::make_unique<Connection>(*this, origin, *exchange.pool);
  // It belongs to the pool from here on, until retire().
  connection.release()->open(exchange);
}

void Client::end_wait(Exchange& exchange) {
  // The wait was the generator's own: it is no part of what the server took.
  exchange.start += report_wait(exchange);
}

Duration Client::report_wait(Exchange& exchange) {
  if (exchange.queued_at_ == Instant{}) return Duration::zero();
  const Duration waited = loop_.now() - std::exchange(exchange.queued_at_, Instant{});
  exchange.queued(waited);
  return waited;
}

void Client::handshake_ended(Origin& origin) {
  --origin.connecting_;
  if (origin.waiting_.empty()) return;
  // From the next turn on: this may be deep within a chain of failing connections.
  loop_.timers().arm(later_, loop_.now());
  ready_origins_.push_back(&origin);
}

void Client::wait_for_descriptor(Exchange& exchange) {
  if (exchange.queued_at_ == Instant{}) exchange.queued_at_ = loop_.now();
  exchange.starved = true;
  starved_.push_back(exchange);
  if (!later_.armed()) loop_.timers().arm(later_, loop_.now() + kDescriptorRetry);
}

void Client::retire(Connection& connection) noexcept {
  std::erase(reading_, &connection);
  loop_.destroy_later(std::unique_ptr<Connection>(&connection));
  if (!starved_.empty()) loop_.timers().arm(later_, loop_.now());
}

void Client::read_later(Connection& connection) {
  reading_.push_back(&connection);
  loop_.timers().arm(later_, loop_.now());
}

void Client::go_on() {
  for (Connection* connection : std::exchange(reading_, {}))
    connection->read();

  for (Origin* origin : std::exchange(ready_origins_, {})) {
    while (!origin->waiting_.empty() && origin->connecting_ < Origin::kMostConnecting) {
      Exchange& exchange = origin->waiting_.front();
      origin->waiting_.pop_front();
      end_wait(exchange);
      open_connection(exchange);
    }
  }

  // Each is tried once; those that still find no descriptor queue up again.
  WaitingExchanges starved;
  starved.swap(starved_);
  while (!starved.empty()) {
    Exchange& exchange = starved.front();
    starved.pop_front();
    exchange.starved = false;
    open_connection(exchange);
    if (exchange.starved) {
      // Still none: the others would find none either.
      starved_.splice(starved_.end(), starved);
      break;
    }
  }
  if (!starved_.empty() && !later_.armed()) loop_.timers().arm(later_, loop_.now() + kDescriptorRetry);
}

const net::Address* Client::next_local_address(int family) noexcept {
  const auto& addresses = options_.local_addresses;
  for (std::size_t tried = 0; tried < addresses.size(); ++tried) {
    const auto& address = addresses[next_local_++ % addresses.size()];
    if (address.family() == family) return &address;
  }
  return nullptr;
}

}  // namespace chaperon::http
