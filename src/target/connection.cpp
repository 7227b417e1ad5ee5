#include "target/connection.hpp"

#include <algorithm>
#include <utility>

#include <boost/asio/buffer.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/websocket/rfc6455.hpp>

#include "target/encoding.hpp"
#include "target/websocket_connection.hpp"

namespace chaperon::target {

namespace {

namespace http = boost::beast::http;

constexpr std::size_t kSmallRead = std::size_t{4} << 10;
constexpr std::size_t kBodyRead = std::size_t{64} << 10;
constexpr std::uint32_t kMaxHead = std::uint32_t{64} << 10;
// Beyond this, answers leave before further requests are looked at, or a client that pipelines without
// reading would fill the memory.
constexpr std::size_t kOutputLimit = std::size_t{64} << 10;
constexpr std::chrono::seconds kLingerTime{5};

}  // namespace

Connection::Connection(Socket socket, Service& service) : socket_(std::move(socket)), service_(service) {}

void Connection::start() {
  ErrorCode ignored;  // a Unix socket has no such option
  socket_.set_option(net::ip::tcp::no_delay(true), ignored);
  socket_.non_blocking(true, ignored);
  begin_request();
  read();
}

void Connection::begin_request() {
  parser_.emplace();
  parser_->eager(true);
  parser_->header_limit(kMaxHead);
  parser_->body_limit(service_.options.max_body);
  head_seen_ = false;
}

void Connection::read() {
  reading_ = true;
  const std::size_t size = head_seen_ ? kBodyRead : kSmallRead;
  socket_.async_read_some(input_.prepare(size), [self = shared_from_this()](ErrorCode error, std::size_t n) {
    self->read_done(error, n);
  });
}

void Connection::read_done(ErrorCode error, std::size_t size) {
  reading_ = false;
  input_.commit(size);
  if (delayed_) {
    // A read under way during a delay is there to notice that the client has gone.
    if (delay_over_) {
      delay_over();
    } else if (error) {
      close();
    } else if (input_.size() < kBodyRead) {
      read();
    }
    return;
  }
  if (error == net::error::eof && parser_->got_some() && !parser_->is_done()) {
    return reject(400, "the request ends before it is complete");
  }
  if (error) return close();
  parse();
}

void Connection::parse() {
  for (;;) {
    if (output_.size() >= kOutputLimit) return flush(Next::parse);
    if (input_.size() == 0) return flush(Next::read);
    ErrorCode error;
    input_.consume(parser_->put(input_.data(), error));
    if (error && parse_failed(error)) return;
    if (parser_->is_header_done() && !head_seen_) {
      head_seen_ = true;
      if (!parser_->is_done()) greet_expectation();
    }
    if (parser_->is_done()) {
      if (!respond()) return;
      begin_request();
    } else if (error) {
      return flush(Next::read);
    }
  }
}

// Answers an error of the parser, unless it only needs more bytes: false then.
bool Connection::parse_failed(ErrorCode error) {
  if (error == http::error::need_more) {
    // The parser bounds the head, but not the length of a line between chunks.
    if (input_.size() <= kMaxHead) return false;
    reject(400, "a chunk's header is too long");
  } else if (error == http::error::body_limit) {
    reject(413, "the body is larger than " + std::to_string(service_.options.max_body) + " bytes");
  } else if (error == http::error::header_limit) {
    reject(431, "the head is larger than " + std::to_string(kMaxHead) + " bytes");
  } else {
    reject(400, "malformed request: " + error.message());
  }
  return true;
}

void Connection::greet_expectation() {
  const auto& request = parser_->get();
  if (request.version() >= 11 && boost::beast::iequals(request[http::field::expect], "100-continue")) {
    output_.append("HTTP/1.1 100 Continue\r\n\r\n");
  }
}

// Answers and closes, because where the next request begins cannot be known.
void Connection::reject(unsigned status, std::string_view reason) {
  const Answer answer = error_answer(status, reason);
  append_head(output_, answer, {.keep_alive = false});
  output_.append(std::get<std::string>(answer.body));
  flush(Next::linger);
}

// Answers the request that the parser holds. False if the answer takes its time, and whatever follows goes on
// by itself.
bool Connection::respond() {
  auto& request = parser_->get();
  framing_ = {.http_1_0 = request.version() < 11, .keep_alive = request.keep_alive()};
  head_only_ = request.method() == http::verb::head;
  if (!framing_.http_1_0 && request.count(http::field::host) != 1) {
    reject(400, "an HTTP/1.1 request must have one Host header");
    return false;
  }
  const Target target = split_target(view(request.target()));
  const bool upgrades = boost::beast::websocket::is_upgrade(request);
  if (is_counted(target.path)) {
    service_.counts.add(upgrades ? "WS" : view(request.method_string()), target.path);
  }
  if (upgrades && !refuses_upgrade(target.path)) {
    flush(Next::upgrade);
    return false;
  }
  if (target.path == "/" && framing_.keep_alive && !framing_.http_1_0) {
    output_.append(root_answer(), 0, head_only_ ? root_head_size() : std::string::npos);
    return true;
  }
  Answer answer = answer_request(service_, request, target);
  if (answer.delay > answer.delay.zero()) {
    delay(std::move(answer));
    return false;
  }
  return send(std::move(answer));
}

// Queues an answer to be written. False as with respond().
bool Connection::send(Answer answer) {
  // Without chunks only the end of the connection can mark the end of the body.
  if (framing_.http_1_0 && std::holds_alternative<ChunkedBody>(answer.body)) framing_.keep_alive = false;
  append_head(output_, answer, framing_);
  const auto* const bytes = std::get_if<AlphabetBody>(&answer.body);
  if (!head_only_ && !(bytes && bytes->size == 0)) {
    if (const auto* text = std::get_if<std::string>(&answer.body)) {
      output_.append(*text);
    } else {
      streamed_ = std::move(answer.body);
      streamed_done_ = 0;
      flush(Next::stream);
      return false;
    }
  }
  if (framing_.keep_alive) return true;
  flush(Next::linger);
  return false;
}

void Connection::delay(Answer answer) {
  // Answers to requests before this one must not wait with it; what the socket does not take at once stays
  // queued.
  ErrorCode ignored;
  output_.erase(0, output_.empty() ? 0 : socket_.write_some(net::buffer(output_), ignored));
  const auto time = std::exchange(answer.delay, answer.delay.zero());
  delayed_ = std::move(answer);
  delay_over_ = false;
  timer().expires_after(time);
  timer().async_wait([self = shared_from_this()](ErrorCode stopped) {
    if (stopped) return;
    self->delay_over_ = true;
    if (!self->reading_) return self->delay_over();
    ErrorCode not_cancelled;
    self->socket_.cancel(not_cancelled);  // the read's end goes on from here
  });
  read();
}

void Connection::delay_over() {
  Answer answer = std::move(*delayed_);
  delayed_.reset();
  if (!send(std::move(answer))) return;
  begin_request();
  parse();
}

void Connection::stream() {
  const auto sent = [self = shared_from_this()](ErrorCode error, std::size_t size) {
    if (error) return self->close();
    if (std::holds_alternative<AlphabetBody>(self->streamed_)) self->streamed_done_ += size;
    self->output_.clear();
    self->stream();
  };
  // Each piece goes through the loop even if the socket has room for more, so that others have their turn.
  if (const auto* bytes = std::get_if<AlphabetBody>(&streamed_); bytes && streamed_done_ < bytes->size) {
    const auto size = std::min<std::uint64_t>(bytes->size - streamed_done_, kAlphabetRun);
    return socket_.async_write_some(net::buffer(alphabet().data() + streamed_done_ % 26, size), sent);
  }
  if (const auto* chunks = std::get_if<ChunkedBody>(&streamed_); chunks && streamed_done_ <= chunks->count) {
    while (streamed_done_ <= chunks->count && output_.size() < kOutputLimit) {
      const bool last = streamed_done_++ == chunks->count;
      const std::string data = last ? std::string() : "chunk " + std::to_string(streamed_done_) + "\n";
      if (framing_.http_1_0) {
        output_.append(data);
      } else {
        constexpr std::string_view kHexDigits = "0123456789abcdef";
        output_.append(1, kHexDigits[data.size()]).append("\r\n").append(data).append("\r\n");
      }
    }
    return net::async_write(socket_, net::buffer(output_), sent);
  }
  if (!framing_.keep_alive) return linger();
  begin_request();
  parse();
}

// Writes the output at once if the socket takes it, which it nearly always does, and then goes on.
void Connection::flush(Next next) {
  if (!output_.empty()) {
    ErrorCode error;
    const std::size_t size = socket_.write_some(net::buffer(output_), error);
    if (error && error != net::error::would_block) return close();
    if (size < output_.size()) {
      output_.erase(0, size);
      net::async_write(socket_, net::buffer(output_),
                       [self = shared_from_this(), next](ErrorCode failed, std::size_t) {
                         if (failed) return self->close();
                         self->output_.clear();
                         self->proceed(next);
                       });
      return;
    }
    output_.clear();
  }
  proceed(next);
}

void Connection::proceed(Next next) {
  switch (next) {
    case Next::read:
      return read();
    case Next::parse:
      return parse();
    case Next::stream:
      return stream();
    case Next::linger:
      return linger();
    case Next::upgrade:
      return upgrade();
  }
}

void Connection::upgrade() {
  accept_websocket(std::move(socket_), parser_->release(), service_);
}

// Closes without losing the answer: a close while unread bytes are there would send a reset, which may
// overtake it (RFC 9112, section 9.6).
void Connection::linger() {
  ErrorCode error;
  socket_.shutdown(net::socket_base::shutdown_send, error);
  if (error) return close();
  timer().expires_after(kLingerTime);
  timer().async_wait([self = shared_from_this()](ErrorCode stopped) {
    if (!stopped) self->close();
  });
  discard();
}

void Connection::discard() {
  input_.clear();
  socket_.async_read_some(input_.prepare(kBodyRead),
                          [self = shared_from_this()](ErrorCode error, std::size_t) {
                            if (error) return self->close();
                            self->discard();
                          });
}

void Connection::close() {
  if (timer_) timer_->cancel();
  ErrorCode ignored;
  socket_.close(ignored);
}

Timer& Connection::timer() {
  if (!timer_) timer_.emplace(socket_.get_executor());
  return *timer_;
}

}  // namespace chaperon::target
