// The scenarios of a loaded library, by where they are in it: the same in every process that has loaded it.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include <chaperon/scenario.hpp>

namespace chaperon::cluster {

/// The library, or program, in which scenarios are compiled.
class ScenarioImage {
 public:
  /// The one that `known`, scenarios of a load test's table, are in.
  explicit ScenarioImage(std::span<const detail::ScenarioPart> known);

  /// Where scenarios are in it, in bytes from its beginning; nothing if they are not in it.
  [[nodiscard]] std::optional<std::uint64_t> offset_of(std::span<const detail::ScenarioPart> parts) const;
  /// The scenarios at a place that another process has told. Nothing if there cannot be any: not within the
  /// library's constants, or functions that are not in its code.
  [[nodiscard]] std::optional<std::span<const detail::ScenarioPart>> at(std::uint64_t offset,
                                                                        std::uint32_t count) const;

 private:
  struct Range {
    std::uintptr_t begin = 0;
    std::uintptr_t end = 0;
    [[nodiscard]] bool has(std::uintptr_t address, std::size_t size) const noexcept {
      return address >= begin && address < end && size <= end - address;
    }
  };

  std::uintptr_t base_ = 0;
  std::vector<Range> data_;  // what can be read
  std::vector<Range> code_;  // what can be executed
};

}  // namespace chaperon::cluster
