#include "metrics/name_table.hpp"

#include <array>
#include <functional>

#include <fmt/format.h>

namespace chaperon::metrics {
namespace {

constexpr std::array<Name, 3> kOther{Name{.action = "(other)"}, Name{.action = "(other)", .error = "(any)"},
                                     Name{.action = "(other numbers)", .kind = MetricKind::number}};
constexpr MetricId kOtherDurations = 0, kOtherErrors = 1, kOtherNumbers = 2;

MetricId other_id(const Name& name) {
  if (name.kind == MetricKind::number) return kOtherNumbers;
  return name.error.empty() ? kOtherDurations : kOtherErrors;
}

std::string with_thousands(std::size_t number) {
  auto text = std::to_string(number);
  for (std::size_t at = text.size(); at > 3; at -= 3)
    text.insert(at - 3, 1, ',');
  return text;
}

}  // namespace

std::size_t NameTable::Hash::operator()(const Name& name) const noexcept {
  const std::hash<std::string_view> hash;
  // Multiplied by 2^64 / golden ratio in between, so that equal texts in different places do not cancel out.
  constexpr std::size_t kSpread = 0x9E3779B97F4A7C15U;
  std::size_t sum = hash(name.target);
  sum = sum * kSpread + hash(name.action);
  sum = sum * kSpread + hash(name.session);
  if (!name.error.empty()) sum = sum * kSpread + hash(name.error);
  return sum + static_cast<std::size_t>(name.kind);
}

NameTable::NameTable(NameLimits limits) : limits_(limits) {
  for (const auto& name : kOther)
    add(name);
}

MetricId NameTable::intern(const Name& name) {
  if (const auto found = ids_.find(name); found != ids_.end()) return found->second;
  const auto size = name.session.size() + name.action.size() + name.target.size() + name.error.size();
  const bool too_many_bytes = size > limits_.bytes - bytes_;
  if (too_many_bytes || names_.size() - kOther.size() >= limits_.names) {
    if (overflow_.empty()) too_many_bytes_ = too_many_bytes;
    overflow_.add(name);
    return other_id(name);
  }
  bytes_ += size;
  return add(name);
}

MetricId NameTable::find(const Name& name) const {
  const auto found = ids_.find(name);
  return found == ids_.end() ? kIgnored : found->second;
}

MetricId NameTable::add(const Name& name) {
  const auto id = static_cast<MetricId>(names_.size());
  names_.push_back(std::make_unique<const OwnedName>(name));
  ids_.emplace(names_.back()->view(), id);
  return id;
}

void NameTable::merge_overflow(const NameTable& other) {
  if (overflow_.empty()) too_many_bytes_ = other.too_many_bytes_;
  overflow_.merge(other.overflow_);
}

std::string NameTable::overflow_warning() const {
  return overflow_.warning(
      too_many_bytes_
          ? fmt::format("metric names of more than {} bytes in all", with_thousands(limits_.bytes))
          : fmt::format("more than {} metric names", with_thousands(limits_.names)));
}

}  // namespace chaperon::metrics
