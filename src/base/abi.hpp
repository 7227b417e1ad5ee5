// What a shared object was compiled with, read from its file.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace chaperon {

/// The text of the ABI notes (chaperon/detail/abi.hpp) in an ELF file of this machine's kind: one for each
/// translation unit; empty if there are none. Throws InputError if the file cannot be read or is no such ELF
/// file.
std::vector<std::string> read_abi_notes(const std::filesystem::path& file);

/// The same for the content of a file. `name` is what errors call it.
std::vector<std::string> parse_abi_notes(std::string_view content, const std::string& name);

/// How a library's ABI differs from this program's, such as `fmt 100000 instead of 90100`; nothing if it does
/// not.
std::optional<std::string> abi_difference(std::string_view theirs, std::string_view ours);

/// The ABI of this program, as in a note.
std::string_view own_abi();

/// The value of a line of an ABI text, such as `GCC 12` for `compiler`; empty if there is none.
std::string_view abi_value(std::string_view abi, std::string_view name);

/// The build id of the object (libchaperon.so, or a program that contains it) that this code is in, in
/// hexadecimal; empty if it was linked without one.
std::string own_build_id();

}  // namespace chaperon
