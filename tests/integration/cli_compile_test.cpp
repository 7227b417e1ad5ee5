// From a scenario file to what runs: what is compiled when, and what is said if it cannot be.
#include <thread>

#include <sys/stat.h>

#include "cli_fixture.hpp"

namespace chaperon::test {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

constexpr std::string_view kScenario = R"(#include <chaperon/chaperon.hpp>
#include "path.hpp"
using namespace chaperon;
struct Asker {
  static void run(Session& session) { session.get(kPath); }
};
struct AskTest {
  static Scenarios scenarios() { return {3 * scenario<Asker>}; }
};
CHAPERON_LOAD_TEST(AskTest)
)";

class CliCompile : public CliTest {
 protected:
  CliCompile() { use_own_cache(); }
  void write_scenario(const std::string& path = "/first") const {
    write("ask.cpp", std::string(kScenario));
    write_path(path);
  }
  void write_path(const std::string& path) const {
    write("path.hpp", "inline constexpr const char* kPath = \"" + path + "\";\n");
  }
  [[nodiscard]] std::size_t libraries_kept() const {
    std::size_t count = 0;
    for (const auto& entry : std::filesystem::directory_iterator(cache_ / "chaperon"))
      count += entry.path().extension() == ".so" ? 1U : 0U;
    return count;
  }
};

TEST_F(CliCompile, AColdCompileSaysSoInOneLineAndAWarmOneNothing) {
  write_scenario();
  const TargetServer target;
  auto result = chaperon({"run", "ask.cpp", "--base-url", target.url(), "--threads", "1", "--seed", "1"});
  ASSERT_EQ(result.exit_code, 0) << result.out << result.err;
  EXPECT_TRUE(std::regex_match(
      result.err, std::regex("compiling ask\\.cpp \\.\\.\\. [0-9.]+ s \\(next start: 0\\.1 s\\)\n"
                             "AskTest: 3 sessions, 1 loop, http://127[^ ]+, seed 1\\. Ctrl-C stops and "
                             "reports\\.\n")))
      << result.err;
  result = chaperon({"run", "ask.cpp", "--base-url", target.url()});
  ASSERT_EQ(result.exit_code, 0);
  EXPECT_THAT(result.err, StartsWith("AskTest: "));
  EXPECT_EQ(target.count("GET /first"), 6U);
}

TEST_F(CliCompile, ThePrecompiledHeaderIsMadeOnce) {
  cache_ = directory_ / "empty cache";
  const auto headers = [&] {
    std::map<std::string, std::pair<ino_t, std::filesystem::file_time_type>> found;
    for (const auto& entry : std::filesystem::directory_iterator(cache_ / "chaperon")) {
      struct stat status {};
      if (entry.path().extension() == ".gch" && ::stat(entry.path().c_str(), &status) == 0)
        found[entry.path().filename().string()] = {status.st_ino, entry.last_write_time()};
    }
    return found;
  };
  write_scenario();
  ASSERT_EQ(chaperon({"run", "ask.cpp", "--target"}).exit_code, 0);
  const auto made = headers();
  if (std::thread::hardware_concurrency() < 2) GTEST_SKIP() << "it is made where there are two cores";
  ASSERT_EQ(made.size(), 1U);
  write_path("/another");
  const auto again = chaperon({"run", "ask.cpp", "--target"});
  EXPECT_THAT(again.err, StartsWith("compiling ask.cpp ..."));
  EXPECT_EQ(headers(), made);
}

TEST_F(CliCompile, AChangedHeaderIsSeen) {
  write_scenario("/first");
  const TargetServer target;
  const auto run = [&] { return chaperon({"run", "ask.cpp", "--base-url", target.url()}); };
  ASSERT_EQ(run().exit_code, 0);
  write_path("/other");  // of the same length, within the same second
  const auto changed = run();
  EXPECT_THAT(changed.err, StartsWith("compiling ask.cpp ..."));
  EXPECT_EQ(target.count("GET /first"), 3U);
  EXPECT_EQ(target.count("GET /other"), 3U);

  write_path("/other");  // touched, and the same
  EXPECT_THAT(run().err, Not(HasSubstr("compiling")));
  EXPECT_EQ(target.count("GET /other"), 6U);
}

TEST_F(CliCompile, TwoRunsAtOnceCompileOnce) {
  write_scenario();
  const TargetServer target;
  const Words words{CHAPERON_BINARY, "run", "ask.cpp", "--base-url", target.url()};
  Process first(words, options());
  Process second(words, options());
  const auto results = {first.wait(kPatience), second.wait(kPatience)};
  std::size_t compilations = 0;
  for (const auto& result : results) {
    EXPECT_EQ(result.exit_code, 0) << result.out << result.err;
    compilations += occurrences(result.err, "compiling ask.cpp ...");
  }
  EXPECT_EQ(compilations, 1U);
  EXPECT_EQ(libraries_kept(), 1U);
  EXPECT_EQ(target.count("GET /first"), 6U);
}

TEST_F(CliCompile, DiagnosticsAreTheCompilersAndNothingFollows) {
  write("broken.cpp", "#include <chaperon/chaperon.hpp>\nint broken() { return missing_name; }\n");
  const auto result = chaperon({"run", "broken.cpp", "--target", "--output", "metrics.csv"});
  EXPECT_EQ(result.exit_code, 3);
  EXPECT_EQ(result.out, "");
  const std::string head = "compiling broken.cpp ... failed\n";
  ASSERT_THAT(result.err, StartsWith(head));
  EXPECT_THAT(result.err, HasSubstr("broken.cpp:2:23: error: "));
  EXPECT_THAT(result.err, HasSubstr("missing_name"));
  EXPECT_THAT(result.err, Not(HasSubstr("\nerror: ")));
  EXPECT_FALSE(exists("metrics.csv"));
  EXPECT_EQ(libraries_kept(), 0U);

  // Mended, it runs; nothing of the failure is kept.
  write_scenario();
  std::filesystem::rename(directory_ / "ask.cpp", directory_ / "broken.cpp");
  EXPECT_EQ(chaperon({"run", "broken.cpp", "--target"}).exit_code, 0);
}

TEST_F(CliCompile, DiagnosticsEqualThoseOfTheCompilerAlone) {
  write("broken.cpp", "int broken() { return missing_name; }\n");
  const auto alone = shell("c++ -std=c++20 -fsyntax-only broken.cpp");
  const auto result = chaperon({"run", "broken.cpp", "--cxxflags", "-fsyntax-only"});
  EXPECT_EQ(result.exit_code, 3);
#if !defined(__clang__)  // the sanitizer builds compile scenarios with Clang, which is not c++ here
  EXPECT_EQ(result.err, "compiling broken.cpp ... failed\n" + alone.err);
#endif
}

TEST_F(CliCompile, WarningsAreShownOnce) {
  write("warned.cpp",
        "#include <chaperon/chaperon.hpp>\nusing namespace chaperon;\n"
        "struct A { static void run(Session&) { int unused_one; } };\n"
        "struct T { static Scenarios scenarios() { return {scenario<A>}; } };\nCHAPERON_LOAD_TEST(T)\n");
  const auto first = chaperon({"run", "warned.cpp"});
  EXPECT_EQ(first.exit_code, 0) << first.err;
  EXPECT_THAT(first.err, HasSubstr("warning: unused variable"));
  EXPECT_THAT(chaperon({"run", "warned.cpp"}).err, Not(HasSubstr("warning")));
}

TEST_F(CliCompile, AScenarioThatForgetsTheIncludeCompiles) {
  write("bare.cpp",
        "using namespace chaperon;\nstruct A { static void run(Session& s) { s.get(\"/bare\"); } };\n"
        "struct T { static Scenarios scenarios() { return {scenario<A>}; } };\nCHAPERON_LOAD_TEST(T)\n");
  EXPECT_EQ(chaperon({"run", "bare.cpp", "--target"}).exit_code, 0);
}

TEST_F(CliCompile, AFileWithABlankInItsNameRuns) {
  write_scenario();
  std::filesystem::rename(directory_ / "ask.cpp", directory_ / "my ask #1.cpp");
  EXPECT_EQ(chaperon({"run", "my ask #1.cpp", "--target"}).exit_code, 0);
  const auto again = chaperon({"run", "my ask #1.cpp", "--target"});
  EXPECT_EQ(again.exit_code, 0);
  EXPECT_THAT(again.err, Not(HasSubstr("compiling")));
}

TEST_F(CliCompile, AnUnusableCacheIsReplacedByOneThatCanBeUsed) {
  write_scenario();
  // XDG_CACHE_HOME is a file, HOME cannot be written (not even by root): a temporary directory is left.
  write("file", "");
  const auto temporary = directory_ / "tmp";
  std::filesystem::create_directories(temporary);
  const auto result = chaperon(
      {"run", "ask.cpp", "--target"},
      {"XDG_CACHE_HOME=" + (directory_ / "file").string(), "HOME=/proc", "TMPDIR=" + temporary.string()});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_TRUE(std::filesystem::is_directory(temporary / ("chaperon-" + std::to_string(geteuid()))));
}

TEST_F(CliCompile, ACacheThatOthersCanWriteIsNotTrusted) {
  write_scenario();
  const auto shared = directory_ / "shared";
  std::filesystem::create_directories(shared / "chaperon");
  std::filesystem::permissions(shared / "chaperon", std::filesystem::perms::all);
  std::filesystem::create_directories(directory_ / "home");
  const auto result = chaperon({"run", "ask.cpp", "--target"}, {"XDG_CACHE_HOME=" + shared.string(),
                                                                "HOME=" + (directory_ / "home").string()});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_TRUE(std::filesystem::is_empty(shared / "chaperon"));
  EXPECT_TRUE(exists("home/.cache/chaperon"));
}

TEST_F(CliCompile, ACompilerThatIsMissingOrAnotherIsSaid) {
  write_scenario();
  auto result = chaperon({"run", "ask.cpp", "--target"}, {"CXX=no-such-compiler"});
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_THAT(result.err, StartsWith("error: CXX=no-such-compiler: there is no such program: set CXX to "));
  result = chaperon({"run", "ask.cpp", "--target"}, {"CXX=/bin/true"});
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_THAT(result.err,
              StartsWith("error: CXX=/bin/true is no GCC or Clang, but this Chaperon was built with "));
}

TEST_F(CliCompile, ADamagedCacheEntryIsMadeAgain) {
  write_scenario();
  ASSERT_EQ(chaperon({"run", "ask.cpp", "--target"}).exit_code, 0);
  for (const auto& entry : std::filesystem::directory_iterator(cache_ / "chaperon")) {
    const auto manifest = std::filesystem::path(entry.path()).replace_extension(".json");
    if (entry.path().extension() == ".so") write_file(manifest, "{ damaged");
  }
  const auto result = chaperon({"run", "ask.cpp", "--target"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(result.err, StartsWith("compiling ask.cpp ..."));
}

}  // namespace
}  // namespace chaperon::test
