// One connection of the control API.
#pragma once

#include <functional>
#include <memory>
#include <optional>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>

#include "cluster/control_api.hpp"

namespace chaperon::cluster {

/// What answers requests.
struct ControlService {
  ControlApi& api;
  boost::asio::thread_pool& quick;  ///< answers that take as long as NATS
  boost::asio::thread_pool& slow;   ///< answers that take minutes, one after the other
};

/// Reads requests and answers them, one at a time. It owns itself through its pending operations, and runs on
/// its socket's loop only but for the answers, which block.
class ControlConnection final : public std::enable_shared_from_this<ControlConnection> {
 public:
  /// `closed` is called at its end.
  ControlConnection(boost::asio::ip::tcp::socket socket, ControlService& service,
                    std::function<void()> closed);
  ~ControlConnection();
  ControlConnection(const ControlConnection&) = delete;
  ControlConnection& operator=(const ControlConnection&) = delete;

  /// Begins to serve; returns at once.
  void start();
  /// Only says that there is no room for it, and closes.
  void turn_away();

 private:
  using Parser = boost::beast::http::request_parser<boost::beast::http::string_body>;
  using Response = boost::beast::http::response<boost::beast::http::string_body>;
  using ErrorCode = boost::system::error_code;

  void read_head();
  void head_done(ErrorCode error);
  void read_body();
  void body_done(ErrorCode error);
  void refuse_malformed(ErrorCode error);
  void respond(ApiResponse answer, bool last);
  void written(ErrorCode error);
  void linger();
  [[nodiscard]] ApiRequest request() const;

  boost::beast::tcp_stream stream_;
  ControlService& service_;
  std::function<void()> closed_;
  boost::beast::flat_buffer buffer_;
  std::optional<Parser> parser_;
  std::optional<Response> response_;
};

}  // namespace chaperon::cluster
