#include "cli/compiler.hpp"

#include <filesystem>

#include <gmock/gmock.h>

#include <chaperon/errors.hpp>

#include "process_fixture.hpp"
#include "support/temp_dir.hpp"

namespace chaperon::cli {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::ThrowsMessage;

// Compilers that only say who they are.
class CompilerTest : public testing::Test {
 protected:
  void make_compiler(const std::string& name, const std::string& says, const std::string& version) {
    test::write_file(directory_ / name, "#!/bin/sh\nfor last; do :; done\ncase $last in\n--version) echo '" +
                                            says + "' ;;\n-dumpversion) echo " + version + " ;;\nesac\n");
    fs::permissions(directory_ / name, fs::perms::owner_all);
  }
  void make_gcc(const std::string& name, const std::string& version) {
    make_compiler(name, name + " (Test) " + version + " Copyright (C) Free Software Foundation, Inc.",
                  version);
  }

  std::string path(const std::string& name) { return (directory_ / name).string(); }

  Compiler find(const std::map<std::string, std::string>& environment,
                const std::string& built_with = "/nonexistent/c++") {
    auto variables = environment;
    variables.emplace("PATH", directory_.path().string() + ":/nonexistent");
    return find_compiler(FakeProcess({}, variables).process, built_with, "GCC 12");
  }

  test::TempDir directory_;
};

TEST_F(CompilerTest, CxxWins) {
  make_gcc("mine", "12");
  make_gcc("g++", "12");
  const auto compiler = find({{"CXX", "mine -m64"}}, path("g++"));
  EXPECT_THAT(compiler.command, ElementsAre(path("mine"), "-m64"));
  EXPECT_TRUE(compiler.chosen_by_user);
  EXPECT_NO_THROW(require_version(compiler, "GCC 12"));
}

TEST_F(CompilerTest, AWrongCxxIsRefusedWithTheRemedy) {
  EXPECT_THAT(
      [&] {
        find({{"CXX", "none"}});
      },
      ThrowsMessage<InputError>(HasSubstr("CXX=none: there is no such program")));
  EXPECT_THAT(
      [&] {
        find({{"CXX", "  "}});
      },
      ThrowsMessage<InputError>(HasSubstr("there is no such program")));
  make_compiler("clang++", "Debian clang version 14.0.6", "14.0.6");
  const auto clang = find({{"CXX", "clang++"}});
  EXPECT_THAT([&] { require_version(clang, "GCC 12"); },
              ThrowsMessage<InputError>(
                  HasSubstr("is Clang 14, but this Chaperon was built with GCC 12, and code of the two "
                            "does not fit together: set CXX=g++-12")));
  make_compiler("true", "", "");
  EXPECT_THAT(
      [&] {
        require_version(find({{"CXX", "true"}}), "GCC 12");
      },
      ThrowsMessage<InputError>(HasSubstr("is no GCC or Clang")));
}

TEST_F(CompilerTest, TheBuildsOwnCompilerComesNext) {
  make_gcc("c++", "12");
  make_gcc("own", "12");
  EXPECT_THAT(find({}, path("own")).command, ElementsAre(path("own")));
}

TEST_F(CompilerTest, InPathTheVersionMustFit) {
  make_gcc("c++", "13");
  make_gcc("g++", "12.2.0");
  EXPECT_THAT(find({}).command, ElementsAre(path("g++")));
  make_gcc("g++-12", "12");
  EXPECT_THAT(find({}).command, ElementsAre(path("g++-12")));
}

TEST_F(CompilerTest, NoneIsAnErrorWithTheRemedy) {
  EXPECT_THAT([&] { find({}); },
              ThrowsMessage<InputError>(HasSubstr("install it (apt install g++-12) or set CXX to it")));
  make_gcc("g++", "11");
  EXPECT_THAT([&] { find({}); }, ThrowsMessage<InputError>(HasSubstr("no C++ compiler that fits was found")));
}

TEST_F(CompilerTest, IdentityChangesWithTheProgram) {
  make_gcc("own", "12");
  const auto before = find({}, path("own")).identity;
  EXPECT_EQ(find({}, path("own")).identity, before);
  make_gcc("own", "12.3");
  EXPECT_NE(find({}, path("own")).identity, before);
}

}  // namespace
}  // namespace chaperon::cli
