// Which file, which load test in it, and libraries that do not fit.
#include "cli_fixture.hpp"

namespace chaperon::test {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

class CliScenarioFile : public CliTest {
 protected:
  // Copies the library of one_load_test.cpp, from a cache that has no others but those of former builds.
  void make_library(const std::string& name) {
    namespace fs = std::filesystem;
    cache_ = shared_cache().parent_path() / "cli-library-cache";
    const auto result = chaperon({"list", scenario_file("one_load_test.cpp")});
    ASSERT_EQ(result.exit_code, 0) << result.err;
    std::pair newest{fs::file_time_type::min(), fs::path()};  // what is used is touched
    for (const auto& entry : fs::directory_iterator(cache_ / "chaperon")) {
      const auto library = fs::path(entry.path()).replace_extension(".so");
      if (entry.path().extension() == ".json" && fs::exists(library))
        newest = std::max(newest, std::pair(entry.last_write_time(), library));
    }
    fs::copy(newest.second, directory_ / name);
  }
  static std::string one_load_test() { return read_file(scenario_file("one_load_test.cpp")); }
  // Replaces a text in a file by one of the same length; how often.
  [[nodiscard]] std::size_t patch(const std::string& name, const std::string& from,
                                  const std::string& to) const {
    auto content = read(name);
    std::size_t count = 0;
    for (auto at = content.find(from); at != std::string::npos; at = content.find(from, at + to.size())) {
      content.replace(at, from.size(), to);
      ++count;
    }
    write(name, content);
    return count;
  }
};

TEST_F(CliScenarioFile, ThatDoesNotExist) {
  auto result = chaperon({"run", "none.cpp", "--target"});
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_EQ(
      result.err,
      "error: none.cpp does not exist: check the path, or let 'chaperon new none' write one to begin with\n");
  EXPECT_EQ(result.out, "");
  write("there.cpp", "");
  EXPECT_EQ(chaperon({"run", "there"}).err, "error: there does not exist: did you mean there.cpp?\n");
  EXPECT_EQ(chaperon({"list", "none.so"}).exit_code, 2);
}

TEST_F(CliScenarioFile, ThatIsSomethingElse) {
  write("notes.txt", "");
  EXPECT_EQ(chaperon({"run", "notes.txt"}).err,
            "error: notes.txt is no scenario file: a C++ file (.cpp, .cc, .cxx) or a library made from one "
            "(.so) is "
            "needed\n");
  const auto directory = chaperon({"run", "/tmp"});
  EXPECT_EQ(directory.exit_code, 2);
  EXPECT_THAT(directory.err, HasSubstr("/tmp is a directory"));
}

TEST_F(CliScenarioFile, ThatDefinesNoLoadTest) {
  write("none.cpp", "#include <chaperon/chaperon.hpp>\n");
  const auto result = chaperon({"run", "none.cpp", "--target"});
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_THAT(result.err,
              HasSubstr("\nerror: none.cpp defines no load test: add CHAPERON_LOAD_TEST(NAME) at file "
                        "scope, where NAME is a type with `static Scenarios scenarios()`\n"));
  EXPECT_EQ(result.out, "");
}

TEST_F(CliScenarioFile, WithSeveralLoadTestsListsThem) {
  const auto file = scenario_file("two_load_tests.cpp");
  ASSERT_EQ(chaperon({"list", file}).out,
            "AskTest: 4 sessions\n  4 × Asker\nOtherTest: 1 session\n  1 × Asker\n");
  auto result = chaperon({"run", file, "--target"});
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_EQ(result.err, "error: " + file + " has 2 load tests: choose one, as in 'chaperon run " + file +
                            " AskTest'\n  AskTest\n  OtherTest\n");
  result = chaperon({"run", file, "OtherTset", "--target"});
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_EQ(result.err,
            "error: " + file +
                " has no load test \"OtherTset\" (did you mean OtherTest?): it has AskTest, OtherTest\n");
  result = chaperon({"run", file, "OtherTest", "--target"});
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_THAT(result.out, StartsWith("OtherTest: PASSED\n"));
}

TEST_F(CliScenarioFile, ALibraryRunsWithoutItsSource) {
  make_library("ask.so");
  const TargetServer target;
  const auto result = chaperon({"run", "ask.so", "--base-url", target.url()}, {"CXX=no-such-compiler"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(result.err, StartsWith("AskTest: 4 sessions"));
  EXPECT_EQ(target.count("GET /asked"), 4U);
  EXPECT_EQ(chaperon({"list", "ask.so"}).out, "AskTest: 4 sessions\n  4 × Asker\n");
  EXPECT_EQ(chaperon({"run", "ask.so", "--cxxflags", "-O2"}).err,
            "error: --cxxflags has no effect on ask.so, which is compiled: leave it out\n");
}

TEST_F(CliScenarioFile, ALibraryOfAnotherVersionIsRefusedByName) {
  make_library("old.so");
  ASSERT_GE(patch("old.so", "Chaperon=" CHAPERON_VERSION "\n",
                  "Chaperon=" + std::string(sizeof CHAPERON_VERSION - 1, '9') + "\n"),
            1U);
  const auto result = chaperon({"run", "old.so", "--target", "--output", "metrics.csv"});
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_EQ(result.err, "error: old.so does not fit this Chaperon: it was made with Chaperon " +
                            std::string(sizeof CHAPERON_VERSION - 1, '9') +
                            " instead of " CHAPERON_VERSION ": compile it again, or give its C++ file\n");
  EXPECT_FALSE(exists("metrics.csv"));
}

TEST_F(CliScenarioFile, ALibraryOfAnotherAbiIsRefusedByName) {
  make_library("old.so");
  ASSERT_GE(patch("old.so", "_GLIBCXX_USE_CXX11_ABI 1\n", "_GLIBCXX_USE_CXX11_ABI 0\n"), 1U);
  const auto result = chaperon({"run", "old.so", "--target"});
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_THAT(result.err,
              HasSubstr("it was made with standard library libstdc++, _GLIBCXX_USE_CXX11_ABI 0 instead "
                        "of libstdc++, _GLIBCXX_USE_CXX11_ABI 1"));
}

TEST_F(CliScenarioFile, AnotherAbiByFlagsIsRefusedBeforeItsCodeRuns) {
  write("one.cpp",
        one_load_test() + "#include <cstdlib>\nstatic const int dead = [] { std::abort(); return 0; }();\n");
  const auto result = chaperon({"run", "one.cpp", "--target", "--cxxflags", "-D_GLIBCXX_USE_CXX11_ABI=0"});
  EXPECT_EQ(result.exit_code, 2) << result.err;
  EXPECT_THAT(result.err,
              HasSubstr("error: one.cpp does not fit this Chaperon: it was made with standard library "));
}

TEST_F(CliScenarioFile, ALibraryThatIsNoScenarioIsRefused) {
  write("plain.c", "int f(void) { return 1; }\n");
  ASSERT_EQ(shell("cc -shared -fPIC -o plain.so plain.c").exit_code, 0);
  auto result = chaperon({"run", "plain.so", "--target"});
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_THAT(result.err,
              StartsWith("error: plain.so is no scenario library: it has no note of Chaperon's ABI"));
  write("text.so", "hello");
  result = chaperon({"run", "text.so", "--target"});
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_THAT(result.err, StartsWith("error: text.so is no shared object"));
  write("empty.so", "");
  EXPECT_EQ(chaperon({"run", "empty.so"}).exit_code, 2);
}

TEST_F(CliScenarioFile, ATruncatedLibraryIsRefused) {
  make_library("cut.so");
  const auto whole = read("cut.so");
  for (const std::size_t size : {std::size_t{64}, std::size_t{200}, whole.size() / 2}) {
    write("cut.so", whole.substr(0, size));
    const auto result = chaperon({"run", "cut.so", "--target"});
    EXPECT_EQ(result.exit_code, 2) << size << result.err;
    EXPECT_THAT(result.err, StartsWith("error: cut.so "));
  }
}

TEST_F(CliScenarioFile, AMissingSymbolIsSaidWithTheRemedy) {
  write("one.cpp", one_load_test() + "void elsewhere();\nvoid (*volatile used)() = elsewhere;\n");
  const auto result = chaperon({"run", "one.cpp", "--target"});
  EXPECT_EQ(result.exit_code, 2) << result.err;
  EXPECT_THAT(result.err, HasSubstr("error: one.cpp cannot be loaded: "));
  EXPECT_THAT(result.err, HasSubstr("link the library that has it: --cxxflags \"-lNAME\""));
}

}  // namespace
}  // namespace chaperon::test
