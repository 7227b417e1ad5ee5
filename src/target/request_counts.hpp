// How many requests the target server has seen, by method and path.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>

#include <chaperon/json.hpp>

namespace chaperon::target {

/// A bounded table of counts. May be used from any thread.
class RequestCounts {
 public:
  /// How many different keys are kept; further ones are counted under `(other)`.
  static constexpr std::size_t kMaxKeys = 10'000;

  /// Counts one request under the key `METHOD PATH`.
  void add(std::string_view method, std::string_view path);
  /// Forgets everything.
  void reset();
  /// An object of key and count.
  [[nodiscard]] Json to_json() const;

 private:
  struct Hash : std::hash<std::string_view> {
    using is_transparent = void;
  };

  mutable std::mutex mutex_;
  std::string key_;  // kept, so that counting a known key does not allocate
  std::unordered_map<std::string, std::uint64_t, Hash, std::equal_to<>> counts_;
  std::uint64_t other_ = 0;
};

}  // namespace chaperon::target
