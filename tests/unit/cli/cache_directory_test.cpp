#include "cli/cache_directory.hpp"

#include <filesystem>

#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chaperon/errors.hpp>

#include "process_fixture.hpp"
#include "support/temp_dir.hpp"

namespace chaperon::cli {
namespace {

namespace fs = std::filesystem;

TEST(CacheDirectory, FollowsXdgThenHomeThenTmp) {
  const test::TempDir directory;
  const auto base = directory.path().string();
  EXPECT_EQ(
      cache_directory(FakeProcess({}, {{"XDG_CACHE_HOME", base + "/xdg"}, {"HOME", base + "/home"}}).process),
      directory / "xdg/chaperon");
  EXPECT_EQ(cache_directory(FakeProcess({}, {{"HOME", base + "/home"}}).process),
            directory / "home/.cache/chaperon");
  EXPECT_EQ(
      cache_directory(FakeProcess({}, {{"XDG_CACHE_HOME", "relative"}, {"HOME", base + "/home"}}).process),
      directory / "home/.cache/chaperon");
  const auto own = "chaperon-" + std::to_string(geteuid());
  EXPECT_EQ(cache_directory(FakeProcess({}, {{"TMPDIR", base}}).process), directory / own);
}

TEST(CacheDirectory, AHomeThatCannotBeWrittenIsPassedOver) {
  const test::TempDir directory;
  // Neither root nor anybody else can make directories below a file, or in /proc.
  test::write_file(directory / "file", "");
  for (const auto& home : {(directory / "file").string(), std::string("/proc")}) {
    const FakeProcess fake({}, {{"HOME", home}, {"TMPDIR", directory.path().string()}});
    EXPECT_EQ(cache_directory(fake.process), directory / ("chaperon-" + std::to_string(geteuid()))) << home;
  }
}

TEST(CacheDirectory, IsForThisUserAlone) {
  const test::TempDir directory;
  ASSERT_TRUE(make_private_directory(directory / "a/b/cache"));
  struct stat status {};
  ASSERT_EQ(stat((directory / "a/b/cache").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0700U);
  EXPECT_TRUE(make_private_directory(directory / "a/b/cache"));

  fs::create_directory(directory / "open");
  fs::permissions(directory / "open", fs::perms::all);
  EXPECT_FALSE(make_private_directory(directory / "open"));
  fs::create_directory_symlink(directory / "a", directory / "link");
  EXPECT_FALSE(make_private_directory(directory / "link"));
}

}  // namespace
}  // namespace chaperon::cli
