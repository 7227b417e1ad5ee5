// What comes of a source that is posted, told by a `chaperon list` that says what a test wants.
#include "cli/load_test_preparation.hpp"

#include <filesystem>

#include <fmt/format.h>
#include <gmock/gmock.h>

#include "process_fixture.hpp"
#include "support/temp_dir.hpp"

namespace chaperon::cli {
namespace {

namespace fs = std::filesystem;
using cluster::LoadTestRefused;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

class LoadTestPreparationTest : public testing::Test {
 protected:
  // A program in place of `chaperon`; `$2` is the file.
  void say(const std::string& script) {
    const auto program = directory_ / "chaperon";
    test::write_file(program, "#!/bin/sh\n" + script + "\n");
    fs::permissions(program, fs::perms::owner_all);
    fake_.process.executable = program;
  }
  cluster::PreparedLoadTest prepare(Duration patience = 100s) {
    return prepare_load_test(fake_.process, {}, {.source = "source", .file_name = "shop.cpp"}, patience);
  }
  // Why it is refused, and what the compiler has said.
  LoadTestRefused refused(Duration patience = 100s) {
    try {
      prepare(patience);
    } catch (const LoadTestRefused& error) {
      return error;
    }
    ADD_FAILURE() << "it is not refused";
    return LoadTestRefused("");
  }

  test::TempDir directory_;
  FakeProcess fake_{{"chaperon"}, {{"XDG_CACHE_HOME", directory_.path().string()}}};
};

TEST_F(LoadTestPreparationTest, TakesTheLibraryThatIsNamed) {
  test::write_file(directory_ / "shop.so", "library");
  // What is said after it comes from the end of the scenario's library.
  say(fmt::format(R"(echo '{{"library": "{}", "load_tests": ["ShopTest"]}}'; echo goodbye)",
                  (directory_ / "shop.so").string()));
  const auto prepared = prepare();
  EXPECT_EQ(prepared.library, "library");
  EXPECT_EQ(prepared.load_test, "ShopTest");
  EXPECT_EQ(prepared.file, "shop.cpp");
}

TEST_F(LoadTestPreparationTest, WhatDoesNotCompileIsSaidByTheCompiler) {
  say(R"(printf 'compiling %s ... failed\n%s:1: error: bad\n' "$2" "$2" >&2; exit 3)");
  const auto error = refused();
  EXPECT_STREQ(error.what(), "shop.cpp does not compile");
  EXPECT_EQ(error.compiler_output(), "shop.cpp:1: error: bad\n");
}

TEST_F(LoadTestPreparationTest, TheReasonComesBeforeTheWarnings) {
  say(R"(printf 'compiling %s ... 2.0 s (next start: 0.1 s)\n%s:1: warning: odd\n' "$2" "$2" >&2
         echo "error: $2 cannot be loaded: undefined symbol: shop: link the library that has it" >&2; exit 2)");
  const auto error = refused();
  EXPECT_STREQ(error.what(),
               "shop.cpp cannot be loaded: undefined symbol: shop: link the library that has it");
  EXPECT_EQ(error.compiler_output(), "shop.cpp:1: warning: odd\n");
}

TEST_F(LoadTestPreparationTest, WhatEndsItsProcessIsNamed) {
  say("kill -ABRT $$");
  auto error = refused();
  EXPECT_STREQ(error.what(), "shop.cpp cannot be loaded: its process was ended by signal 6");
  EXPECT_EQ(error.compiler_output(), "");
  say(R"(printf 'first\nterminate called\n' >&2; kill -ABRT $$)");
  error = refused();
  EXPECT_STREQ(error.what(),
               "shop.cpp cannot be loaded: its process was ended by signal 6: what it has said is in "
               "compiler_output");
  EXPECT_EQ(error.compiler_output(), "first\nterminate called\n");
  say("exit 7");
  EXPECT_STREQ(refused().what(), "shop.cpp cannot be loaded: its process ended with exit code 7");
}

TEST_F(LoadTestPreparationTest, WhatCannotBeReadIsNoFaultOfTheRequest) {
  for (const auto* script : {"echo hello", "exit 0", "echo '{}'", "echo '[]'", "echo '{\"library\": 3}'"}) {
    say(script);
    EXPECT_THAT(refused().what(),
                AllOf(StartsWith("shop.cpp cannot be loaded: "), HasSubstr("while it is loaded")))
        << script;
  }
}

TEST_F(LoadTestPreparationTest, WhatDoesNotEndIsGivenUp) {
  say("echo 'said before' >&2; exec sleep 600");
  const auto error = refused(200ms);
  EXPECT_THAT(error.what(), AllOf(StartsWith("shop.cpp is not compiled and loaded after 200 ms"),
                                  HasSubstr("static variable"), Not(HasSubstr("said before"))));
  EXPECT_EQ(error.compiler_output(), "said before\n");
}

TEST_F(LoadTestPreparationTest, TheEndOfTheMasterIsNotWaitedFor) {
  say("exec sleep 600");
  fake_.process.stop.request_stop();
  EXPECT_STREQ(refused().what(), "the master is about to end");
}

}  // namespace
}  // namespace chaperon::cli
