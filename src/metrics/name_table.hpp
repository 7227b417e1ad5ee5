// Metric names and their ids.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "metrics/name.hpp"
#include "metrics/name_overflow.hpp"

namespace chaperon::metrics {

/// The place of a metric in its table.
using MetricId = std::uint32_t;

/// The id of what is not recorded.
inline constexpr MetricId kIgnored = std::numeric_limits<MetricId>::max();

/// How many names a table takes.
struct NameLimits {
  std::size_t names = 10'000;
  std::size_t bytes = std::size_t{16}
                      << 20;  ///< of all names together: a few endless URLs are too many as well
};

/// Gives each distinct name an id, from 0. A name beyond the limit gets the id of one of the rows `(other)`:
/// there is one for durations, one for durations of errors and one for numbers.
class NameTable {
 public:
  explicit NameTable(NameLimits limits = {});

  /// The id of a name, now or from before; that of `(other)` beyond the limit. Allocates only for a new name,
  /// and beyond the limit.
  MetricId intern(const Name& name);

  /// The id of a name that has one of its own; kIgnored if it has none.
  [[nodiscard]] MetricId find(const Name& name) const;

  /// The name of an id that intern() returned.
  [[nodiscard]] Name operator[](MetricId id) const { return names_[id]->view(); }
  /// The ids are 0 to size() - 1, those of `(other)` included.
  [[nodiscard]] std::size_t size() const noexcept { return names_.size(); }

  /// Takes over what another table had no place for, so that the warning speaks of it.
  void merge_overflow(const NameTable& other);
  /// One sentence if names were beyond the limit: the commonest pattern among them and the remedy. Else
  /// empty.
  [[nodiscard]] std::string overflow_warning() const;

 private:
  struct Hash {
    std::size_t operator()(const Name& name) const noexcept;
  };

  MetricId add(const Name& name);

  NameLimits limits_;
  std::size_t bytes_ = 0;
  bool too_many_bytes_ = false;  // rather than too many names
  std::vector<std::unique_ptr<const OwnedName>> names_;
  std::unordered_map<Name, MetricId, Hash> ids_;  // its keys view the text in names_
  NameOverflow overflow_;
};

}  // namespace chaperon::metrics
