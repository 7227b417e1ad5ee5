// The tasks that a session has started and that are still running.
#pragma once

#include <cstddef>
#include <exception>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "session/state.hpp"

namespace chaperon::session {

/// By name; and how many each of the nested scenarios has, which ends with its tasks.
struct Tasks {
  struct Hash : std::hash<std::string_view> {
    using is_transparent = void;
  };
  struct Scope {
    std::size_t awaited = 0;
    std::size_t background = 0;
  };
  struct Failure {
    std::size_t scope = 0;
    std::exception_ptr thrown;
  };

  /// How many are running that were started at this depth of nesting or deeper.
  [[nodiscard]] std::size_t running(std::size_t from_scope) const noexcept {
    std::size_t count = 0;
    for (; from_scope < scopes.size(); ++from_scope)
      count += scopes[from_scope].awaited + scopes[from_scope].background;
    return count;
  }

  std::unordered_map<std::string, TaskList, Hash, std::equal_to<>> by_name;
  std::vector<Scope> scopes;
  std::vector<Failure> failures;  ///< not thrown into the session yet
};

}  // namespace chaperon::session
