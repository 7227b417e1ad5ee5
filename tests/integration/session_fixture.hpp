// Sessions against real servers.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chaperon/chaperon.hpp>

#include "support/nginx_server.hpp"
#include "support/scripted_scenario.hpp"
#include "support/scripted_server.hpp"

namespace chaperon::session_test {

using test::NginxServer;
using test::Peer;
using test::Scripted;
using test::ScriptedServer;

struct A : Scripted<A> {};
struct B : Scripted<B> {};

class SessionRunTest : public ::testing::Test {
 protected:
  ~SessionRunTest() override { A::script = B::script = {}; }

  static Results run(Scenarios table, Json config, RunOptions options = {.threads = 1}) {
    return run_load_test({.name = "Test",
                          .default_config = [config = std::move(config)] { return config; },
                          .scenarios = [table = std::move(table)](const Json&) { return table; }},
                         std::move(options));
  }
  static std::vector<std::string> row_names(const Results& results) {
    std::vector<std::string> names;
    for (const auto& metric : results.metrics)
      names.push_back(metric.name());
    return names;
  }
};

/// A script for servers: answers every request with 200 and this head and body.
inline test::Script answering(std::string head = {}, std::string body = "ok") {
  return [head = std::move(head), body = std::move(body)](Peer& peer) {
    while (!peer.receive_request().empty())
      peer.send("HTTP/1.1 200 OK\r\n" + head + "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" +
                body);
  };
}

}  // namespace chaperon::session_test
