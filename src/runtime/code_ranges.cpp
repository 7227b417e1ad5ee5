#include "runtime/code_ranges.hpp"

#include <array>
#include <atomic>
#include <cstddef>
#include <string_view>

#include <link.h>

namespace chaperon::runtime {
namespace {

struct Range {
  std::uintptr_t from = 0;
  std::uintptr_t to = 0;
  bool c_library = false;
};
constexpr std::size_t kMost = 256;
std::array<Range, kMost> ranges;
std::atomic<std::size_t> range_count = 0;

int note_object(dl_phdr_info* info, std::size_t /*size*/, void* /*data*/) {
  const std::string_view name = info->dlpi_name;
  // The program itself has no name here; it may hold scenarios.
  if (name.empty()) return 0;
  const bool c_library =
      name.find("/libc.so") != std::string_view::npos || name.find("/ld-linux") != std::string_view::npos;
  for (int i = 0; i < info->dlpi_phnum; ++i) {
    const auto& segment = info->dlpi_phdr[i];
    const auto count = range_count.load();
    if (segment.p_type != PT_LOAD || (segment.p_flags & PF_X) == 0 || count == kMost) continue;
    const std::uintptr_t from = info->dlpi_addr + segment.p_vaddr;
    ranges[count] = {.from = from, .to = from + segment.p_memsz, .c_library = c_library};
    range_count.store(count + 1);
  }
  return 0;
}

const Range* find_range(std::uintptr_t instruction) noexcept {
  for (std::size_t i = 0; i < range_count.load(); ++i) {
    if (instruction >= ranges[i].from && instruction < ranges[i].to) return &ranges[i];
  }
  return nullptr;
}

}  // namespace

void note_code_ranges() {
  static const bool noted = [] {
    ::dl_iterate_phdr(note_object, nullptr);
    return true;
  }();
  static_cast<void>(noted);
}

namespace {

// While this library is being loaded: scenario libraries come later, and must not be among these.
[[maybe_unused]] const bool noted_at_start = (note_code_ranges(), true);

}  // namespace

bool in_c_library(std::uintptr_t instruction) noexcept {
  const Range* range = find_range(instruction);
  return range != nullptr && range->c_library;
}

bool in_scenario(std::uintptr_t instruction) noexcept {
  return find_range(instruction) == nullptr;
}

}  // namespace chaperon::runtime
