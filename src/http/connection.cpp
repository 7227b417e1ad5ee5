#include "http/connection.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

#include <fmt/format.h>

#include "base/duration_text.hpp"
#include "http/client.hpp"
#include "http/encode.hpp"

namespace chaperon::http {
namespace {

// How long a large body waits for `100 Continue` before it is sent anyway (RFC 9110, section 10.1.1).
constexpr Duration kContinueTimeout = 1s;
constexpr std::size_t kChunk = 16 * 1024;

void append_chunked_body(std::string& out, std::string_view body) {
  for (; !body.empty(); body.remove_prefix(std::min(kChunk, body.size())))
    append_chunk(out, body.substr(0, kChunk));
  append_last_chunk(out);
}

}  // namespace

// Only who asks for it gets another protocol.
void Exchange::upgraded(net::Socket /*socket*/, std::string_view /*rest*/) {}

Connection::Connection(Client& client, Origin& origin, Pool& pool)
    : client_(client), origin_(origin), pool_(pool) {
  pool_.add(*this);
}

Connection::~Connection() = default;

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
  parser_.start(exchange.into->message, exchange.method, exchange.upgrade, exchange.limits,
                exchange.head_memo);
  first_byte_seen_ = false;
  send_error_ = 0;
  awaiting_continue_ = exchange.expect_continue;
  sent_at_ = {};
  carried_at_ = reused_ ? exchange.start : client_.loop_.now();

  auto& head = client_.head_;
  head.clear();
  exchange.append_head(head);
  std::string_view body = exchange.body;
  if (exchange.chunked && !awaiting_continue_) append_chunked_body(head, body);
  if (exchange.chunked || awaiting_continue_) body = {};

  if (client_.loop_.must_not_send()) return;
  const auto sent = socket_.send(head, body);
  client_.counters_.bytes_sent += sent.bytes;
  if (sent.bytes < head.size()) {
    pending_.assign(head, sent.bytes);
    body_left_ = body;
  } else {
    body_left_ = body.substr(sent.bytes - head.size());
  }
  if (sent.error != 0 && !sent.would_block()) {
    sending_failed(sent.error);
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
    append_chunked_body(pending_, exchange.body);
  } else {
    body_left_ = exchange.body;
  }
  send_pending();
}

void Connection::send_pending() {
  while (unsent()) {
    if (client_.loop_.must_not_send()) return;
    const auto sent = pending_.empty() ? socket_.send(body_left_) : socket_.send(pending_, body_left_);
    client_.counters_.bytes_sent += sent.bytes;
    if (sent.error != 0) {
      if (!sent.would_block()) sending_failed(sent.error);
      return;
    }
    const std::size_t of_pending = std::min(sent.bytes, pending_.size());
    pending_.erase(0, of_pending);
    body_left_.remove_prefix(sent.bytes - of_pending);
  }
  pending_ = std::string();
  sent_at_ = client_.loop_.now();
}

// The answer may have come before the connection was closed for writing: reading will tell.
void Connection::sending_failed(int error) {
  send_error_ = error;
  pending_.clear();
  body_left_ = {};
  hung_up_ = true;
  client_.read_later(*this);
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
    if (received.would_block()) {
      // It is not the peer that has closed: without the whole request there is no answer to wait for.
      if (send_error_ != 0) {
        fail(net::reason_of(send_error_),
             fmt::format("the request cannot be sent to {}: {}", peer_text(), std::strerror(send_error_)));
      }
      return;
    }
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
        upgrade(bytes.substr(result.consumed));
        return;
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
  } else if (error != 0 || send_error_ != 0) {
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
  note_end(exchange);

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

// The results of an exchange that has its answer.
void Connection::note_end(Exchange& exchange) {
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
}

void Connection::upgrade(std::string_view rest) {
  Exchange& exchange = *std::exchange(exchange_, nullptr);
  first_byte_at_ = Instant::max();
  note_end(exchange);
  net::Socket socket = std::move(socket_);
  close();
  exchange.upgraded(std::move(socket), rest);
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
  client.report_wait(exchange);
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
  if (state_ == State::queue_full && client_.loop_.now() < opening_->deadline) {
    connect_socket();
    return;
  }
  if (state_ != State::connecting && state_ != State::resolving && state_ != State::queue_full) return;
  const auto limit = duration_text(exchange_->connect_timeout);
  if (state_ == State::resolving) {
    fail(Reason::connect_timeout,
         fmt::format("host \"{}\" was not resolved within {} (config http.connect_timeout)", origin_.host_,
                     limit));
  } else {
    fail(Reason::connect_timeout,
         fmt::format("no connection to {} within {} (config http.connect_timeout){}", opening_->peer.text(),
                     limit, state_ == State::queue_full ? ": its queue of connections is full" : ""));
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
