#include "cli/cache_directory.hpp"

#include <vector>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chaperon/errors.hpp>

namespace chaperon::cli {
namespace {

namespace fs = std::filesystem;

// access() says yes to root even on a read-only mount's files: trying is the only proof.
bool can_create_files(const fs::path& directory) {
  auto name = (directory / ".probe-XXXXXX").string();
  const int file = mkstemp(name.data());
  if (file < 0) return false;
  close(file);
  unlink(name.c_str());
  return true;
}

}  // namespace

bool make_private_directory(const fs::path& directory) {
  std::error_code error;
  if (directory.has_parent_path()) fs::create_directories(directory.parent_path(), error);
  mkdir(directory.c_str(), 0700);
  struct stat status {};
  // lstat: a link could lead anywhere, and be changed later.
  if (lstat(directory.c_str(), &status) != 0 || !S_ISDIR(status.st_mode)) return false;
  if (status.st_uid != geteuid() || (status.st_mode & (S_IWGRP | S_IWOTH)) != 0) return false;
  return can_create_files(directory);
}

fs::path cache_directory(const Process& process) {
  std::vector<fs::path> candidates;
  // The XDG Base Directory Specification: a path that is not absolute is to be ignored.
  if (const auto base = process.variable("XDG_CACHE_HOME"); base && fs::path(*base).is_absolute()) {
    candidates.push_back(fs::path(*base) / "chaperon");
  }
  if (const auto home = process.variable("HOME"); home && fs::path(*home).is_absolute()) {
    candidates.push_back(fs::path(*home) / ".cache" / "chaperon");
  }
  const auto own_name = fmt::format("chaperon-{}", geteuid());
  if (const auto temporary = process.variable("TMPDIR"); temporary && fs::path(*temporary).is_absolute()) {
    candidates.push_back(fs::path(*temporary) / own_name);
  }
  candidates.push_back(fs::path("/tmp") / own_name);
  for (const auto& candidate : candidates) {
    if (make_private_directory(candidate)) return candidate;
  }
  throw InputError(fmt::format(
      "there is no directory to keep compiled scenarios in (tried {}): set XDG_CACHE_HOME to a directory "
      "that only you can write",
      candidates.back().string()));
}

}  // namespace chaperon::cli
