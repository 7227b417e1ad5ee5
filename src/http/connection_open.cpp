// Connection: from a host's name to a connection that can carry a request.
#include <algorithm>
#include <cerrno>
#include <cstring>

#include <fmt/format.h>

#include "base/clock.hpp"
#include "http/client.hpp"
#include "http/connection.hpp"

namespace chaperon::http {
namespace {

// How often a Unix socket is tried whose queue of connections is full: it does not tell when it has room.
constexpr Duration kQueueRetry = 2ms;

}  // namespace

void Connection::open(Exchange& exchange) {
  exchange_ = &exchange;
  exchange.connection_ = this;
  opening_ = std::make_unique<Opening>(*this);
  opening_->began = client_.loop_.now();
  opening_->deadline = deadline_after(opening_->began, exchange.connect_timeout);
  client_.loop_.timers().arm(*this, opening_->deadline);
  if (!origin_.address_error_.empty()) {
    fail(Reason::unreachable, origin_.address_error_);
  } else if (origin_.address_) {
    opening_->resolved = opening_->began;
    connect_to(*origin_.address_);
  } else {
    state_ = State::resolving;
    const auto known = client_.resolver_.resolve(origin_.host_, opening_->resolving);
    if (known) {
      use_addresses(known);
    }
  }
}

void Connection::Resolving::resolved(const net::SharedResolution& resolution) {
  connection_.use_addresses(resolution);
}

void Connection::use_addresses(const net::SharedResolution& resolution) {
  if (resolution->addresses.empty()) {
    fail(Reason::dns, resolution->error);
    return;
  }
  opening_->resolved = client_.loop_.now();
  opening_->resolution = resolution;
  // The name server's time is not the generator's own.
  if (exchange_->queued_at_ != Instant{}) exchange_->queued_at_ += opening_->resolved - opening_->began;
  // Sessions rotate over the addresses; within one request all of them are tried.
  opening_->first = origin_.next_address_++;
  try_next_address();
}

void Connection::try_next_address() {
  const auto& addresses = opening_->resolution->addresses;
  const std::size_t index = (opening_->first + opening_->tried) % addresses.size();
  ++opening_->tried;
  connect_to(addresses[index].with_port(origin_.port_));
}

void Connection::connect_to(const net::Address& address) {
  opening_->peer = address;
  hung_up_ = false;  // that was an address before
  if (const int error = socket_.open(address.family()); error != 0) {
    if (error == EMFILE || error == ENFILE) {
      Exchange& exchange = *std::exchange(exchange_, nullptr);
      exchange.connection_ = nullptr;
      close();
      client_.wait_for_descriptor(exchange);
    } else {
      connect_finished(error, false);
    }
    return;
  }
  client_.end_wait(*exchange_);
  if (const auto* local = client_.next_local_address(address.family()); local != nullptr) {
    if (const int error = socket_.bind(*local); error != 0) {
      fail(net::reason_of(error),
           fmt::format("cannot connect from local address {}: {}; see config local_addresses", local->text(),
                       std::strerror(error)));
      return;
    }
  }
  connect_socket();
}

void Connection::connect_socket() {
  if (client_.loop_.must_not_send()) return;
  const int error = socket_.connect(opening_->peer);
  if (error == EAGAIN && opening_->peer.family() == AF_UNIX) {
    state_ = State::queue_full;
    client_.loop_.timers().arm(*this, std::min(client_.loop_.now() + kQueueRetry, opening_->deadline));
    return;
  }
  client_.loop_.timers().arm(*this, opening_->deadline);
  if (error != 0 && error != EINPROGRESS) {
    connect_finished(error, false);
    return;
  }
  state_ = State::connecting;
  if (!client_.loop_.reactor().add(socket_.descriptor(), *this)) {
    fail(Reason::no_descriptors,
         fmt::format("the kernel does not watch another descriptor: {}", std::strerror(errno)));
    return;
  }
  if (error == 0) established(false);
}

void Connection::connect_finished(int error, bool readable) {
  if (error == 0) {
    established(readable);
    return;
  }
  const bool more = opening_->resolution && opening_->tried < opening_->resolution->addresses.size();
  if (more) {
    socket_.close();
    try_next_address();
    return;
  }
  const Reason reason = net::reason_of(error);
  const auto peer = opening_->peer.text();
  switch (reason) {
    case Reason::refused:
      fail(reason, fmt::format("connection refused by {}", peer));
      break;
    case Reason::reset:
      fail(reason, fmt::format("connection reset by {} while it was opened", peer));
      break;
    case Reason::no_ports:
      fail(reason, fmt::format("no local port is left for connections to {}: give config local_addresses "
                               "more addresses, or keep "
                               "connections alive",
                               peer));
      break;
    case Reason::no_descriptors:
      fail(reason, fmt::format("no memory or descriptor is left for a connection to {}: {}", peer,
                               std::strerror(error)));
      break;
    default: {
      // The kernel calls it an invalid argument: it does not know which network is meant.
      const bool lacks_zone = error == EINVAL && peer.starts_with("[fe80:");
      fail(reason,
           lacks_zone
               ? fmt::format("{} cannot be reached: a link-local address needs a zone, which a URL cannot "
                             "name: use another address of that host",
                             peer)
               : fmt::format("{} cannot be reached: {}: check the address, and the route to it", peer,
                             std::strerror(error)));
    }
  }
}

void Connection::established(bool readable) {
  runtime::TimerQueue::disarm(*this);
  const Instant now = client_.loop_.now();
  Exchange& exchange = *exchange_;
  auto& timings = exchange.into->timings;
  timings.dns = opening_->resolved - opening_->began;
  timings.connect = now - opening_->resolved;
  const Duration took = now - opening_->began;
  opening_.reset();
  client_.handshake_ended(origin_);
  exchange.connected(took);
  state_ = State::busy;
  reused_ = false;
  if (!readable || !spoke_first()) send_request();
}

// Whether the server has done something before it was asked: there is no further edge for it.
bool Connection::spoke_first() {
  const auto received = socket_.receive(client_.buffer_);
  client_.counters_.bytes_received += received.bytes;
  if (received.would_block()) return false;
  if (received.bytes > 0) {
    fail(Reason::malformed, fmt::format("{} answered before the request was sent", peer_text()));
  } else if (received.error != 0) {
    fail(Reason::reset, fmt::format("connection reset by {} before the request was sent", peer_text()));
  } else {
    fail(Reason::closed, fmt::format("connection closed by {} before the request was sent", peer_text()));
  }
  return true;
}

}  // namespace chaperon::http
