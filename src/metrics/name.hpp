// The identity of a metric, and how it is written.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include <chaperon/results.hpp>

namespace chaperon::metrics {

/// What identifies a metric. A view: whoever makes one keeps the text alive.
struct Name {
  std::string_view session{};  ///< the session's name
  std::string_view action{};   ///< `get`, `call`, `round_trip`
  std::string_view target{};   ///< URL or name; may be empty
  std::string_view error{};    ///< `timeout`, `HTTP 503`; empty if it is none
  MetricKind kind = MetricKind::duration;
  friend bool operator==(const Name&, const Name&) = default;
};

/// The same with text of its own.
struct OwnedName {
  OwnedName() = default;
  explicit OwnedName(const Name& name)
      : session(name.session), action(name.action), target(name.target), error(name.error), kind(name.kind) {}

  [[nodiscard]] Name view() const noexcept { return {session, action, target, error, kind}; }
  /// Bytes of text.
  [[nodiscard]] std::size_t size() const noexcept {
    return session.size() + action.size() + target.size() + error.size();
  }

  std::string session, action, target, error;
  MetricKind kind = MetricKind::duration;
};

/// `ACTION(TARGET)`, or `ACTION` without a target.
std::string action_text(const Name& name);

/// The row's name as exported: `SESSION ACTION(TARGET)`, `SESSION Error REASON ACTION(TARGET)`.
std::string row_name(const Name& name);

}  // namespace chaperon::metrics
