#include "base/random.hpp"

#include <bit>

#include <fmt/format.h>

namespace chaperon {
namespace {

// splitmix64 by Sebastiano Vigna (public domain).
std::uint64_t splitmix(std::uint64_t& state) noexcept {
  std::uint64_t z = (state += 0x9e3779b97f4a7c15U);
  z = (z ^ (z >> 30U)) * 0xbf58476d1ce4e5b9U;
  z = (z ^ (z >> 27U)) * 0x94d049bb133111ebU;
  return z ^ (z >> 31U);
}

}  // namespace

Random::Random(std::uint64_t seed) noexcept : state_() {
  for (auto& word : state_)
    word = splitmix(seed);
}

Random::result_type Random::operator()() noexcept {
  const std::uint64_t result = std::rotl(state_[1] * 5, 7) * 9;
  const std::uint64_t t = state_[1] << 17U;
  state_[2] ^= state_[0];
  state_[3] ^= state_[1];
  state_[1] ^= state_[2];
  state_[0] ^= state_[3];
  state_[2] ^= t;
  state_[3] = std::rotl(state_[3], 45);
  return result;
}

std::uint64_t Random::below(std::uint64_t bound) noexcept {
  // Lemire's multiply-shift; the bias of at most bound/2^64 is nothing to a load test.
  __extension__ using Wide = unsigned __int128;
  return static_cast<std::uint64_t>((static_cast<Wide>((*this)()) * bound) >> 64U);
}

Duration Random::up_to(Duration max) noexcept {
  if (max <= Duration::zero()) return Duration::zero();
  return Duration(1 + static_cast<std::int64_t>(below(static_cast<std::uint64_t>(max.count()))));
}

std::uint64_t derive_seed(std::uint64_t seed, std::uint64_t number) noexcept {
  std::uint64_t state = seed + (number * 0x9e3779b97f4a7c15U);
  return splitmix(state);
}

Uuid Uuid::draw(Random& random) noexcept {
  Uuid id{.high = random(), .low = random()};
  id.high = (id.high & ~std::uint64_t{0xf000}) | 0x4000U;
  id.low = (id.low & ~(0b11ULL << 62U)) | (0b10ULL << 62U);
  return id;
}

std::string Uuid::text() const {
  return fmt::format("{:08x}-{:04x}-{:04x}-{:04x}-{:012x}", high >> 32U, (high >> 16U) & 0xffffU,
                     high & 0xffffU, low >> 48U, low & 0xffffffffffffU);
}

}  // namespace chaperon
