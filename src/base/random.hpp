// Random numbers and ids: fast, seeded, never for secrets.
#pragma once

#include <array>
#include <cstdint>
#include <limits>
#include <string>

#include <chaperon/duration.hpp>

namespace chaperon {

/// xoshiro256** by Blackman and Vigna (public domain), seeded through splitmix64: the same seed gives the
/// same draws. A UniformRandomBitGenerator.
class Random {
 public:
  using result_type = std::uint64_t;

  explicit Random(std::uint64_t seed) noexcept;

  static constexpr result_type min() noexcept { return 0; }
  static constexpr result_type max() noexcept { return std::numeric_limits<result_type>::max(); }
  result_type operator()() noexcept;

  /// Uniform in [0, bound); 0 if bound is 0.
  std::uint64_t below(std::uint64_t bound) noexcept;
  /// Uniform in (0, max]; 0 if max is not positive.
  Duration up_to(Duration max) noexcept;

 private:
  std::array<std::uint64_t, 4> state_;
};

/// Mixes a seed and a number into a new seed, so that each user draws a sequence of its own.
std::uint64_t derive_seed(std::uint64_t seed, std::uint64_t number) noexcept;

/// A UUID, version 4 (RFC 9562).
struct Uuid {
  std::uint64_t high = 0;
  std::uint64_t low = 0;
  friend bool operator==(const Uuid&, const Uuid&) = default;

  /// Draws one.
  static Uuid draw(Random& random) noexcept;
  /// The 36 characters of its usual form.
  [[nodiscard]] std::string text() const;
};

}  // namespace chaperon
