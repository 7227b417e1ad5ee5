// One HTTP/1.1 connection of the target server.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/parser.hpp>

#include "target/answer.hpp"
#include "target/routes.hpp"
#include "target/service.hpp"
#include "target/socket.hpp"

namespace chaperon::target {

/// Reads requests, pipelined ones too, and answers them in order. Answers to requests that came together
/// leave in one write. It owns itself through its pending operations and runs on its socket's loop only.
class Connection final : public std::enable_shared_from_this<Connection> {
 public:
  Connection(Socket socket, Service& service);

  /// Begins to serve; returns at once.
  void start();

 private:
  using Parser = boost::beast::http::request_parser<boost::beast::http::string_body>;
  using ErrorCode = boost::system::error_code;

  // What follows once the output is written.
  enum class Next : std::uint8_t { read, parse, stream, linger, upgrade };

  void begin_request();
  void read();
  void read_done(ErrorCode error, std::size_t size);
  void parse();
  bool parse_failed(ErrorCode error);
  void greet_expectation();
  void reject(unsigned status, std::string_view reason);
  bool respond();
  bool send(Answer answer);
  void delay(Answer answer);
  void delay_over();
  void stream();
  void flush(Next next);
  void proceed(Next next);
  void upgrade();
  void linger();
  void discard();
  void close();
  Timer& timer();

  Socket socket_;
  Service& service_;
  boost::beast::flat_buffer input_;
  std::optional<Parser> parser_;
  std::string output_;
  Framing framing_{};       // of the request being answered
  bool head_seen_ = false;  // of the request being read
  bool head_only_ = false;  // the request being answered is a HEAD
  bool reading_ = false;
  bool delay_over_ = false;
  std::optional<Answer> delayed_;    // waits for its time
  Body streamed_{};                  // what is being streamed
  std::uint64_t streamed_done_ = 0;  // bytes or chunks of it that were sent
  std::optional<Timer> timer_;
};

}  // namespace chaperon::target
