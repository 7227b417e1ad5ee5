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
  static constexpr std::size_t kMostKinds = 100;  ///< groups with a kind; further ones are grouped without

  /// What happened: everything but `at` and the example identifies the group.
  struct Failure {
    std::string_view session{};
    std::string_view action{};
    std::string_view target{};
    std::string_view reason{};
    std::string_view kind{};  ///< tells groups apart that have all else in common; in no group's members
    std::string_view example{};
    Uuid id{};
    Duration at{0};  ///< since the start of the run
  };
  void add(const Failure& failure);
  /// Adds a group, as for_each() has shown it; of two examples the earlier stays.
  void add(ErrorGroup group, std::string_view kind);
  /// Adds the groups of another log; of two examples the earlier stays.
  void merge(ErrorLog&& other);
  /// Calls `visit(group, kind)` for each group, in no order.
  template <class Visit>
  void for_each(Visit visit) const {
    for (const auto& [key, entry] : groups_) {
      const std::string_view kind = entry.kind;
      visit(entry.group, kind);
    }
  }
  /// The groups, most frequent first.
  [[nodiscard]] std::vector<ErrorGroup> groups() const;

 private:
  struct Entry {
    ErrorGroup group{};
    std::string kind{};
  };
  static std::string key_of(const Failure& failure);
  ErrorGroup& group_of(std::string key, Failure failure);
  std::unordered_map<std::string, Entry> groups_;
  std::size_t kinds_ = 0;
  std::size_t others_ =
      0;  // groups `(other)`: beyond the limit, so that a full log can be merged into another
};

}  // namespace chaperon::session
