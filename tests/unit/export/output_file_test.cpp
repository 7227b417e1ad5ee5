#include "export/output_file.hpp"

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "export/export_results.hpp"
#include "export/output_error.hpp"
#include "export/output_path.hpp"
#include "sample_results.hpp"

namespace chaperon::exporting {
namespace {

namespace fs = std::filesystem;

std::string text_of(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

void put(const fs::path& path, const std::string& text) {
  std::ofstream(path, std::ios::binary) << text;
}

std::string refusal_of(const fs::path& path, Parents parents = Parents::must_exist) {
  try {
    const OutputFile file(path, parents);
  } catch (const OutputError& error) {
    return error.what();
  }
  return "none";
}

class OutputFileTest : public testing::Test {
 protected:
  OutputFileTest() {
    auto pattern = (fs::temp_directory_path() / "output-file-XXXXXX").string();
    directory_ = ::mkdtemp(pattern.data());
  }
  ~OutputFileTest() override {
    std::error_code ignored;
    fs::permissions(directory_, fs::perms::owner_all, ignored);
    fs::remove_all(directory_, ignored);
  }
  OutputFileTest(const OutputFileTest&) = delete;
  OutputFileTest& operator=(const OutputFileTest&) = delete;

  [[nodiscard]] fs::path in(const std::string& name) const { return directory_ / name; }
  [[nodiscard]] std::vector<std::string> files() const {
    std::vector<std::string> names;
    for (const auto& entry : fs::recursive_directory_iterator(directory_)) {
      names.push_back(entry.path().lexically_relative(directory_).string());
    }
    std::sort(names.begin(), names.end());
    return names;
  }

  fs::path directory_;
};

using Names = std::vector<std::string>;

TEST_F(OutputFileTest, NothingIsThereBeforeTheRunEnds) {
  { const OutputFile abandoned(in("m.csv")); }
  EXPECT_EQ(files(), Names{});
  { const OutputFile abandoned(in("a/b/m.csv"), Parents::create); }
  EXPECT_EQ(files(), Names{});
}

TEST_F(OutputFileTest, WritesTheFileAndThoseBeside) {
  OutputFile file(in("m.csv"));
  EXPECT_TRUE(file.has_side_files());
  EXPECT_FALSE(file.is_standard_output());
  EXPECT_EQ(file.write("rows"), in("m.csv").string());
  EXPECT_EQ(file.write_beside("config", "{}"), in("m.config.json").string());
  EXPECT_EQ(file.write_beside("scenarios", "[]"), in("m.scenarios.json").string());
  EXPECT_EQ(files(), (Names{"m.config.json", "m.csv", "m.scenarios.json"}));
  EXPECT_EQ(text_of(in("m.csv")), "rows");
  EXPECT_EQ(text_of(in("m.config.json")), "{}");
  EXPECT_EQ(text_of(in("m.scenarios.json")), "[]");
}

TEST_F(OutputFileTest, ReplacesWhatIsThereOnlyWhenWritten) {
  put(in("m.csv"), "a much longer text from before");
  OutputFile file(in("m.csv"));
  EXPECT_EQ(text_of(in("m.csv")), "a much longer text from before");
  file.write("new");
  EXPECT_EQ(text_of(in("m.csv")), "new");
  file.write("newer");
  EXPECT_EQ(text_of(in("m.csv")), "newer");
  EXPECT_EQ(files(), Names{"m.csv"});
}

TEST_F(OutputFileTest, AReaderOfTheOldFileKeepsIt) {
  put(in("m.csv"), "old");
  std::ifstream reader(in("m.csv"));
  OutputFile(in("m.csv")).write("new");
  std::string text;
  reader >> text;
  EXPECT_EQ(text, "old") << "replaced by renaming, not written over";
}

TEST_F(OutputFileTest, PermissionsAreThoseOfAnyNewFile) {
  const auto mask = ::umask(0027);
  OutputFile(in("m.csv")).write("x");
  ::umask(mask);
  EXPECT_EQ(fs::status(in("m.csv")).permissions(), static_cast<fs::perms>(0640));
}

TEST_F(OutputFileTest, PermissionsOfTheReplacedFileStay) {
  put(in("m.csv"), "old");
  fs::permissions(in("m.csv"), static_cast<fs::perms>(0604));
  OutputFile(in("m.csv")).write("x");
  EXPECT_EQ(fs::status(in("m.csv")).permissions(), static_cast<fs::perms>(0604));
}

TEST_F(OutputFileTest, FollowsLinks) {
  fs::create_directory(in("elsewhere"));
  put(in("elsewhere/real.csv"), "old");
  fs::create_symlink("elsewhere/real.csv", in("relative.csv"));
  fs::create_symlink(in("relative.csv"), in("m.csv"));
  OutputFile(in("m.csv")).write("new");
  EXPECT_TRUE(fs::is_symlink(in("m.csv")));
  EXPECT_TRUE(fs::is_symlink(in("relative.csv")));
  EXPECT_EQ(text_of(in("elsewhere/real.csv")), "new");
}

TEST_F(OutputFileTest, ADanglingLinkMakesItsTarget) {
  fs::create_symlink("real.csv", in("m.csv"));
  OutputFile(in("m.csv")).write("new");
  EXPECT_TRUE(fs::is_symlink(in("m.csv")));
  EXPECT_EQ(text_of(in("real.csv")), "new");
}

TEST_F(OutputFileTest, MakesDirectoriesOnlyWhereAsked) {
  OutputFile file(in("results/2026-01-31/T/m.csv"), Parents::create);
  file.write("x");
  EXPECT_EQ(text_of(in("results/2026-01-31/T/m.csv")), "x");
  EXPECT_EQ(refusal_of(in("other/m.csv")),
            "cannot write \"" + in("other/m.csv").string() + "\": the directory \"" + in("other").string() +
                "\" does not exist: make it (mkdir -p " + in("other").string() + ") or choose another path");
}

TEST_F(OutputFileTest, RefusesWhatIsNoFile) {
  fs::create_directory(in("d"));
  EXPECT_NE(refusal_of(in("d")).find("it is a directory: give the name of a file in it"), std::string::npos);
  EXPECT_NE(refusal_of(in("d/")).find("it is a directory"), std::string::npos);
  EXPECT_NE(refusal_of(in("new/")).find("it is a directory"), std::string::npos);
  EXPECT_NE(refusal_of("").find("the name is empty"), std::string::npos);
  put(in("file"), "");
  EXPECT_NE(refusal_of(in("file/m.csv")).find("is not a directory"), std::string::npos)
      << refusal_of(in("file/m.csv"));
  EXPECT_NE(refusal_of(in("file/x/m.csv"), Parents::create).find("is not a directory"), std::string::npos);
  EXPECT_NE(refusal_of(in(std::string(252, 'x') + ".csv")).find("choose a shorter name"), std::string::npos);
  fs::create_symlink("loop", in("loop"));
  EXPECT_NE(refusal_of(in("loop")), "none");
}

TEST_F(OutputFileTest, RefusesWhereAFileBesideItCannotBe) {
  fs::create_directory(in("m.config.json"));
  EXPECT_NE(refusal_of(in("m.csv")).find("m.config.json\": it is a directory"), std::string::npos);
}

TEST_F(OutputFileTest, TheLongestNameThatFitsIsTaken) {
  const auto name = std::string(255 - std::string(".scenarios.json").size(), 'x') + ".csv";
  OutputFile(in(name)).write("x");
  EXPECT_EQ(files(), Names{name});
}

// Exits with 0 if the path is refused with that reason to a user who is not root.
[[noreturn]] void expect_refusal_as_nobody(const fs::path& path, const std::string& reason) {
  if (::geteuid() == 0 && ::setuid(65534) != 0) ::_exit(2);
  ::_exit(refusal_of(path).find(reason) != std::string::npos ? 0 : 1);
}

TEST_F(OutputFileTest, RefusesADirectoryThatIsNotWritable) {
  fs::permissions(directory_, static_cast<fs::perms>(0555));
  EXPECT_EXIT(expect_refusal_as_nobody(in("m.csv"), "Permission denied: choose a path that you may write to"),
              testing::ExitedWithCode(0), "");
}

TEST_F(OutputFileTest, RefusesAFileThatIsNotWritable) {
  put(in("m.csv"), "precious");
  fs::permissions(in("m.csv"), static_cast<fs::perms>(0444));
  fs::permissions(directory_, static_cast<fs::perms>(0777));
  EXPECT_EXIT(expect_refusal_as_nobody(in("m.csv"), "Permission denied"), testing::ExitedWithCode(0), "");
  EXPECT_EQ(text_of(in("m.csv")), "precious");
}

TEST_F(OutputFileTest, AFailureWhileWritingLeavesTheOldFile) {
  put(in("m.csv"), "old");
  OutputFile file(in("m.csv"));
  fs::remove_all(directory_);
  EXPECT_THROW(file.write("new"), OutputError);
  fs::create_directory(directory_);
  put(in("m.csv"), "old");
  fs::remove(in("m.csv"));
  fs::create_directories(in("m.csv/in the way"));
  EXPECT_THROW(file.write("new"), OutputError);
  EXPECT_EQ(files(), (Names{"m.csv", "m.csv/in the way"})) << "no temporary file";
}

TEST_F(OutputFileTest, DevicesAreWrittenAsTheyAre) {
  OutputFile null("/dev/null");
  EXPECT_FALSE(null.has_side_files());
  EXPECT_EQ(null.write("x"), "/dev/null");
  OutputFile full("/dev/full");
  try {
    full.write("x");
    FAIL() << "/dev/full took it";
  } catch (const OutputError& error) {
    EXPECT_NE(std::string(error.what()).find("make room"), std::string::npos) << error.what();
  }
  EXPECT_TRUE(fs::is_character_file("/dev/null"));
}

TEST_F(OutputFileTest, APipeIsWrittenAsItIs) {
  ASSERT_EQ(::mkfifo(in("pipe").c_str(), 0600), 0);
  std::string received;
  std::thread reader([&] { received = text_of(in("pipe")); });
  {
    OutputFile file(in("pipe"));
    EXPECT_FALSE(file.has_side_files());
    file.write(std::string(200'000, 'x'));
  }
  reader.join();
  EXPECT_EQ(received, std::string(200'000, 'x'));
  EXPECT_EQ(files(), Names{"pipe"});
}

TEST_F(OutputFileTest, AnOpenDescriptorIsAppendedTo) {
  const int descriptor = ::open(in("log").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
  ASSERT_GE(descriptor, 0);
  ASSERT_EQ(::write(descriptor, "before ", 7), 7);
  OutputFile file("/dev/fd/" + std::to_string(descriptor));
  EXPECT_FALSE(file.has_side_files());
  file.write("rows");
  ::close(descriptor);
  EXPECT_EQ(text_of(in("log")), "before rows");
}

TEST_F(OutputFileTest, StandardOutputIsAStream) {
  for (const char* name : {"-", "/dev/stdout"}) {
    std::ostringstream out;
    OutputFile file(name, Parents::must_exist, &out);
    EXPECT_TRUE(file.is_standard_output());
    EXPECT_FALSE(file.has_side_files());
    file.write("rows");
    EXPECT_EQ(out.str(), "rows");
    out.setstate(std::ios::badbit);
    EXPECT_THROW(file.write("rows"), OutputError);
  }
}

TEST_F(OutputFileTest, ExportsAllFilesOfARun) {
  OutputFile file(in("m.csv"));
  EXPECT_EQ(export_results(sample_results(), file, "csv"),
            (Names{in("m.csv").string(), in("m.config.json").string(), in("m.scenarios.json").string()}));
  EXPECT_EQ(text_of(in("m.csv")).find("session_action_name,total_count,"), 0U);
  EXPECT_EQ(Json::parse(text_of(in("m.config.json"))),
            (Json{{"base_url", "http://***@h"}, {"basic_auth", "***"}}));
  EXPECT_EQ(Json::parse(text_of(in("m.scenarios.json"))),
            Json::array({Json{{"name", "shopper"}, {"config", {{"api_token", "***"}, {"delay", 500}}}}}));
}

TEST_F(OutputFileTest, ExportsNothingBesideStandardOutputAndDevices) {
  std::ostringstream out;
  OutputFile standard("-", Parents::must_exist, &out);
  EXPECT_EQ(export_results(sample_results(), standard, "json"), Names{});
  EXPECT_EQ(Json::parse(out.str())["load_test"], "PubSubTest");
  OutputFile null("/dev/null");
  EXPECT_EQ(export_results(sample_results(), null, "csv"), Names{"/dev/null"});
}

TEST_F(OutputFileTest, AnUnknownFormatWritesNothing) {
  OutputFile file(in("m.csv"));
  EXPECT_THROW(export_results(sample_results(), file, "xml"), OutputError);
  EXPECT_EQ(files(), Names{});
}

TEST(SidePath, StandsBesideTheFile) {
  EXPECT_EQ(side_path("m.csv", "config"), "m.config.json");
  EXPECT_EQ(side_path("out/m.json", "scenarios"), "out/m.scenarios.json");
  EXPECT_EQ(side_path("/a.b/m", "config"), "/a.b/m.config.json");
  EXPECT_EQ(side_path("m.2026.csv", "config"), "m.2026.config.json");
}

TEST(TaggedPath, HasDateLoadTestTagAndTime) {
  EXPECT_EQ(tagged_path("PubSubTest", "T", kSampleTime),
            "results/2026-01-31/PubSubTest/T-20260131T120000.123Z.csv");
  EXPECT_EQ(tagged_path("PubSubTest", "T", kSampleTime, "json"),
            "results/2026-01-31/PubSubTest/T-20260131T120000.123Z.json");
  EXPECT_EQ(tagged_path("A", "vor dem Föhn", std::chrono::system_clock::time_point{}),
            "results/1970-01-01/A/vor dem Föhn-19700101T000000.000Z.csv");
}

TEST(TaggedPath, RefusesATagThatIsNoPartOfAName) {
  for (const std::string tag : {"", "a/b", "/", "a\nb", "\x7f"}) {
    EXPECT_THROW(static_cast<void>(tagged_path("A", tag, kSampleTime)), OutputError) << tag;
  }
  try {
    static_cast<void>(tagged_path("A", "a/b\nc", kSampleTime));
  } catch (const OutputError& error) {
    EXPECT_STREQ(error.what(),
                 "the tag \"a/b?c\" cannot be part of a file name: leave out slashes and control characters");
  }
}

TEST(TaggedPath, StaysInTheResultsWhateverTheLoadTestIsCalled) {
  EXPECT_EQ(tagged_path("../x", "T", kSampleTime), "results/2026-01-31/.._x/T-20260131T120000.123Z.csv");
  EXPECT_EQ(tagged_path("..", "T", kSampleTime), "results/2026-01-31/_/T-20260131T120000.123Z.csv");
}

}  // namespace
}  // namespace chaperon::exporting
