// What the target server answers.
//
// clang-format off
//   /                     a short text
//   /echo                 method, path, query, headers and body back as JSON; a body that is not UTF-8 as body_base64
//   /status/N             status N, 101 to 599; below 200 it is an interim answer, followed by a 200
//   /delay/MS             answers after MS milliseconds, at most 10 minutes
//   /bytes/N              N bytes abc...zabc..., at most 1 GiB
//   /chunked/N            N chunks `chunk I\n`, at most 1,000,000
//   /gzip/N, /deflate/N   N bytes as /bytes, compressed if Accept-Encoding names it, at most 64 MiB
//   /cookies              the cookies that came, as JSON
//   /cookies/set?N=V&...  sets each cookie; percent-decoded; attributes may follow the value
//                         (`a=1;Path=/x;Max-Age=0`), without any of them it is set for Path=/
//   /redirect/N           302 to /redirect/N-1; /redirect/0 is 200
//   /login                {"data": {"token": ...}}, a new one each time, and a session cookie `sid`
//   /counter              requests seen so far: {"GET /a": 203, "WS /foo": 1}; those of /counter are not counted
//   /counter/reset        POST clears the counter
//   /publications         POST: the body goes to every WebSocket subscriber of /foo; {"subscribers": how many}
//   anything else         {"path": ..., "method": ...}
// clang-format on
//
// A WebSocket upgrade of /foo subscribes (what the client sends is read and dropped), of /status/N gets that
// status and no upgrade, of any other path gets back each message it sends; of /close/N the first N, then the
// connection is closed with code 1001 (going away).
#pragma once

#include <string_view>

#include <boost/beast/core/string_type.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/string_body.hpp>

#include "target/answer.hpp"
#include "target/service.hpp"

namespace chaperon::target {

using Request = boost::beast::http::request<boost::beast::http::string_body>;

/// A text of Beast's as one of the standard library.
inline std::string_view view(boost::beast::string_view text) noexcept {
  return {text.data(), text.size()};
}

/// A request's target, without scheme and authority if it came in absolute form.
struct Target {
  std::string_view path{};   ///< up to the `?`
  std::string_view query{};  ///< after the `?`
};

/// Splits a request target (RFC 9112, section 3.2). The views point into it.
Target split_target(std::string_view text) noexcept;

/// Whether requests of that path appear in the counter.
bool is_counted(std::string_view path) noexcept;

/// Whether an upgrade of that path is answered as an ordinary request, that is, refused.
bool refuses_upgrade(std::string_view path) noexcept;

/// The answer to a request; never throws for what a client may send. May move the request's body out.
Answer answer_request(Service& service, Request& request, const Target& target);

}  // namespace chaperon::target
