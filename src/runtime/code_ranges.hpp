// Where the machine code of libraries lies, for signal handlers that must not cut them short.
#pragma once

#include <cstdint>

namespace chaperon::runtime {

/// Notes which libraries are loaded now, and where. Call it before scenarios are loaded and before signal
/// handlers ask.
void note_code_ranges();

/// Whether an instruction lies in the C library or the dynamic linker, which may hold a lock there.
/// Async-signal-safe.
bool in_c_library(std::uintptr_t instruction) noexcept;

/// Whether an instruction lies in no library that was loaded when note_code_ranges() was called: in the
/// program itself, or in what it has loaded since, a scenario. Async-signal-safe.
bool in_scenario(std::uintptr_t instruction) noexcept;

}  // namespace chaperon::runtime
