#include "export/file_target.hpp"

#include <cerrno>
#include <random>
#include <string>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include "export/output_error.hpp"

namespace chaperon::exporting {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void fail(const fs::path& path, std::string_view reason, std::string_view remedy) {
  throw OutputError(fmt::format("cannot write \"{}\": {}: {}", path.string(), reason, remedy));
}

[[noreturn]] void fail(const fs::path& path, int error) {
  const auto remedy = [error]() -> std::string_view {
    switch (error) {
      case ENOSPC:
      case EDQUOT:
        return "make room or choose another place";
      case ENAMETOOLONG:
        return "choose a shorter name";
      case EMFILE:
      case ENFILE:
        return "raise the limit of open files (ulimit -n)";
      default:
        return "choose a path that you may write to";
    }
  }();
  fail(path, std::generic_category().message(error), remedy);
}

// /dev/fd/63 and the like lead to a file that somebody else has open: replacing it would write past them.
bool is_open_elsewhere(const fs::path& path) {
  const auto text = path.string();
  return text.starts_with("/dev/fd/") || text.starts_with("/proc/") || text == "/dev/stderr";
}

// Follows links to where the file is, or will be where the last one dangles.
fs::path followed(const fs::path& path) {
  constexpr int kMostLinks = 40;  // as the kernel
  auto target = fs::absolute(path);
  std::error_code ignored;
  for (int links = 0; links < kMostLinks && fs::is_symlink(target, ignored); ++links) {
    target = target.parent_path() / fs::read_symlink(target);
  }
  return target;
}

void write_all(int descriptor, std::string_view content, const fs::path& shown) {
  while (!content.empty()) {
    const auto written = ::write(descriptor, content.data(), content.size());
    if (written < 0) {
      if (errno == EINTR) continue;
      fail(shown, errno);
    }
    content.remove_prefix(static_cast<std::size_t>(written));
  }
}

// A new file under a name of its own, removed unless it was renamed.
class TemporaryFile {
 public:
  TemporaryFile(const fs::path& directory, const fs::path& shown) : shown_(shown) {
    std::random_device random;
    do {
      // Not derived from the file's name, which may be as long as a name can be.
      path_ = directory / fmt::format(".chaperon-{:08x}{:08x}", random(), random());
      descriptor_ = ::open(path_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    } while (descriptor_ < 0 && (errno == EEXIST || errno == EINTR));
    if (descriptor_ < 0) fail(shown_, errno);
  }
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;
  ~TemporaryFile() {
    if (descriptor_ >= 0) ::close(descriptor_);
    if (!path_.empty()) ::unlink(path_.c_str());
  }

  void write(std::string_view content) const { write_all(descriptor_, content, shown_); }

  void take_permissions_of(const fs::path& existing) const {
    struct stat status {};
    if (::stat(existing.c_str(), &status) != 0) return;
    // Ownership first, because a change of owner clears mode bits. Only root can give a file away; others
    // keep theirs.
    [[maybe_unused]] const int unchanged = ::fchown(descriptor_, status.st_uid, status.st_gid);
    if (::fchmod(descriptor_, status.st_mode & 07777U) != 0) fail(shown_, errno);
  }

  void rename_to(const fs::path& target) {
    // Some file systems report a full disk only here.
    if (::close(std::exchange(descriptor_, -1)) != 0) fail(shown_, errno);
    if (::rename(path_.c_str(), target.c_str()) != 0) fail(shown_, errno);
    path_.clear();
  }

 private:
  const fs::path& shown_;
  fs::path path_;
  int descriptor_ = -1;
};

}  // namespace

FileTarget::FileTarget(fs::path path, Parents parents) : path_(std::move(path)), parents_(parents) {
  if (path_.empty()) fail(path_, "the name is empty", "give the file a name");
  struct stat status {};
  if (::stat(path_.c_str(), &status) == 0) {
    if (S_ISDIR(status.st_mode)) fail(path_, "it is a directory", "give the name of a file in it");
    if (!S_ISREG(status.st_mode) || is_open_elsewhere(path_)) {
      open_directly();
      return;
    }
    if (::access(path_.c_str(), W_OK) != 0) fail(path_, errno);
  } else if (errno != ENOENT && errno != ENOTDIR) {
    fail(path_, errno);
  } else if (!path_.has_filename()) {
    fail(path_, "it is a directory", "give the name of a file in it");
  }
  target_ = followed(path_);
  check_directory();
}

FileTarget::FileTarget(FileTarget&& other) noexcept
    : path_(std::move(other.path_)),
      target_(std::move(other.target_)),
      parents_(other.parents_),
      descriptor_(std::exchange(other.descriptor_, -1)) {}

FileTarget::~FileTarget() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

void FileTarget::open_directly() {
  do {
    // Appending, so that a file behind /dev/fd/3 is not written over.
    descriptor_ = ::open(path_.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC | O_NOCTTY);
  } while (descriptor_ < 0 && errno == EINTR);
  if (descriptor_ < 0) fail(path_, errno);
}

void FileTarget::check_directory() const {
  auto directory = target_.parent_path();
  std::error_code error;
  if (parents_ == Parents::must_exist && !fs::exists(directory, error)) {
    const auto shown = path_.has_parent_path() ? path_.parent_path() : directory;
    fail(path_, fmt::format("the directory \"{}\" does not exist", shown.string()),
         fmt::format("make it (mkdir -p {}) or choose another path", shown.string()));
  }
  while (!fs::exists(directory, error) && directory.has_relative_path())
    directory = directory.parent_path();
  if (!fs::is_directory(directory, error)) {
    fail(path_, fmt::format("\"{}\" is not a directory", directory.string()), "choose another path");
  }
  const auto longest = ::pathconf(directory.c_str(), _PC_NAME_MAX);
  if (longest > 0 && target_.filename().native().size() > static_cast<std::size_t>(longest))
    fail(path_, ENAMETOOLONG);
  const TemporaryFile probe(directory, path_);
}

void FileTarget::write(std::string_view content) {
  if (is_regular()) {
    replace(content);
  } else {
    write_all(descriptor_, content, path_);
  }
}

void FileTarget::replace(std::string_view content) const {
  const auto directory = target_.parent_path();
  if (parents_ == Parents::create) {
    std::error_code error;
    fs::create_directories(directory, error);
    if (error) fail(path_, error.value());
  }
  TemporaryFile file(directory, path_);
  file.write(content);
  file.take_permissions_of(target_);
  file.rename_to(target_);
}

}  // namespace chaperon::exporting
