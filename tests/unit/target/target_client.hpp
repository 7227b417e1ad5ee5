// A target server on a thread of its own, and a blocking Beast client for it.
#pragma once

#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/buffers_to_string.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/websocket.hpp>

#include <chaperon/json.hpp>

#include "target/target.hpp"

namespace chaperon::target {

namespace net = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
namespace websocket = beast::websocket;
using boost::system::error_code;
using net::ip::tcp;

class RunningServer {
 public:
  explicit RunningServer(Options options = {}) : server_(with_free_port(std::move(options))) {
    thread_ = std::jthread([this] { server_.run(); });
  }
  ~RunningServer() { server_.stop(); }
  RunningServer(const RunningServer&) = delete;
  RunningServer& operator=(const RunningServer&) = delete;

  [[nodiscard]] std::uint16_t port() const { return server_.port(); }
  [[nodiscard]] tcp::endpoint endpoint() const { return {net::ip::address_v4::loopback(), port()}; }
  Server& server() { return server_; }

 private:
  static Options with_free_port(Options options) {
    options.port = 0;
    options.threads = 2;  // so that the thread sanitizer has something to see
    return options;
  }

  Server server_;
  std::jthread thread_;
};

using Response = http::response<http::string_body>;
using HeaderLines = std::vector<std::pair<std::string, std::string>>;

/// One keep-alive connection.
class Client {
 public:
  explicit Client(const RunningServer& server) : socket_(context_) { socket_.connect(server.endpoint()); }

  Response request(http::verb method, std::string_view path, const HeaderLines& headers = {},
                   std::string body = {}) {
    http::request<http::string_body> request(method, {path.data(), path.size()}, 11);
    request.set(http::field::host, "127.0.0.1");
    for (const auto& [name, value] : headers)
      request.insert(name, value);
    request.body() = std::move(body);
    request.prepare_payload();
    http::write(socket_, request);
    return read(method == http::verb::head);
  }
  Response get(std::string_view path, const HeaderLines& headers = {}) {
    return request(http::verb::get, path, headers);
  }
  Response post(std::string_view path, std::string body) {
    return request(http::verb::post, path, {}, std::move(body));
  }
  Json get_json(std::string_view path, const HeaderLines& headers = {}) {
    return Json::parse(get(path, headers).body());
  }

  /// Sends bytes as they are.
  void send(std::string_view bytes) { net::write(socket_, net::buffer(bytes.data(), bytes.size())); }
  /// Reads one response.
  Response read(bool to_head = false) {
    http::response_parser<http::string_body> parser;
    parser.skip(to_head);
    parser.body_limit(std::uint64_t{1} << 31);
    http::read(socket_, buffer_, parser);
    return parser.release();
  }
  /// Reads up to the end of the connection.
  std::string read_to_end() {
    std::string rest(static_cast<const char*>(buffer_.data().data()), buffer_.size());
    buffer_.clear();
    error_code error;
    net::read(socket_, net::dynamic_buffer(rest), error);
    return error == net::error::eof ? rest : rest + " <" + error.message() + ">";
  }
  tcp::socket& socket() { return socket_; }

 private:
  net::io_context context_;
  tcp::socket socket_;
  beast::flat_buffer buffer_;
};

/// Sends bytes on a new connection and returns all that comes back until the server closes.
inline std::string response_to(const RunningServer& server, std::string_view bytes) {
  Client client(server);
  client.send(bytes);
  return client.read_to_end();
}

/// One WebSocket.
class WebSocketClient {
 public:
  explicit WebSocketClient(const RunningServer& server) : stream_(context_) {
    stream_.next_layer().connect(server.endpoint());
    stream_.read_message_max(std::uint64_t{1} << 31);
  }
  /// Asks for permessage-deflate in the handshake.
  void offer_deflate() {
    websocket::permessage_deflate deflate;
    deflate.client_enable = true;
    stream_.set_option(deflate);
  }
  /// Upgrades; returns the server's answer.
  websocket::response_type connect(std::string_view path, error_code& error) {
    websocket::response_type response;
    stream_.handshake(response, "127.0.0.1", {path.data(), path.size()}, error);
    return response;
  }
  websocket::response_type connect(std::string_view path) {
    error_code error;
    auto response = connect(path, error);
    if (error) throw boost::system::system_error(error);
    return response;
  }
  void send(std::string_view text) {
    stream_.text(true);
    stream_.write(net::buffer(text.data(), text.size()));
  }
  void send_binary(std::string_view bytes) {
    stream_.binary(true);
    stream_.write(net::buffer(bytes.data(), bytes.size()));
  }
  std::string receive() {
    beast::flat_buffer buffer;
    stream_.read(buffer);
    return beast::buffers_to_string(buffer.data());
  }
  /// Reads messages until the connection ends; returns how many came.
  std::size_t receive_to_end() {
    for (std::size_t count = 0;; ++count) {
      beast::flat_buffer buffer;
      error_code error;
      stream_.read(buffer, error);
      if (error) return count;
    }
  }
  websocket::stream<tcp::socket>& stream() { return stream_; }

 private:
  net::io_context context_;
  websocket::stream<tcp::socket> stream_;
};

}  // namespace chaperon::target
