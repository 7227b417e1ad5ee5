// Where compiled scenarios are kept.
#pragma once

#include <filesystem>
#include <string>

#include "cli/process.hpp"

namespace chaperon::cli {

/// A directory that only this user can write, made if need be: $XDG_CACHE_HOME/chaperon; else
/// ~/.cache/chaperon; else, where neither can be written, chaperon-UID in $TMPDIR or /tmp. What is in it is
/// loaded as code, so a directory that belongs to somebody else, or that others can write, is passed over.
/// Throws InputError, with the remedy, if none of them will do.
std::filesystem::path cache_directory(const Process& process);

/// Whether the directory exists, or could be made, belongs to this user and cannot be written by others;
/// makes it (with permission for this user alone) and what is above it.
bool make_private_directory(const std::filesystem::path& directory);

}  // namespace chaperon::cli
