// What to say when there are too many metric names: which pattern they follow, and how to avoid it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "metrics/name.hpp"

namespace chaperon::metrics {

/// A name's `ACTION(TARGET)` with what looks like an id replaced by `…`: runs of digits, segments that look
/// like a UUID or another long id, values in the query. Scheme, host and port, and a version such as `v1`,
/// stay.
std::string name_pattern(const Name& name);

/// Counts the patterns of the names that found no place; it remembers a fixed number of them, with an example
/// each.
class NameOverflow {
 public:
  /// Counts the name's pattern.
  void add(const Name& name);
  /// Adds what another one has counted.
  void merge(const NameOverflow& other);
  [[nodiscard]] bool empty() const noexcept { return patterns_.empty(); }
  /// One sentence that begins with the limit (`more than 10,000 metric names`), names the commonest pattern
  /// and says what to do; empty if no name was without a place.
  [[nodiscard]] std::string warning(std::string_view limit) const;

 private:
  struct Pattern {
    std::string text;
    std::string example;
    std::string action;
    std::uint64_t count = 0;
  };
  void add(Pattern pattern);
  std::vector<Pattern> patterns_;
};

}  // namespace chaperon::metrics
