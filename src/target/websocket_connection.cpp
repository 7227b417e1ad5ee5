#include "target/websocket_connection.hpp"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <deque>
#include <limits>
#include <mutex>
#include <string_view>
#include <utility>

#include <boost/asio/post.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/field.hpp>
#include <boost/beast/websocket/stream.hpp>

namespace chaperon::target {

namespace {

namespace beast = boost::beast;
namespace http = beast::http;
namespace websocket = beast::websocket;
using boost::system::error_code;
using Stream = websocket::stream<Socket>;

constexpr std::chrono::seconds kCloseTime{5};
constexpr std::size_t kKeptBuffer = std::size_t{64} << 10;

void configure(Stream& stream, const Request& request, const Options& options) {
  // Connections may be idle for as long as a scenario likes.
  stream.set_option(websocket::stream_base::timeout{.handshake_timeout = websocket::stream_base::none(),
                                                    .idle_timeout = websocket::stream_base::none(),
                                                    .keep_alive_pings = false});
  websocket::permessage_deflate deflate;
  deflate.server_enable = true;
  stream.set_option(deflate);
  stream.read_message_max(options.max_body);
  stream.auto_fragment(false);  // a message comes back in one frame, however long
  const auto offered = request[http::field::sec_websocket_protocol];
  const std::string subprotocol(offered.substr(0, std::min(offered.find_first_of(", "), offered.size())));
  stream.set_option(websocket::stream_base::decorator([subprotocol](websocket::response_type& response) {
    response.set(http::field::server, "chaperon-target");
    if (!subprotocol.empty()) response.set(http::field::sec_websocket_protocol, subprotocol);
  }));
}

// How many messages a connection of that path gets back before it is closed: N of /close/N.
std::uint64_t echoes(std::string_view path) noexcept {
  constexpr std::string_view kClose = "/close/";
  constexpr auto kNoLimit = std::numeric_limits<std::uint64_t>::max();
  if (!path.starts_with(kClose)) return kNoLimit;
  path.remove_prefix(kClose.size());
  std::uint64_t count = 0;
  const auto [end, error] = std::from_chars(path.data(), path.data() + path.size(), count);
  return error == std::errc{} && end == path.data() + path.size() ? count : kNoLimit;
}

// Sends each message back, in order. It reads no further while one is on its way, so a client that does not
// read is held back by TCP.
class EchoConnection final : public std::enable_shared_from_this<EchoConnection> {
 public:
  EchoConnection(Socket socket, Request request, std::uint64_t count, const Options& options)
      : stream_(std::move(socket)), request_(std::move(request)), left_(count) {
    configure(stream_, request_, options);
  }

  void start() {
    stream_.async_accept(request_, [self = shared_from_this()](error_code error) {
      self->request_ = {};
      if (!error) self->read();
    });
  }

 private:
  void read() {
    if (left_ == 0) {
      return stream_.async_close({websocket::close_code::going_away, "that was all"},
                                 [self = shared_from_this()](error_code) {});
    }
    --left_;
    stream_.async_read(message_, [self = shared_from_this()](error_code error, std::size_t) {
      if (!error) self->write();
    });
  }

  void write() {
    stream_.text(stream_.got_text());
    stream_.async_write(message_.data(), [self = shared_from_this()](error_code error, std::size_t) {
      if (error) return;
      self->message_.clear();
      if (self->message_.capacity() > kKeptBuffer) self->message_.shrink_to_fit();
      self->read();
    });
  }

  Stream stream_;
  Request request_;
  std::uint64_t left_;  // messages that will be sent back
  beast::flat_buffer message_;
};

class SubscriberConnection final : public Subscriber,
                                   public std::enable_shared_from_this<SubscriberConnection> {
 public:
  SubscriberConnection(Socket socket, Request request, Service& service)
      : stream_(std::move(socket)),
        timer_(stream_.get_executor()),
        request_(std::move(request)),
        service_(service) {
    configure(stream_, request_, service.options);
  }

  void start() {
    // Before the client can know that it is subscribed: it would miss a message published right after that.
    service_.publications.subscribe(shared_from_this());
    stream_.async_accept(request_, [self = shared_from_this()](error_code error) {
      self->request_ = {};
      if (error) return self->end();
      self->read();
      self->write_next();
    });
  }

  bool deliver(const std::shared_ptr<const std::string>& message) override {
    const std::lock_guard lock(mutex_);
    const bool fits =
        queue_.size() < service_.options.subscriber_queue &&
        (queue_.empty() || queued_bytes_ + message->size() <= service_.options.subscriber_bytes);
    if (fits) {
      queue_.push_back(message);
      queued_bytes_ += message->size();
    } else {
      queue_.clear();
      overflowed_ = true;
      net::post(stream_.get_executor(), [self = shared_from_this()] { self->give_up(); });
    }
    if (!busy_) net::post(stream_.get_executor(), [self = shared_from_this()] { self->write_next(); });
    busy_ = true;
    return fits;
  }

 private:
  void read() {
    stream_.async_read(dropped_, [self = shared_from_this()](error_code error, std::size_t) {
      if (error) return self->end();
      self->dropped_.clear();
      self->read();
    });
  }

  void write_next() {
    {
      const std::lock_guard lock(mutex_);
      busy_ = !queue_.empty() || overflowed_;
      if (!busy_) return;
      if (!overflowed_) {
        writing_ = std::move(queue_.front());
        queue_.pop_front();
        queued_bytes_ -= writing_->size();
      }
    }
    if (!writing_) return close();
    stream_.text(true);
    stream_.async_write(net::buffer(*writing_), [self = shared_from_this()](error_code error, std::size_t) {
      self->writing_.reset();
      if (error) return self->end();
      self->write_next();
    });
  }

  // The close frame follows the message that is being written, if one is: its end comes to write_next(), as
  // does the end of the handshake.
  void give_up() {
    timer_.expires_after(kCloseTime);
    timer_.async_wait([self = shared_from_this()](error_code stopped) {
      error_code ignored;
      if (!stopped) self->stream_.next_layer().close(ignored);
    });
  }

  void close() {
    stream_.async_close({websocket::close_code::try_again_later, "too slow: too many messages are waiting"},
                        [self = shared_from_this()](error_code) { self->end(); });
  }

  void end() {
    timer_.cancel();
    service_.publications.unsubscribe(this);
  }

  Stream stream_;
  Timer timer_;
  Request request_;
  Service& service_;
  beast::flat_buffer dropped_;
  std::shared_ptr<const std::string> writing_;

  std::mutex mutex_;  // guards what follows: publishers run on any loop
  std::deque<std::shared_ptr<const std::string>> queue_;
  std::uint64_t queued_bytes_ = 0;
  bool busy_ = true;  // a write_next() is due: after the handshake, after a write, or because it was posted
  bool overflowed_ = false;
};

}  // namespace

void accept_websocket(Socket socket, Request request, Service& service) {
  const auto path = split_target(view(request.target())).path;
  if (path == "/foo") {
    std::make_shared<SubscriberConnection>(std::move(socket), std::move(request), service)->start();
  } else {
    const auto count = echoes(path);  // before the path moves away
    std::make_shared<EchoConnection>(std::move(socket), std::move(request), count, service.options)->start();
  }
}

}  // namespace chaperon::target
