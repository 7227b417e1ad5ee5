#include "http/connection.hpp"

#include <cerrno>
#include <cstring>
#include <utility>

#include <fmt/format.h>

#include "base/clock.hpp"
#include "base/duration_text.hpp"
#include "http/client.hpp"
#include "http/encode.hpp"

namespace chaperon::http {
namespace {

// How long a large body waits for `100 Continue` before it is sent anyway (RFC 9110, section 10.1.1).
constexpr Duration kContinueTimeout = 1s;
constexpr std::size_t kChunk = 16 * 1024;

}  // namespace

struct Connection::Opening {
  explicit Opening(Connection& connection) : resolving(connection) {}
  Resolving resolving;
  net::SharedResolution resolution;
  std::size_t first = 0;
  std::size_t tried = 0;
  net::Address peer;
  Instant began{};
  Instant resolved{};
  Instant deadline{};
};

Connection::Connection(Client& client, Origin& origin, Pool& pool)
    : client_(client), origin_(origin), pool_(pool) {
  pool_.add(*this);
}

Connection::~Connection() = default;

// --- Opening -------------------------------------------------------------------------------------

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
  client_.report_queued(*exchange_);
  if (const auto* local = client_.next_local_address(address.family()); local != nullptr) {
    if (const int error = socket_.bind(*local); error != 0) {
      fail(net::reason_of(error),
           fmt::format("cannot connect from local address {}: {}; see config local_addresses", local->text(),
                       std::strerror(error)));
      return;
    }
  }
  const int error = socket_.connect(address);
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

// --- Sending -------------------------------------------------------------------------------------

void Connection::carry(Exchange& exchange) {
  exchange_ = &exchange;
  exchange.connection_ = this;
  pool_.now_busy(*this);
  state_ = State::busy;
  reused_ = true;
  send_request();
}

void Connection::send_request() {
  Exchange& exchange = *exchange_;
  parser_.start(exchange.into->message, exchange.method, false, exchange.limits, exchange.head_memo);
  first_byte_seen_ = false;
  send_failed_ = false;
  awaiting_continue_ = exchange.expect_continue;
  sent_at_ = {};
  carried_at_ = reused_ ? exchange.start : client_.loop_.now();

  auto& head = client_.head_;
  head.clear();
  exchange.append_head(head);
  std::string_view body = exchange.body;
  if (exchange.chunked && !awaiting_continue_) {
    for (; !body.empty(); body.remove_prefix(std::min(kChunk, body.size())))
      append_chunk(head, body.substr(0, kChunk));
    append_last_chunk(head);
  }
  if (exchange.chunked || awaiting_continue_) body = {};

  const auto sent = socket_.send(head, body);
  client_.counters_.bytes_sent += sent.bytes;
  if (sent.bytes < head.size()) {
    pending_.assign(head, sent.bytes);
    body_left_ = body;
  } else {
    body_left_ = body.substr(sent.bytes - head.size());
  }
  if (sent.error != 0 && !sent.would_block()) {
    // The answer may have come before the connection was closed for writing: reading will tell.
    send_failed_ = true;
    pending_.clear();
    body_left_ = {};
    hung_up_ = true;
    client_.read_later(*this);
    return;
  }
  if (!unsent()) sent_at_ = client_.loop_.now();
  if (awaiting_continue_) client_.loop_.timers().arm(*this, client_.loop_.now() + kContinueTimeout);
}

void Connection::send_body() {
  awaiting_continue_ = false;
  runtime::TimerQueue::disarm(*this);
  const Exchange& exchange = *exchange_;
  if (exchange.chunked) {
    std::string_view body = exchange.body;
    for (; !body.empty(); body.remove_prefix(std::min(kChunk, body.size())))
      append_chunk(pending_, body.substr(0, kChunk));
    append_last_chunk(pending_);
  } else {
    body_left_ = exchange.body;
  }
  send_pending();
}

void Connection::send_pending() {
  while (unsent()) {
    const auto sent = pending_.empty() ? socket_.send(body_left_) : socket_.send(pending_, body_left_);
    client_.counters_.bytes_sent += sent.bytes;
    if (sent.error != 0) {
      if (sent.would_block()) return;
      send_failed_ = true;
      pending_.clear();
      body_left_ = {};
      hung_up_ = true;
      client_.read_later(*this);
      return;
    }
    const std::size_t of_pending = std::min(sent.bytes, pending_.size());
    pending_.erase(0, of_pending);
    body_left_.remove_prefix(sent.bytes - of_pending);
  }
  pending_ = std::string();
  sent_at_ = client_.loop_.now();
}

// --- Receiving -----------------------------------------------------------------------------------

void Connection::on_io(bool readable, bool writable, bool hung_up) {
  hung_up_ = hung_up_ || hung_up;
  switch (state_) {
    case State::connecting:
      if (writable || hung_up) connect_finished(socket_.connect_error(), readable);
      break;
    case State::busy:
      if (writable && unsent()) send_pending();
      if (readable || hung_up) read();
      break;
    case State::idle:
      // The server has closed it, or sends what nobody asked for: either way it carries no further request.
      if (readable || hung_up) close();
      break;
    default:
      break;
  }
}

void Connection::read() {
  std::size_t share = Client::kReadShare;
  while (state_ == State::busy) {
    const auto received = socket_.receive(client_.buffer_);
    client_.counters_.bytes_received += received.bytes;
    if (received.would_block()) return;
    if (received.bytes == 0) {
      hung_up_ = true;
      peer_closed(received.error);
      return;
    }
    take(std::string_view(client_.buffer_.data(), received.bytes));
    // A short read has emptied the socket, and the next bytes make an edge of their own; but after a hang-up
    // there is no further edge, so then it is read to the end.
    if (received.bytes < client_.buffer_.size() && !hung_up_) return;
    share -= std::min(share, received.bytes);
    if (share == 0 && state_ == State::busy) {
      client_.read_later(*this);
      return;
    }
  }
}

void Connection::take(std::string_view bytes) {
  bool first = !std::exchange(first_byte_seen_, true);
  const bool fills_buffer = bytes.size() == client_.buffer_.size();
  while (true) {
    const auto result = parser_.feed(bytes);
    switch (result.state) {
      case ResponseParser::State::need_more:
        if (first) first_byte_at_ = client_.loop_.now();
        return;
      case ResponseParser::State::interim:
        bytes.remove_prefix(result.consumed);
        if (awaiting_continue_ && exchange_->into->message.status == 100) send_body();
        // It is not yet the answer: the request may still be on its way.
        first = true;
        if (!bytes.empty()) continue;
        first_byte_seen_ = false;
        return;
      case ResponseParser::State::complete:
        if (first) first_byte_at_ = Instant::max();
        complete(result.consumed < bytes.size() || (fills_buffer && more_waits()));
        return;
      case ResponseParser::State::upgraded:
      case ResponseParser::State::failed:
        fail(parser_.reason(),
             fmt::format("{} sent an answer that cannot be used: {}", peer_text(), parser_.error_message()));
        return;
    }
  }
}

// Whether something lies behind an answer that has ended with the buffer: there is no further edge for it.
bool Connection::more_waits() {
  const auto received = socket_.receive(client_.buffer_);
  client_.counters_.bytes_received += received.bytes;
  if (received.bytes == 0 && !received.would_block()) hung_up_ = true;
  return received.bytes > 0;
}

void Connection::peer_closed(int error) {
  const bool nothing_came = parser_.untouched();
  if (error == 0 && parser_.finish() == ResponseParser::State::complete) {
    complete(false);
  } else if (error != 0 || send_failed_) {
    fail(Reason::reset, fmt::format("connection reset by {} {}", peer_text(),
                                    nothing_came ? "before it answered" : "in the middle of its answer"));
  } else {
    const Reason reason = parser_.reason() == Reason::none ? Reason::closed : parser_.reason();
    fail(reason, fmt::format("connection closed by {} {}", peer_text(),
                             nothing_came ? "before it answered" : "before its answer was complete"));
  }
}

void Connection::complete(bool surplus) {
  if (surplus) {
    fail(Reason::malformed,
         fmt::format("{} sent more than one answer, or an answer longer than it announced", peer_text()));
    return;
  }
  Exchange& exchange = *std::exchange(exchange_, nullptr);
  exchange.connection_ = nullptr;
  exchange.end = client_.loop_.now();
  exchange.reason = Reason::none;
  auto& timings = exchange.into->timings;
  const Instant first = first_byte_at_ == Instant::max() ? exchange.end : first_byte_at_;
  const Instant sent = sent_at_ == Instant{} || sent_at_ > first ? first : sent_at_;
  timings.sending = sent - carried_at_;
  timings.waiting = first - sent;
  timings.receiving = exchange.end - first;
  timings.total = exchange.end - exchange.start;
  client_.loop_.waited_for_answer(exchange.end - carried_at_);

  // An answer that came before the request was sent leaves the connection in the middle of that request.
  const bool usable = exchange.into->message.keep_alive && !hung_up_ && !unsent() && !awaiting_continue_;
  runtime::TimerQueue::disarm(*this);
  if (usable) {
    state_ = State::idle;
    pool_.now_idle(*this);
  } else {
    close();
  }
  exchange.finished();
}

void Connection::fail(Reason reason, std::string message) {
  Exchange& exchange = *std::exchange(exchange_, nullptr);
  exchange.connection_ = nullptr;
  const bool stale = state_ == State::busy && reused_ && parser_.untouched() &&
                     (reason == Reason::closed || reason == Reason::reset) &&
                     is_idempotent(exchange.method) && !exchange.retried;
  Client& client = client_;
  const Instant now = client.loop_.now();
  close();
  if (stale) {
    exchange.retried = true;
    ++client.counters_.retried;
    client.open_connection(exchange);
    return;
  }
  exchange.into->message.reset();
  exchange.into->timings.total = now - exchange.start;
  exchange.reason = reason;
  exchange.message = std::move(message);
  exchange.end = now;
  exchange.finished();
}

void Connection::on_timer() {
  if (state_ == State::busy) {
    if (awaiting_continue_) send_body();
    return;
  }
  if (state_ != State::connecting && state_ != State::resolving) return;
  const auto limit = duration_text(exchange_->connect_timeout);
  if (state_ == State::resolving) {
    fail(Reason::connect_timeout,
         fmt::format("host \"{}\" was not resolved within {} (config http.connect_timeout)", origin_.host_,
                     limit));
  } else {
    fail(Reason::connect_timeout, fmt::format("no connection to {} within {} (config http.connect_timeout)",
                                              opening_->peer.text(), limit));
  }
}

void Connection::abandon() noexcept {
  if (exchange_ != nullptr) std::exchange(exchange_, nullptr)->connection_ = nullptr;
  close();
}

void Connection::close() noexcept {
  if (state_ == State::closed) return;
  pool_.remove(*this);
  const bool opening = opening_ != nullptr;
  opening_.reset();
  state_ = State::closed;
  socket_.close();
  runtime::TimerQueue::disarm(*this);
  client_.retire(*this);
  if (opening) client_.handshake_ended(origin_);
}

std::string Connection::peer_text() const {
  return opening_ ? opening_->peer.text() : origin_.text();
}

}  // namespace chaperon::http
