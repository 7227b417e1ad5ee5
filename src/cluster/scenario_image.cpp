#include "cluster/scenario_image.hpp"

#include <algorithm>
#include <utility>

#include <link.h>

namespace chaperon::cluster {
namespace {

// A sequence of more scenarios than that is none.
constexpr std::uint32_t kMostParts = 1000;

}  // namespace

ScenarioImage::ScenarioImage(std::span<const detail::ScenarioPart> known) {
  struct Search {
    std::uintptr_t address;
    ScenarioImage& image;
  } search{reinterpret_cast<std::uintptr_t>(known.data()), *this};
  ::dl_iterate_phdr(
      [](dl_phdr_info* object, std::size_t, void* argument) {
        auto& [address, image] = *static_cast<Search*>(argument);
        std::vector<Range> data;
        std::vector<Range> code;
        bool found = false;
        for (const auto& segment : std::span(object->dlpi_phdr, object->dlpi_phnum)) {
          if (segment.p_type != PT_LOAD) continue;
          const std::uintptr_t begin = object->dlpi_addr + segment.p_vaddr;
          const Range range{.begin = begin, .end = begin + segment.p_memsz};
          found = found || range.has(address, 1);
          ((segment.p_flags & PF_X) != 0 ? code : data).push_back(range);
        }
        if (!found) return 0;
        image.base_ = object->dlpi_addr;
        image.data_ = std::move(data);
        image.code_ = std::move(code);
        return 1;
      },
      &search);
}

std::optional<std::uint64_t> ScenarioImage::offset_of(std::span<const detail::ScenarioPart> parts) const {
  const auto address = reinterpret_cast<std::uintptr_t>(parts.data());
  const auto has_all = [&](const Range& range) { return range.has(address, parts.size_bytes()); };
  if (!std::ranges::any_of(data_, has_all)) return std::nullopt;
  return address - base_;
}

std::optional<std::span<const detail::ScenarioPart>> ScenarioImage::at(std::uint64_t offset,
                                                                       std::uint32_t count) const {
  const std::uintptr_t address = base_ + offset;
  const auto in = [](const std::vector<Range>& ranges, std::uintptr_t at, std::size_t size) {
    return std::ranges::any_of(ranges, [=](const Range& range) { return range.has(at, size); });
  };
  if (count == 0 || count > kMostParts || address % alignof(detail::ScenarioPart) != 0 ||
      !in(data_, address, count * sizeof(detail::ScenarioPart))) {
    return std::nullopt;
  }
  // NOLINTNEXTLINE(performance-no-int-to-ptr): the loader gives addresses as integers
  const std::span parts(reinterpret_cast<const detail::ScenarioPart*>(address), count);
  const auto is_code = [&](detail::ScenarioFunction function) {
    return in(code_, reinterpret_cast<std::uintptr_t>(function), 1);
  };
  for (const auto& part : parts) {
    const auto name = reinterpret_cast<std::uintptr_t>(part.name.data());
    if (!is_code(part.run) || (part.init != nullptr && !is_code(part.init)) ||
        (part.teardown != nullptr && !is_code(part.teardown)) ||
        !in(data_, name, std::max<std::size_t>(part.name.size(), 1))) {
      return std::nullopt;
    }
  }
  return parts;
}

}  // namespace chaperon::cluster
