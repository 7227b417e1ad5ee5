// Failures, grouped, with the first of each kind as an example.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include <chaperon/results.hpp>

#include "base/random.hpp"

namespace chaperon::session {

/// Counts failures by what they have in common. At most kMostGroups; further kinds are counted under one
/// group `(other)`.
class ErrorLog {
 public:
  static constexpr std::size_t kMostGroups = 1000;

  /// What happened: everything but `at` and the example identifies the group.
  struct Failure {
    std::string_view session{};
    std::string_view action{};
    std::string_view target{};
    std::string_view reason{};
    std::string_view example{};
    Uuid id{};
    Duration at{0};  ///< since the start of the run
  };
  void add(const Failure& failure);
  /// Adds the groups of another log; of two examples the earlier stays.
  void merge(ErrorLog&& other);
  /// The groups, most frequent first.
  [[nodiscard]] std::vector<ErrorGroup> groups() const;

 private:
  static std::string key_of(std::string_view session, std::string_view action, std::string_view target,
                            std::string_view reason);
  ErrorGroup& group(std::string key, std::string_view session, std::string_view action,
                    std::string_view target, std::string_view reason);
  std::unordered_map<std::string, ErrorGroup> groups_;
};

}  // namespace chaperon::session
