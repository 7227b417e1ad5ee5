#include "http/response_parser.hpp"

#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

namespace chaperon::http {
namespace {

using namespace std::string_view_literals;

using State = ResponseParser::State;

// What one answer came to. Two of them are equal if a caller could not tell them apart.
struct Outcome {
  State state = State::need_more;
  std::size_t consumed =
      0;  // of everything fed; 0 where it failed, since how much was looked at does not matter then
  int status = 0;
  bool keep_alive = false;
  std::vector<int> interim{};
  std::string headers{};
  std::string body{};
  Reason reason = Reason::none;
  std::string error{};
  friend bool operator==(const Outcome&, const Outcome&) = default;
};

void PrintTo(const Outcome& o, std::ostream* out) {
  *out << "{state " << static_cast<int>(o.state) << ", consumed " << o.consumed << ", status " << o.status
       << ", keep_alive " << o.keep_alive << ", interim " << o.interim.size() << ", headers \"" << o.headers
       << "\", body \"" << o.body << "\", " << to_string(o.reason) << " \"" << o.error << "\"}";
}

struct Request {
  Method method = Method::get;
  bool upgrade_asked = false;
  ResponseLimits limits{};
  bool then_closed = false;
};

// Feeds `pieces` one after the other, as a connection would.
Outcome parse_pieces(const std::vector<std::string_view>& pieces, const Request& request) {
  Message message;
  ResponseParser parser;
  parser.start(message, request.method, request.upgrade_asked, request.limits);
  Outcome outcome;
  for (std::string_view piece : pieces) {
    while (!piece.empty()) {
      const auto result = parser.feed(piece);
      outcome.state = result.state;
      outcome.consumed += result.consumed;
      EXPECT_LE(result.consumed, piece.size());
      piece.remove_prefix(result.consumed);
      if (result.state == State::interim) {
        outcome.interim.push_back(message.status);
        continue;
      }
      if (result.state == State::need_more) {
        EXPECT_TRUE(piece.empty()) << "need_more leaves bytes";
      }
      break;
    }
    if (outcome.state > State::interim) break;
  }
  if (request.then_closed && outcome.state <= State::interim) outcome.state = parser.finish();
  if (outcome.state == State::interim) outcome.state = State::need_more;
  outcome.reason = parser.reason();
  outcome.error = parser.error_message();
  if (outcome.state == State::failed) {
    outcome.consumed = 0;
    return outcome;
  }
  if (outcome.state == State::need_more) return outcome;
  outcome.status = message.status;
  outcome.keep_alive = message.keep_alive;
  for (const Field& field : message.fields) {
    outcome.headers.append(message.name(field)).append("=").append(message.value(field)).append("\n");
  }
  outcome.body = message.body;
  return outcome;
}

// Parses an answer in one piece, and checks that every split in two and byte by byte give the same.
Outcome parse(std::string_view text, const Request& request = {}) {
  const Outcome whole = parse_pieces({text}, request);
  if (text.size() <= 4096) {
    for (std::size_t i = 1; i < text.size(); ++i) {
      const Outcome split = parse_pieces({text.substr(0, i), text.substr(i)}, request);
      EXPECT_EQ(whole, split) << "split at " << i;
      if (whole != split) break;
    }
  }
  std::vector<std::string_view> bytes;
  for (std::size_t i = 0; i < text.size(); ++i)
    bytes.push_back(text.substr(i, 1));
  EXPECT_EQ(whole, parse_pieces(bytes, request)) << "byte by byte";
  return whole;
}

void expect_failed(std::string_view text, Reason reason, std::string_view error,
                   const Request& request = {}) {
  const Outcome outcome = parse(text, request);
  EXPECT_EQ(outcome.state, State::failed)
      << testing::PrintToString(outcome) << " for " << text.substr(0, 200);
  EXPECT_EQ(outcome.reason, reason) << to_string(outcome.reason);
  EXPECT_EQ(outcome.error, error);
}

void expect_malformed(std::string_view text, std::string_view error, const Request& request = {}) {
  expect_failed(text, Reason::malformed, error, request);
}

std::string with_head(std::string_view headers, std::string_view body = "") {
  return std::string("HTTP/1.1 200 OK\r\n").append(headers).append("\r\n").append(body);
}

TEST(ResponseParser, ContentLength) {
  const std::string text = with_head("Content-Type: text/plain\r\nContent-Length: 5\r\n", "hello");
  const Outcome outcome = parse(text);
  EXPECT_EQ(outcome.state, State::complete);
  EXPECT_EQ(outcome.consumed, text.size());
  EXPECT_EQ(outcome.status, 200);
  EXPECT_TRUE(outcome.keep_alive);
  EXPECT_EQ(outcome.headers, "Content-Type=text/plain\nContent-Length=5\n");
  EXPECT_EQ(outcome.body, "hello");
}

TEST(ResponseParser, ContentLengthZero) {
  const Outcome outcome = parse(with_head("Content-Length: 0\r\n"));
  EXPECT_EQ(outcome.state, State::complete);
  EXPECT_TRUE(outcome.keep_alive);
  EXPECT_EQ(outcome.body, "");
}

TEST(ResponseParser, HeaderValuesAreTrimmedAndMayBeEmpty) {
  const Outcome outcome = parse(with_head("A: \t one two \t \r\nB:\r\nC: \r\nD:x\r\nContent-Length: 0\r\n"));
  EXPECT_EQ(outcome.state, State::complete) << outcome.error;
  EXPECT_EQ(outcome.headers, "A=one two\nB=\nC=\nD=x\nContent-Length=0\n");
}

TEST(ResponseParser, HeaderValuesMayHaveBytesAbove127) {
  const Outcome outcome = parse(with_head("X: caf\xc3\xa9 \xff\r\nContent-Length: 0\r\n"));
  EXPECT_EQ(outcome.state, State::complete) << outcome.error;
  EXPECT_EQ(outcome.headers, "X=caf\xc3\xa9 \xff\nContent-Length=0\n");
}

TEST(ResponseParser, ReasonPhraseMayBeMissing) {
  for (const std::string_view line :
       {"HTTP/1.1 204", "HTTP/1.1 204 ", "HTTP/1.1 204 No Content", "HTTP/1.1 204 a b  c"}) {
    const Outcome outcome = parse(std::string(line).append("\r\n\r\n"));
    EXPECT_EQ(outcome.state, State::complete) << line << ": " << outcome.error;
    EXPECT_EQ(outcome.status, 204);
  }
}

TEST(ResponseParser, Chunked) {
  const Outcome outcome =
      parse(with_head("Transfer-Encoding: chunked\r\n", "5\r\nhello\r\n0a\r\n, world!!!\r\n0\r\n\r\n"));
  EXPECT_EQ(outcome.state, State::complete) << outcome.error;
  EXPECT_TRUE(outcome.keep_alive);
  EXPECT_EQ(outcome.body, "hello, world!!!");
}

TEST(ResponseParser, ChunkedEmpty) {
  const Outcome outcome = parse(with_head("Transfer-Encoding: Chunked\r\n", "0\r\n\r\n"));
  EXPECT_EQ(outcome.state, State::complete) << outcome.error;
  EXPECT_EQ(outcome.body, "");
}

TEST(ResponseParser, ChunkedWithExtensionsAndTrailers) {
  const std::string text = with_head("Transfer-Encoding: chunked\r\nTrailer: X-Sum\r\n",
                                     "5;a=b;c=\"d e\"\r\nhello\r\n0;last\r\nX-Sum: 17\r\nX-Empty:\r\n\r\n");
  const Outcome outcome = parse(text);
  EXPECT_EQ(outcome.state, State::complete) << outcome.error;
  EXPECT_EQ(outcome.consumed, text.size());
  EXPECT_EQ(outcome.body, "hello");
  EXPECT_EQ(outcome.headers, "Transfer-Encoding=chunked\nTrailer=X-Sum\n") << "trailers are not headers";
}

TEST(ResponseParser, BodyUntilTheConnectionCloses) {
  const std::string text = with_head("Content-Type: text/plain\r\n", "all of it");
  EXPECT_EQ(parse(text).state, State::need_more);
  const Outcome outcome = parse(text, {.then_closed = true});
  EXPECT_EQ(outcome.state, State::complete);
  EXPECT_EQ(outcome.body, "all of it");
  EXPECT_FALSE(outcome.keep_alive);
}

TEST(ResponseParser, EmptyBodyUntilTheConnectionCloses) {
  const Outcome outcome = parse(with_head(""), {.then_closed = true});
  EXPECT_EQ(outcome.state, State::complete);
  EXPECT_EQ(outcome.body, "");
  EXPECT_FALSE(outcome.keep_alive);
}

TEST(ResponseParser, KeepAlive) {
  const auto keep_alive = [](std::string_view version, std::string_view headers) {
    const Outcome outcome =
        parse(std::string("HTTP/").append(version).append(" 200 OK\r\n").append(headers).append("\r\n"));
    EXPECT_EQ(outcome.state, State::complete) << outcome.error;
    return outcome.keep_alive;
  };
  EXPECT_TRUE(keep_alive("1.1", "Content-Length: 0\r\n"));
  EXPECT_TRUE(keep_alive("1.1", "Content-Length: 0\r\nConnection: keep-alive\r\n"));
  EXPECT_FALSE(keep_alive("1.1", "Content-Length: 0\r\nConnection: close\r\n"));
  EXPECT_FALSE(keep_alive("1.1", "connection: Close\r\nContent-Length: 0\r\n"));
  EXPECT_FALSE(keep_alive("1.1", "Connection: foo, close\r\nContent-Length: 0\r\n"));
  EXPECT_FALSE(keep_alive("1.0", "Content-Length: 0\r\n"));
  EXPECT_TRUE(keep_alive("1.0", "Content-Length: 0\r\nConnection: keep-alive\r\n"));
}

TEST(ResponseParser, BytesAfterAConnectionCloseAnswerAreNotConsumed) {
  const std::string answer = with_head("Connection: close\r\nContent-Length: 2\r\n", "ok");
  const Outcome outcome = parse(answer + "more");
  EXPECT_EQ(outcome.state, State::complete);
  EXPECT_EQ(outcome.consumed, answer.size());
}

TEST(ResponseParser, ChunkedInHttp10IsNotKeptAlive) {
  const Outcome outcome = parse(
      "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: keep-alive\r\n\r\n1\r\nx\r\n0\r\n\r\n");
  EXPECT_EQ(outcome.state, State::complete) << outcome.error;
  EXPECT_EQ(outcome.body, "x");
  EXPECT_FALSE(outcome.keep_alive);
}

TEST(ResponseParser, BytesAfterTheAnswerAreNotConsumed) {
  const std::vector<std::string> answers = {
      with_head("Content-Length: 5\r\n", "hello"),
      with_head("Content-Length: 0\r\n"),
      with_head("Transfer-Encoding: chunked\r\n", "1\r\nx\r\n0\r\n\r\n"),
      with_head("Transfer-Encoding: chunked\r\n", "1\r\nx\r\n0\r\nA: b\r\n\r\n"),
      "HTTP/1.1 204 No Content\r\n\r\n",
      "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n",
  };
  for (const std::string& answer : answers) {
    for (const std::string_view more : {"x", "\r\n", "HTTP/1.1 200 OK\r\n\r\n"}) {
      const Outcome outcome = parse(std::string(answer).append(more));
      EXPECT_EQ(outcome.state, State::complete) << outcome.error << " in " << answer;
      EXPECT_EQ(outcome.consumed, answer.size()) << answer;
    }
  }
}

TEST(ResponseParser, AnswersWithoutBody) {
  for (const std::string_view framing : {"", "Content-Length: 500\r\n", "Transfer-Encoding: chunked\r\n"}) {
    for (const std::string_view line : {"HTTP/1.1 204 No Content", "HTTP/1.1 304 Not Modified"}) {
      const std::string text = std::string(line).append("\r\n").append(framing).append("\r\n");
      const Outcome outcome = parse(text);
      EXPECT_EQ(outcome.state, State::complete) << outcome.error << " in " << text;
      EXPECT_EQ(outcome.consumed, text.size());
      EXPECT_TRUE(outcome.keep_alive) << text;
    }
    const std::string text = with_head(framing);
    const Outcome outcome = parse(text, {.method = Method::head});
    EXPECT_EQ(outcome.state, State::complete) << outcome.error << " in " << text;
    EXPECT_EQ(outcome.consumed, text.size());
    EXPECT_TRUE(outcome.keep_alive) << text;
    EXPECT_EQ(outcome.body, "");
  }
}

TEST(ResponseParser, AnswerToHeadMayAnnounceMoreThanTheLimit) {
  const Outcome outcome =
      parse(with_head("Content-Length: 99999\r\n"), {.method = Method::head, .limits = {.body = 10}});
  EXPECT_EQ(outcome.state, State::complete) << outcome.error;
}

TEST(ResponseParser, InterimAnswersAreSkipped) {
  const std::string interim =
      "HTTP/1.1 100 Continue\r\nContent-Length: 7\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\nX: "
      "y\r\n\r\n";
  const std::string text = interim + with_head("Content-Length: 2\r\nA: b\r\n", "ok");
  const Outcome outcome = parse(text);
  EXPECT_EQ(outcome.state, State::complete) << outcome.error;
  EXPECT_EQ(outcome.consumed, text.size());
  EXPECT_EQ(outcome.interim, (std::vector<int>{100, 103}));
  EXPECT_EQ(outcome.status, 200);
  EXPECT_EQ(outcome.headers, "Content-Length=2\nA=b\n");
  EXPECT_EQ(outcome.body, "ok");
  EXPECT_TRUE(outcome.keep_alive);
}

TEST(ResponseParser, InterimAnswerToHead) {
  const Outcome outcome = parse("HTTP/1.1 103 Early Hints\r\n\r\n" + with_head("Content-Length: 9\r\n"),
                                {.method = Method::head});
  EXPECT_EQ(outcome.state, State::complete) << outcome.error;
  EXPECT_EQ(outcome.interim, std::vector<int>{103});
}

TEST(ResponseParser, AtMostSixteenInterimAnswers) {
  std::string text;
  for (int i = 0; i < 16; ++i)
    text += "HTTP/1.1 102 Processing\r\n\r\n";
  EXPECT_EQ(parse(text + with_head("Content-Length: 0\r\n")).state, State::complete);
  expect_malformed(text + "HTTP/1.1 102 Processing\r\n\r\n", "more than 16 interim (1xx) answers");
}

TEST(ResponseParser, UpgradeThatWasAskedFor) {
  const std::string head =
      "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n";
  const Outcome outcome = parse(head + "\x81\x02hi", {.upgrade_asked = true});
  EXPECT_EQ(outcome.state, State::upgraded) << outcome.error;
  EXPECT_EQ(outcome.consumed, head.size());
  EXPECT_EQ(outcome.status, 101);
  EXPECT_EQ(outcome.headers, "Upgrade=websocket\nConnection=Upgrade\n");
  EXPECT_FALSE(outcome.keep_alive);
}

TEST(ResponseParser, UpgradeAfterAnInterimAnswer) {
  const Outcome outcome = parse("HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 101 Switching Protocols\r\n\r\n",
                                {.upgrade_asked = true});
  EXPECT_EQ(outcome.state, State::upgraded) << outcome.error;
}

TEST(ResponseParser, RefusedUpgrade) {
  const Outcome outcome =
      parse("HTTP/1.1 503 Busy\r\nUpgrade: websocket\r\nConnection: upgrade\r\nContent-Length: 4\r\n\r\nbusy",
            {.upgrade_asked = true});
  EXPECT_EQ(outcome.state, State::complete) << outcome.error;
  EXPECT_EQ(outcome.status, 503);
  EXPECT_EQ(outcome.body, "busy");
}

TEST(ResponseParser, AnswerThatOffersAnUpgrade) {
  const Outcome outcome =
      parse(with_head("Upgrade: h2c\r\nConnection: Upgrade\r\nContent-Length: 2\r\n", "ok"));
  EXPECT_EQ(outcome.state, State::complete) << outcome.error;
  EXPECT_EQ(outcome.body, "ok");
}

TEST(ResponseParser, UpgradeThatWasNotAskedFor) {
  expect_malformed("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
                   "the answer is 101 Switching Protocols, which was not asked for");
}

TEST(ResponseParser, StatusCodes) {
  for (const int status : {100, 199, 200, 299, 418, 500, 599}) {
    const Outcome outcome = parse("HTTP/1.1 " + std::to_string(status) + " X\r\nContent-Length: 0\r\n\r\n");
    EXPECT_EQ(outcome.state, status < 200 ? State::need_more : State::complete) << status << outcome.error;
  }
  for (const std::string_view status : {"000", "099", "600", "999"}) {
    expect_malformed(std::string("HTTP/1.1 ").append(status).append(" X\r\n\r\n"),
                     "the status code is not between 100 and 599");
  }
}

TEST(ResponseParser, GarbageStatusLine) {
  const std::string_view not_http = "the answer does not begin with HTTP/1.1 or HTTP/1.0";
  for (const std::string_view text :
       {"SSH-2.0-OpenSSH_9.2\r\n", "\r\nHTTP/1.1 200 OK\r\n\r\n", " HTTP/1.1 200 OK\r\n\r\n",
        "http/1.1 200 OK\r\n\r\n", "HTTP/2.0 200 OK\r\n\r\n", "HTTP/0.9 200 OK\r\n\r\n",
        "HTTP/1.2 200 OK\r\n\r\n", "HTTP/1,1 200 OK\r\n\r\n", "HTTP 200 OK\r\n\r\n", "ICY 200 OK\r\n\r\n",
        "<html>", "\x82\x05hello", "x"}) {
    expect_malformed(text, not_http);
  }
  expect_malformed("\0\0\0\0"sv, not_http);
  for (const std::string_view line :
       {"HTTP/1.1", "HTTP/1.1 ", "HTTP/1.1 20", "HTTP/1.1 2000", "HTTP/1.1 20x OK", "HTTP/1.1  200 OK",
        "HTTP/1.1\t200 OK", "HTTP/1.1 200\tOK", "HTTP/1.1200 OK", "HTTP/1.10 200 OK", "HTTP/1.1 +20 OK",
        "HTTP/1.1 200 O\x01K", "HTTP/1.1 200OK"}) {
    expect_malformed(std::string(line).append("\r\n\r\n"), "the status line is not \"HTTP/1.1 NNN TEXT\"");
  }
  expect_malformed("HTTP/1.1 200 O\0K\r\n\r\n"sv, "the status line is not \"HTTP/1.1 NNN TEXT\"");
}

TEST(ResponseParser, TlsServer) {
  expect_malformed("\x15\x03\x01\x02", "the answer is a TLS alert: the server expects https on this port");
}

TEST(ResponseParser, LineEndsAndFolding) {
  expect_malformed("HTTP/1.1 200 OK\nContent-Length: 0\n\n", "a line of the head ends in a bare LF");
  expect_malformed("HTTP/1.1 200 OK\r\nContent-Length: 0\n\r\n", "a line of the head ends in a bare LF");
  expect_malformed("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\n", "a line of the head ends in a bare LF");
  expect_malformed("HTTP/1.1 200 OK\r\nA: b\nC: d\r\nContent-Length: 0\r\n\r\n",
                   "a line of the head ends in a bare LF");
  expect_malformed("HTTP/1.1 200 OK\r\nA: b\rC: d\r\nContent-Length: 0\r\n\r\n", "a bare CR in the head");
  expect_malformed("HTTP/1.1 200 OK\r\nA: b\r\r\nContent-Length: 0\r\n\r\n", "a bare CR in the head");
  expect_malformed("HTTP/1.1 200 OK\r\nA: b\r\n c\r\nContent-Length: 0\r\n\r\n",
                   "a header is folded over several lines");
  expect_malformed("HTTP/1.1 200 OK\r\nA: b\r\n\tc\r\nContent-Length: 0\r\n\r\n",
                   "a header is folded over several lines");
  expect_malformed("HTTP/1.1 200 OK\r\n A: b\r\nContent-Length: 0\r\n\r\n",
                   "a header is folded over several lines");
}

TEST(ResponseParser, HeaderLinesThatAreNone) {
  for (const std::string_view line :
       {"no colon", "nocolon", ": no name", "na me: x", "name : x", "n\xc3\xa4me: x", "na(me: x"}) {
    const Outcome outcome = parse(with_head(std::string(line).append("\r\nContent-Length: 0\r\n")));
    EXPECT_EQ(outcome.state, State::failed) << line;
    EXPECT_EQ(outcome.reason, Reason::malformed) << line;
  }
  const Outcome nul = parse("HTTP/1.1 200 OK\r\nA: b\0c\r\nContent-Length: 0\r\n\r\n"sv);
  EXPECT_EQ(nul.state, State::failed);
  EXPECT_EQ(nul.reason, Reason::malformed);
  const Outcome bell = parse("HTTP/1.1 200 OK\r\nA: b\x07\x63\r\nContent-Length: 0\r\n\r\n");
  EXPECT_EQ(bell.state, State::failed);
}

TEST(ResponseParser, ContentLengthThatIsNone) {
  for (const std::string_view value : {"", "+5", "-5", "5x", "x", "0x5", "5, 5", "5 5", "5.0",
                                       "18446744073709551616", "99999999999999999999999"}) {
    expect_malformed(with_head(std::string("Content-Length: ").append(value).append("\r\n")),
                     "the Content-Length is not a number");
  }
}

TEST(ResponseParser, SeveralContentLengths) {
  expect_malformed(with_head("Content-Length: 5\r\nContent-Length: 6\r\n", "hello"),
                   "two Content-Length headers");
  expect_malformed(with_head("Content-Length: 5\r\nContent-Length: 5\r\n", "hello"),
                   "two Content-Length headers");
}

TEST(ResponseParser, ContentLengthAndTransferEncoding) {
  const std::string_view error = "both Content-Length and Transfer-Encoding";
  expect_malformed(with_head("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"), error);
  expect_malformed(with_head("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", "0\r\n\r\n"), error);
  expect_malformed(with_head("Transfer-Encoding: chunked\r\nA: b\r\nContent-Length: 0\r\n", "0\r\n\r\n"),
                   error);
}

TEST(ResponseParser, TransferEncodingsThatWereNotAskedFor) {
  for (const std::string_view value :
       {"gzip", "gzip, chunked", "chunked, gzip", "identity", "", "chunked, chunked", "xchunked", "chunkedx",
        "chunked;q=1", "\"chunked\""}) {
    expect_malformed(with_head(std::string("Transfer-Encoding: ").append(value).append("\r\n"), "0\r\n\r\n"),
                     "a Transfer-Encoding other than \"chunked\"");
  }
  expect_malformed(with_head("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"),
                   "a Transfer-Encoding other than \"chunked\"");
  expect_malformed(with_head("Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"),
                   "a Transfer-Encoding other than \"chunked\"");
}

TEST(ResponseParser, MalformedChunks) {
  for (const std::string_view body : {"x\r\n",
                                      "\r\n",
                                      "-1\r\n",
                                      "5\r\nhelloX\r\n",
                                      "5\r\nhello0\r\n\r\n",
                                      "5\rhello",
                                      "0\r\nno colon\r\n\r\n",
                                      "0\r\n\rx",
                                      " 5\r\nhello\r\n",
                                      "5\nhello\r\n0\r\n\r\n",
                                      "5\r\nhello\n0\r\n\r\n",
                                      "0\r\nA: b\nC: d\r\n\r\n",
                                      "0\r\nA: b\r\n\n",
                                      "0\n\n",
                                      "0\r\nA: b\rC: d\r\n\r\n",
                                      "0x5\r\nhello\r\n0\r\n\r\n",
                                      "5;a=\x01\r\nhello\r\n0\r\n\r\n",
                                      "5;a\nhello\r\n0\r\n\r\n",
                                      "0\r\nA: b\r\n c\r\n\r\n",
                                      "5 \r\nhello\r\n0\r\n\r\n",
                                      "00000000000000001\r\nx",
                                      ";a\r\n",
                                      "0\r\n: x\r\n\r\n",
                                      "0\r\nA : x\r\n\r\n",
                                      "5;\"a\r\"\r\nhello\r\n",
                                      "0\r\nA: \x01\r\n\r\n"}) {
    const Outcome outcome = parse(with_head("Transfer-Encoding: chunked\r\n", body));
    EXPECT_EQ(outcome.state, State::failed) << body;
    EXPECT_EQ(outcome.reason, Reason::malformed) << body;
    EXPECT_FALSE(outcome.error.empty());
  }
}

TEST(ResponseParser, ClosedBeforeTheEnd) {
  const Request closed{.then_closed = true};
  expect_failed("", Reason::closed, "the connection was closed before an answer came", closed);
  expect_failed("HTTP/1.1 2", Reason::closed, "the connection was closed within the head of the answer",
                closed);
  expect_failed("HTTP/1.1 200 OK\r\nA: b\r\n", Reason::closed,
                "the connection was closed within the head of the answer", closed);
  const std::string_view within_body = "the connection was closed before the end of the body";
  expect_failed(with_head("Content-Length: 5\r\n", "hell"), Reason::closed, within_body, closed);
  expect_failed(with_head("Transfer-Encoding: chunked\r\n", "5\r\nhel"), Reason::closed, within_body, closed);
  expect_failed(with_head("Transfer-Encoding: chunked\r\n", "5\r\nhello\r\n0\r\n"), Reason::closed,
                within_body, closed);
  expect_failed("HTTP/1.1 100 Continue\r\n\r\n", Reason::closed,
                "the connection was closed within the head of the answer", closed);
}

TEST(ResponseParser, HeadOverTheLimit) {
  const std::string head = with_head("Content-Length: 0\r\nX: " + std::string(100, 'x') + "\r\n");
  const auto size = static_cast<std::uint32_t>(head.size());
  EXPECT_EQ(parse(head, {.limits = {.head = size}}).state, State::complete);
  expect_failed(head, Reason::too_large, "the head is over the limit", {.limits = {.head = size - 1}});
  expect_failed(head, Reason::too_large, "the head is over the limit", {.limits = {.head = 10}});
  expect_failed("HTTP/1.1 200 " + std::string(500, 'x'), Reason::too_large, "the head is over the limit",
                {.limits = {.head = 100}});
}

TEST(ResponseParser, EndlessHead) {
  std::string text = "HTTP/1.1 200 OK\r\n";
  while (text.size() < std::size_t{80} * 1024)
    text += "X-Endless: " + std::string(1000, 'x') + "\r\n";
  expect_failed(text, Reason::too_large, "the head is over the limit");
}

TEST(ResponseParser, TooManyHeaders) {
  std::string headers;
  for (int i = 0; i < 9; ++i)
    headers += "A: b\r\n";
  const Request request{.limits = {.header_count = 10}};
  EXPECT_EQ(parse(with_head(headers + "Content-Length: 0\r\n"), request).state, State::complete);
  expect_failed(with_head(headers + "C:\r\nContent-Length: 0\r\n"), Reason::too_large,
                "the answer has more headers than are allowed", request);
  const std::string chunked = with_head("Transfer-Encoding: chunked\r\n", "0\r\n" + headers + "Z: y\r\n");
  EXPECT_EQ(parse(chunked + "\r\n", request).state, State::complete);
  expect_failed(chunked + "Z: y\r\n\r\n", Reason::too_large,
                "the answer has more trailers than headers are allowed", request);
}

TEST(ResponseParser, EndlessTrailersAndExtensions) {
  const Request request{.limits = {.head = 200}};
  const std::string chunked = with_head("Transfer-Encoding: chunked\r\n");
  expect_failed(chunked + "0\r\nX: " + std::string(300, 'x'), Reason::too_large,
                "the trailers are longer than the head may be", request);
  expect_failed(chunked + "0\r\n" + std::string(300, 'x'), Reason::too_large,
                "the trailers are longer than the head may be", request);
  expect_failed(chunked + "5;" + std::string(300, 'x'), Reason::too_large,
                "a chunk's extensions are longer than the head may be", request);
  expect_failed(chunked + "5;a=" + std::string(300, 'x'), Reason::too_large,
                "a chunk's extensions are longer than the head may be", request);
  // Each chunk has its own allowance.
  const std::string chunk = "1;" + std::string(100, 'x') + "\r\ny\r\n";
  EXPECT_EQ(parse(chunked + chunk + chunk + chunk + "0\r\n\r\n", request).body, "yyy");
}

TEST(ResponseParser, BodyOverTheLimit) {
  const Request request{.limits = {.body = 5}};
  EXPECT_EQ(parse(with_head("Content-Length: 5\r\n", "hello"), request).body, "hello");
  EXPECT_EQ(
      parse(with_head("Transfer-Encoding: chunked\r\n", "3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n"), request).body,
      "hello");
  EXPECT_EQ(parse(with_head("", "hello"), {.limits = {.body = 5}, .then_closed = true}).body, "hello");
  expect_failed(with_head("Content-Length: 6\r\n"), Reason::too_large,
                "the announced body is over the limit (http.max_response_size)", request);
  const std::string_view over = "the body is over the limit (http.max_response_size)";
  expect_failed(with_head("Transfer-Encoding: chunked\r\n", "6\r\n"), Reason::too_large, over, request);
  expect_failed(with_head("Transfer-Encoding: chunked\r\n", "3\r\nhel\r\n3\r\n"), Reason::too_large, over,
                request);
  expect_failed(with_head("Transfer-Encoding: chunked\r\n", "fffffffffffffffff\r\n"), Reason::too_large, over,
                request);
  expect_failed(with_head("", "hello!"), Reason::too_large, over, request);
}

TEST(ResponseParser, AnAnnouncedLengthReservesNoMoreThanItCosts) {
  Message message;
  ResponseParser parser;
  parser.start(message, Method::get, false, {});
  EXPECT_EQ(parser.feed(with_head("Content-Length: 16000000\r\n")).state, State::need_more);
  EXPECT_LE(message.body.capacity(), std::size_t{2} * 1024 * 1024);
  EXPECT_GE(message.body.capacity(), std::size_t{1024} * 1024);
}

TEST(ResponseParser, SaysTheSameAgainAfterTheEnd) {
  Message message;
  ResponseParser parser;
  parser.start(message, Method::get, false, {});
  EXPECT_EQ(parser.feed(with_head("Content-Length: 1\r\n", "xyz")).state, State::complete);
  EXPECT_EQ(parser.feed("yz").state, State::complete);
  EXPECT_EQ(parser.feed("yz").consumed, 0U);
  EXPECT_EQ(parser.finish(), State::complete);
  EXPECT_TRUE(message.keep_alive);
  EXPECT_EQ(message.body, "x");

  parser.start(message, Method::get, false, {});
  EXPECT_EQ(parser.feed("junk").state, State::failed);
  EXPECT_EQ(parser.feed(with_head("")).state, State::failed);
  EXPECT_EQ(parser.finish(), State::failed);
  EXPECT_EQ(parser.reason(), Reason::malformed);
}

TEST(ResponseParser, KnowsWhetherAnythingCame) {
  Message message;
  ResponseParser parser;
  parser.start(message, Method::get, false, {});
  EXPECT_TRUE(parser.untouched());
  EXPECT_EQ(parser.feed("").state, State::need_more);
  EXPECT_TRUE(parser.untouched());
  EXPECT_EQ(parser.feed("H").state, State::need_more);
  EXPECT_FALSE(parser.untouched());
  parser.start(message, Method::get, false, {});
  EXPECT_TRUE(parser.untouched());
}

TEST(ResponseParser, IsUsedAgainWithoutNewBuffers) {
  Message message;
  ResponseParser parser;
  const std::string answer =
      with_head("Server: x\r\nContent-Type: text/plain\r\nContent-Length: 300\r\n", std::string(300, 'b'));
  const char* head = nullptr;
  const char* body = nullptr;
  const Field* fields = nullptr;
  for (int round = 0; round < 3; ++round) {
    parser.start(message, Method::get, false, {});
    EXPECT_EQ(message.status, 0);
    EXPECT_TRUE(message.body.empty());
    ASSERT_EQ(parser.feed(answer).state, State::complete);
    EXPECT_EQ(message.header("server"), "x");
    if (round > 0) {
      EXPECT_EQ(message.head.data(), head);
      EXPECT_EQ(message.body.data(), body);
      EXPECT_EQ(message.fields.data(), fields);
    }
    head = message.head.data();
    body = message.body.data();
    fields = message.fields.data();
  }
}

TEST(ResponseParser, AFailureDoesNotTaintTheNextAnswer) {
  Message message;
  ResponseParser parser;
  for (const std::string_view bad :
       {"junk", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel", "HTTP/1.1 100 C\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx"}) {
    parser.start(message, Method::get, false, {});
    static_cast<void>(parser.feed(bad));
    parser.start(message, Method::get, false, {});
    EXPECT_EQ(parser.reason(), Reason::none);
    EXPECT_EQ(parser.feed(with_head("Content-Length: 2\r\n", "ok")).state, State::complete) << bad;
    EXPECT_EQ(message.body, "ok");
  }
}

// It lives in every connection, of which there may be a million.
TEST(ResponseParser, IsSmall) {
  EXPECT_LE(sizeof(ResponseParser), 128U);
}

}  // namespace
}  // namespace chaperon::http
