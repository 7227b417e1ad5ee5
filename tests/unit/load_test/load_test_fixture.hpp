// Load tests put together by a test.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chaperon/chaperon.hpp>

namespace chaperon::load_test {

/// A load test with this table.
inline RegisteredLoadTest load_test(Scenarios table, Json default_config = Json::object(),
                                    std::string name = "Test") {
  return {.name = std::move(name),
          .default_config = [config = std::move(default_config)] { return config; },
          .scenarios = [table = std::move(table)](const Json&) { return table; }};
}

/// The message of the InputError that f throws.
template <class F>
std::string input_error(F&& f) {
  try {
    std::forward<F>(f)();
  } catch (const InputError& e) {
    return e.what();
  }
  ADD_FAILURE() << "no InputError";
  return {};
}

}  // namespace chaperon::load_test
