// What the tests of the HTTP client share: a scenario that a test writes as a lambda, and its results.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chaperon/chaperon.hpp>

#include "support/scripted_server.hpp"
#include "support/target_thread.hpp"

namespace chaperon::test {

using Body = std::function<void(Session&)>;

/// Runs what the test has given; its rows are named `User`.
struct User {
  static inline Body body;
  static void run(Session& session) { body(session); }
};

/// A second scenario beside the first, with rows named `Other`.
struct Other {
  static inline Body body;
  static void run(Session& session) { body(session); }
};

struct HttpRun {
  Json config = Json::object();
  std::int64_t users = 1;
  unsigned threads = 1;
  std::int64_t others = 0;
  Body other{};
};

/// Runs `users` sessions of `body`, and `others` of `other` beside them.
inline Results run_users(const HttpRun& run, Body body) {
  User::body = std::move(body);
  Other::body = run.other;
  const RegisteredLoadTest load_test{.name = "HttpTest",
                                     .default_config = [&run] { return run.config; },
                                     .scenarios = [&run](const Json&) -> Scenarios {
                                       Scenarios table{{run.users * scenario<User>}};
                                       if (run.others > 0) table.emplace_back(run.others * scenario<Other>);
                                       return table;
                                     }};
  RunOptions options;
  options.threads = run.threads;
  options.seed = 1;
  Results results = run_load_test(load_test, std::move(options));
  User::body = nullptr;
  Other::body = nullptr;
  return results;
}

/// Runs one session of `body` that ends ok, against `base_url` unless that is empty.
inline Results run_user(std::string_view base_url, Body body, Json config = Json::object()) {
  if (!base_url.empty()) config["base_url"] = base_url;
  Results results = run_users({.config = std::move(config)}, std::move(body));
  EXPECT_EQ(results.sessions.ok, 1U) << (results.endings.empty() ? std::string("no session ended badly")
                                                                 : results.endings.front().example);
  return results;
}

/// The one error group of a target and reason; an empty one, and a failure of the test, if there is none.
inline ErrorGroup error_of(const Results& results, std::string_view reason, std::string_view target) {
  for (const auto& group : results.errors) {
    if (group.reason == reason && group.target == target) return group;
  }
  ADD_FAILURE() << "no error " << reason << " of " << target;
  return {};
}

/// What holds for the rows of every run: attempts are answers and failures, and nothing is counted twice.
/// `unusable`: answers that are failures all the same, such as those that cannot be decoded.
inline void expect_conservation(const Results& results, std::uint64_t unusable = 0) {
  std::uint64_t answered = 0;
  std::uint64_t unanswered = 0;
  std::uint64_t bad_answers = 0;
  for (const auto& metric : results.metrics) {
    if (metric.action() == "connect" || metric.action() == "queued") continue;
    if (metric.error().empty()) {
      answered += metric.count();
    } else if (metric.error().starts_with("HTTP ")) {
      bad_answers += metric.count();
    } else {
      unanswered += metric.count();
    }
  }
  EXPECT_EQ(results.traffic.responses, answered + unusable);
  EXPECT_EQ(results.traffic.requests, answered + unanswered);
  EXPECT_EQ(results.traffic.errors, unanswered + bad_answers);
}

/// An answer with that body and its length; `headers` are whole lines.
inline std::string answer(std::string_view body, std::string_view headers = {},
                          std::string_view status = "200 OK") {
  return std::string("HTTP/1.1 ")
      .append(status)
      .append("\r\n")
      .append(headers)
      .append("Content-Length: ")
      .append(std::to_string(body.size()))
      .append("\r\n\r\n")
      .append(body);
}

/// A script that answers every request of its connection with the same bytes.
inline Script always(std::string bytes) {
  return [bytes = std::move(bytes)](Peer& peer) {
    while (!peer.receive_request().empty())
      peer.send(bytes);
  };
}

/// A script that answers the first request with the first of these, and so on, and then waits for the end.
inline Script answers(std::vector<std::string> all) {
  return [all = std::move(all)](Peer& peer) {
    for (const auto& bytes : all) {
      if (peer.receive_request().empty()) return;
      peer.send(bytes);
    }
    peer.wait_for_close();
  };
}

/// The value of a header of a recorded request; nothing if it has none, a failure if it has several.
inline std::optional<std::string> header_of(const std::string& request, const std::string& name) {
  const std::string_view head = std::string_view(request).substr(0, request.find("\r\n\r\n") + 2);
  const std::string line = "\r\n" + name + ": ";
  const auto at = head.find(line);
  if (at == std::string_view::npos) return std::nullopt;
  const auto begin = at + line.size();
  EXPECT_EQ(head.find(line, begin), std::string_view::npos) << name << " is there twice: " << request;
  return std::string(head.substr(begin, head.find("\r\n", begin) - begin));
}

/// The first line of a recorded request.
inline std::string request_line(const std::string& request) {
  return request.substr(0, request.find("\r\n"));
}

/// The body of a recorded request.
inline std::string body_of(const std::string& request) {
  const auto blank = request.find("\r\n\r\n");
  return blank == std::string::npos ? std::string() : request.substr(blank + 4);
}

}  // namespace chaperon::test
