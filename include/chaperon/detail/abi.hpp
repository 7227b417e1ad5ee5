// The ABI note: what a scenario library was compiled with, written into it as an ELF note, so that `chaperon
// run` can refuse one that does not fit before any of its code runs.
#pragma once

#include <fmt/core.h>

#include <chaperon/json.hpp>
#include <chaperon/version.hpp>

#if defined(__clang__)
#define CHAPERON_ABI_COMPILER_ "Clang " CHAPERON_STRINGIFY(__clang_major__)
#elif defined(__GNUC__)
#define CHAPERON_ABI_COMPILER_ "GCC " CHAPERON_STRINGIFY(__GNUC__)
#else
#error "Chaperon needs GCC or Clang"
#endif

#if defined(_LIBCPP_VERSION)
#define CHAPERON_ABI_LIBRARY_ "libc++ " CHAPERON_STRINGIFY(_LIBCPP_ABI_VERSION)
#elif defined(_GLIBCXX_DEBUG)
#define CHAPERON_ABI_LIBRARY_ \
  "libstdc++ in debug mode, _GLIBCXX_USE_CXX11_ABI " CHAPERON_STRINGIFY(_GLIBCXX_USE_CXX11_ABI)
#else
#define CHAPERON_ABI_LIBRARY_ "libstdc++, _GLIBCXX_USE_CXX11_ABI " CHAPERON_STRINGIFY(_GLIBCXX_USE_CXX11_ABI)
#endif

// GCC says it by macros, Clang by __has_feature. UndefinedBehaviorSanitizer changes no ABI.
#if !defined(__has_feature)
#define CHAPERON_HAS_FEATURE_(x) 0
#else
#define CHAPERON_HAS_FEATURE_(x) __has_feature(x)
#endif
#if defined(__SANITIZE_ADDRESS__) || CHAPERON_HAS_FEATURE_(address_sanitizer)
#define CHAPERON_ABI_SANITIZER_ "address"
#elif defined(__SANITIZE_THREAD__) || CHAPERON_HAS_FEATURE_(thread_sanitizer)
#define CHAPERON_ABI_SANITIZER_ "thread"
#elif CHAPERON_HAS_FEATURE_(memory_sanitizer)
#define CHAPERON_ABI_SANITIZER_ "memory"
#else
#define CHAPERON_ABI_SANITIZER_ "none"
#endif

// One `NAME=VALUE` a line.
#define CHAPERON_ABI_TEXT_ \
  "Chaperon=" CHAPERON_VERSION "\ncompiler=" CHAPERON_ABI_COMPILER_               \
  "\nstandard library=" CHAPERON_ABI_LIBRARY_                                     \
  "\nnlohmann/json=" CHAPERON_STRINGIFY(NLOHMANN_JSON_VERSION_MAJOR) "."          \
  CHAPERON_STRINGIFY(NLOHMANN_JSON_VERSION_MINOR) "."                             \
  CHAPERON_STRINGIFY(NLOHMANN_JSON_VERSION_PATCH) "\nfmt=" CHAPERON_STRINGIFY(FMT_VERSION) \
  "\nsanitizer=" CHAPERON_ABI_SANITIZER_ "\n"

namespace chaperon {
inline namespace v1 {
namespace detail {

inline constexpr char kAbiNoteOwner[] = "Chaperon";
inline constexpr unsigned kAbiNoteType = 1;

// The layout of an ELF note: sizes, type, owner and text, each padded to 4 bytes.
struct alignas(4) AbiNote {
  unsigned owner_size = sizeof kAbiNoteOwner;
  unsigned text_size = sizeof text;
  unsigned type = kAbiNoteType;
  char owner[12] = "Chaperon";
  char text[(sizeof CHAPERON_ABI_TEXT_ + 3) / 4 * 4] = CHAPERON_ABI_TEXT_;
};

// One for each translation unit: an inline variable would be in a COMDAT group, which GCC gives the type
// PROGBITS and linkers drop with --gc-sections. Readers check them all. The alignment is said again for the
// variable, because GCC would raise it, and readers of notes know only 4 and 8. AddressSanitizer would put a
// red zone behind it.
#if defined(__clang__)
[[clang::no_sanitize("address")]]
#endif
[[gnu::used, gnu::section(".note.chaperon"), gnu::aligned(4)]] static constexpr AbiNote abi_note{};

}  // namespace detail
}  // namespace v1
}  // namespace chaperon
