#include "cluster/control_connection.hpp"

#include <string>
#include <string_view>
#include <utility>

#include <boost/asio/post.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/write.hpp>
#include <fmt/format.h>

#include <chaperon/version.hpp>

namespace chaperon::cluster {
namespace {

namespace http = boost::beast::http;

// How long a connection may be idle, and a head or a body may take: slow clients must not use up the places.
constexpr std::chrono::seconds kHeadTime{15};
constexpr std::chrono::seconds kBodyTime{30};
constexpr std::chrono::seconds kLingerTime{2};
// Answers may take longer the larger they are.
constexpr std::size_t kSlowestReader = std::size_t{256} << 10;  // bytes a second
constexpr std::uint32_t kLargestHead = std::uint32_t{16} << 10;

std::string text(boost::beast::string_view view) {
  return {view.data(), view.size()};
}

// The address that was connected to; an IPv4 one also where the socket takes both kinds.
std::string local_address(const boost::asio::ip::tcp::socket& socket) {
  boost::system::error_code error;
  const auto endpoint = socket.local_endpoint(error);
  if (error) return {};
  const auto address = endpoint.address();
  if (address.is_v6() && address.to_v6().is_v4_mapped())
    return boost::asio::ip::make_address_v4(boost::asio::ip::v4_mapped, address.to_v6()).to_string();
  return address.to_string();
}

}  // namespace

ControlConnection::ControlConnection(boost::asio::ip::tcp::socket socket, ControlService& service,
                                     std::function<void()> closed)
    : stream_(std::move(socket)), service_(service), closed_(std::move(closed)) {}

ControlConnection::~ControlConnection() {
  closed_();
}

void ControlConnection::start() {
  read_head();
}

void ControlConnection::turn_away() {
  respond(api_error(503, "there are too many connections: try again"), true);
}

void ControlConnection::read_head() {
  parser_.emplace();
  parser_->header_limit(kLargestHead);
  parser_->body_limit(kLargestApiBody);
  stream_.expires_after(kHeadTime);
  http::async_read_header(
      stream_, buffer_, *parser_,
      [self = shared_from_this()](ErrorCode error, std::size_t) { self->head_done(error); });
}

void ControlConnection::head_done(ErrorCode error) {
  // Nobody is there any more, or was too slow.
  if (error == http::error::end_of_stream || error == boost::beast::error::timeout) return;
  if (error) return refuse_malformed(error);
  if (parser_->get().count(http::field::host) > 1)
    return respond(api_error(400, "the request has several Host headers"), true);
  // Before the body: who may not send one must not keep the server busy with it.
  if (auto refusal = service_.api.refusal(request()))
    return respond(std::move(*refusal), !parser_->is_done());
  if (!parser_->is_done() && boost::beast::iequals(parser_->get()[http::field::expect], "100-continue")) {
    stream_.expires_after(kBodyTime);
    static constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
    return boost::asio::async_write(stream_, boost::asio::buffer(kContinue),
                                    [self = shared_from_this()](ErrorCode failed, std::size_t) {
                                      if (!failed) self->read_body();
                                    });
  }
  read_body();
}

void ControlConnection::read_body() {
  stream_.expires_after(kBodyTime);
  http::async_read(stream_, buffer_, *parser_,
                   [self = shared_from_this()](ErrorCode error, std::size_t) { self->body_done(error); });
}

void ControlConnection::body_done(ErrorCode error) {
  if (error == boost::beast::error::timeout) return;
  if (error) return refuse_malformed(error);
  stream_.expires_never();
  auto wanted = request();
  // Whether the master works must be told while others wait for NATS.
  if (ControlApi::is_immediate(wanted)) return respond(service_.api.answer(wanted), false);
  wanted.body = std::move(parser_->get().body());
  auto& pool = ControlApi::takes_long(wanted) ? service_.slow : service_.quick;
  boost::asio::post(pool, [self = shared_from_this(), wanted = std::move(wanted)] {
    auto answer = self->service_.api.answer(wanted);
    boost::asio::post(self->stream_.get_executor(), [self, answer = std::move(answer)]() mutable {
      self->respond(std::move(answer), false);
    });
  });
}

// Where the next request begins cannot be known.
void ControlConnection::refuse_malformed(ErrorCode error) {
  if (error == http::error::body_limit)
    return respond(api_error(413, fmt::format("the body has more than {} MiB", kLargestApiBody >> 20U)),
                   true);
  if (error == http::error::header_limit)
    return respond(api_error(431, fmt::format("the head has more than {} KiB", kLargestHead >> 10U)), true);
  if (error.category() == make_error_code(http::error::bad_method).category())
    return respond(api_error(400, fmt::format("the request is malformed: {}", error.message())), true);
}

ApiRequest ControlConnection::request() const {
  const auto& head = parser_->get();
  ApiRequest request{.method = text(head.method_string()),
                     .target = text(head.target()),
                     .host = text(head[http::field::host]),
                     .authorization = text(head[http::field::authorization]),
                     .content_type = text(head[http::field::content_type]),
                     .local_address = local_address(stream_.socket())};
  take_absolute_form(request);
  return request;
}

void ControlConnection::respond(ApiResponse answer, bool last) {
  const bool has_head = parser_ && parser_->is_header_done();
  const bool keep_alive = !last && has_head && parser_->get().keep_alive();
  const bool head_only = has_head && parser_->get().method() == http::verb::head;
  response_.emplace(http::int_to_status(answer.status), 11);
  response_->set(http::field::server, "chaperon/" CHAPERON_VERSION);
  response_->set(http::field::content_type, answer.content_type);
  response_->set(http::field::cache_control, "no-store");
  response_->set("X-Content-Type-Options", "nosniff");
  for (const auto& [name, value] : answer.headers)
    response_->set(name, value);
  response_->keep_alive(keep_alive);
  const auto size = answer.body.size();
  if (!head_only) response_->body() = std::move(answer.body);
  response_->content_length(size);
  stream_.expires_after(kBodyTime + std::chrono::seconds(size / kSlowestReader));
  http::async_write(stream_, *response_,
                    [self = shared_from_this()](ErrorCode error, std::size_t) { self->written(error); });
}

void ControlConnection::written(ErrorCode error) {
  if (error) return;
  const bool keep_alive = response_->keep_alive();
  response_.reset();
  if (keep_alive) return read_head();
  ErrorCode ignored;
  stream_.socket().shutdown(boost::asio::socket_base::shutdown_send, ignored);
  stream_.expires_after(kLingerTime);
  linger();
}

// Closes without losing the answer: a close while unread bytes are there would send a reset, which may
// overtake it (RFC 9112, section 9.6).
void ControlConnection::linger() {
  constexpr std::size_t kPiece = 4096;
  buffer_.clear();
  stream_.async_read_some(buffer_.prepare(kPiece), [self = shared_from_this()](ErrorCode error, std::size_t) {
    if (!error) self->linger();
  });
}

}  // namespace chaperon::cluster
