// What the tests of the layer over NATS share.
#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chaperon/errors.hpp>
#include <chaperon/json.hpp>

#include "cluster/consumer.hpp"
#include "cluster/key_value.hpp"
#include "cluster/nats.hpp"
#include "support/nats_server.hpp"

namespace chaperon::test {

inline constexpr Duration kLong = 20s;  ///< longer than anything here takes

/// The options that reach a server.
inline cluster::NatsOptions options_for(const std::string& url) {
  return {.url = url, .client_name = "test"};
}

/// A value that threads change and a test waits for.
template <class T>
class Watched {
 public:
  void change(const std::function<void(T&)>& how) {
    const std::lock_guard lock(mutex_);
    how(value_);
    changed_.notify_all();
  }
  /// Waits until the value is as wanted; false if it is not in time.
  bool await(const std::function<bool(const T&)>& wanted) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, kLong, [&] { return wanted(value_); });
  }
  T value() {
    const std::lock_guard lock(mutex_);
    return value_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  T value_{};
};

/// What an exception of type E says; a failed test if there is none.
template <class E, class Function>
std::string said(Function function) {
  try {
    function();
  } catch (const E& error) {
    return error.what();
  }
  ADD_FAILURE() << "no exception";
  return {};
}

/// Whether a NatsError is retryable; a failed test if there is none.
template <class Function>
bool is_retryable(Function function) {
  try {
    function();
  } catch (const cluster::NatsError& error) {
    return error.retryable();
  }
  ADD_FAILURE() << "no exception";
  return false;
}

/// Waits until a Nats has its connection back.
inline void await_connection(cluster::Nats& nats) {
  Watched<bool> connected;
  nats.on_connection_change([&](bool now) { connected.change([&](bool& value) { value = now; }); });
  if (nats.connected()) connected.change([](bool& value) { value = true; });
  EXPECT_TRUE(connected.await([&](bool) { return nats.connected(); }));
  nats.on_connection_change(nullptr);
}

}  // namespace chaperon::test
