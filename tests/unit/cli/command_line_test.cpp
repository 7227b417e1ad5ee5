#include "cli/command_line.hpp"

#include <fstream>
#include <sstream>

#include <gmock/gmock.h>

#include "cli/starter_file.hpp"
#include "cli/text_layout.hpp"
#include "process_fixture.hpp"
#include "support/temp_dir.hpp"

namespace chaperon::cli {
namespace {

using testing::AllOf;
using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

// Runs a command that must fail with exit code 2 and returns what it says.
std::string input_error(const std::vector<std::string>& words) {
  std::vector<std::string> args{"chaperon"};
  args.insert(args.end(), words.begin(), words.end());
  FakeProcess fake(args, {{"HOME", "/nonexistent"}});
  EXPECT_EQ(fake.run(), 2) << fake.out() << fake.err();
  EXPECT_EQ(fake.out(), "");
  EXPECT_THAT(fake.err(), StartsWith("error: "));
  return fake.err();
}

TEST(CommandLine, AloneItShowsItsHelpAsAnError) {
  FakeProcess fake({"chaperon"});
  EXPECT_EQ(fake.run(), 2);
  EXPECT_EQ(fake.out(), "");
  EXPECT_THAT(fake.err(), HasSubstr("usage: chaperon COMMAND"));
}

TEST(CommandLine, HelpHasExamplesAndFitsTheTerminal) {
  for (const std::vector<std::string>& words : {std::vector<std::string>{"--help"},
                                                {"help"},
                                                {"run", "--help"},
                                                {"bench", "-h"},
                                                {"help", "list"},
                                                {"new", "--help"},
                                                {"master", "--help"},
                                                {"submit", "--help"},
                                                {"queue", "--help"},
                                                {"cancel", "--help"},
                                                {"results", "--help"},
                                                {"target", "--help"}}) {
    std::vector<std::string> args{"chaperon"};
    args.insert(args.end(), words.begin(), words.end());
    FakeProcess fake(args);
    EXPECT_EQ(fake.run(), 0);
    EXPECT_THAT(fake.out(), HasSubstr("examples\n  chaperon "));
    std::istringstream lines(fake.out());
    for (std::string line; std::getline(lines, line);)
      EXPECT_LE(display_width(line), 110U) << line;
  }
}

TEST(CommandLine, VersionNamesCompilerAndLibraries) {
  FakeProcess fake({"chaperon", "--version"});
  EXPECT_EQ(fake.run(), 0);
  EXPECT_THAT(fake.out(),
              AllOf(StartsWith("chaperon " CHAPERON_VERSION " ("), HasSubstr("nlohmann/json 3.")));
}

TEST(CommandLine, AnOutputThatCannotBeWrittenIsAnErrorUnlessItsReaderHasGone) {
  FakeProcess fake({"chaperon", "--version"});
  fake.process.out->setstate(std::ios_base::badbit);
  EXPECT_EQ(fake.run(), 2);
  EXPECT_EQ(fake.err(), "error: the standard output cannot be written: it is closed, or its disk is full\n");

  FakeProcess unread({"chaperon", "--version"});
  unread.process.out->setstate(std::ios_base::badbit);
  unread.process.out_reader_gone = [] { return true; };
  EXPECT_EQ(unread.run(), 0);
  EXPECT_EQ(unread.err(), "");
}

TEST(CommandLine, UnknownCommandsGetASuggestion) {
  EXPECT_THAT(input_error({"bnech"}), HasSubstr("did you mean bench?"));
  EXPECT_THAT(input_error({"xyzzy"}),
              HasSubstr("the commands are run, bench, list, new, target, cluster, worker, master"));
  EXPECT_THAT(input_error({"shop.cpp"}), HasSubstr("write 'chaperon run shop.cpp'"));
  EXPECT_THAT(input_error({"my shop.cpp"}), HasSubstr("write 'chaperon run \"my shop.cpp\"'"));
  EXPECT_EQ(input_error({"--foo"}), "error: unknown option --foo: see 'chaperon --help'\n");
  EXPECT_EQ(input_error({"--verison"}),
            "error: unknown option --verison (did you mean --version?): see 'chaperon --help'\n");
}

TEST(CommandLine, CommandsOfTheQueueSayWhatIsMissing) {
  EXPECT_THAT(input_error({"queue"}), HasSubstr("as in --nats nats://127.0.0.1:4222"));
  EXPECT_THAT(input_error({"cancel", "--nats", "nats://127.0.0.1:1"}),
              HasSubstr("give one of ID, --all and --scheduled"));
  EXPECT_THAT(input_error({"cancel", "0123abcd", "--all", "--nats", "nats://127.0.0.1:1"}),
              HasSubstr("give one of ID, --all and --scheduled"));
  EXPECT_THAT(input_error({"results", "0123abcd", "--format", "xml", "--nats", "nats://127.0.0.1:1"}),
              HasSubstr("there are csv, json and txt"));
}

TEST(CommandLine, AMasterIsNotOpenToTheNetworkWithoutAToken) {
  const std::string nats = "nats://127.0.0.1:1";
  EXPECT_THAT(input_error({"master", "--nats", nats, "--listen", "0.0.0.0:0"}),
              AllOf(HasSubstr("--listen 0.0.0.0"), HasSubstr("set CHAPERON_API_TOKEN")));
  EXPECT_THAT(input_error({"master", "--nats", nats, "--listen", "[::]:8710"}),
              HasSubstr("CHAPERON_API_TOKEN"));
  for (const std::string listen :
       {"somewhere:1", "127.0.0.1:", "127.0.0.1:70000", "::1:8710", "[::1", "127.0.0.1:x"})
    EXPECT_THAT(input_error({"master", "--nats", nats, "--listen", listen}), HasSubstr("write HOST:PORT"))
        << listen;
  EXPECT_THAT(input_error({"master", "--nats", nats, "--load-tests", "/nonexistent"}),
              HasSubstr("there is no such directory"));
}

TEST(CommandLine, SeveralOutputsAreDifferentFiles) {
  const test::TempDir directory;
  const auto path = [&](const char* name) { return (directory / name).string(); };
  const auto run = [&](const char* first, const char* second) {
    return input_error({"run", path("none.cpp"), "-o", path(first), "-o", path(second)});
  };
  EXPECT_THAT(run("m.csv", "m.csv"), HasSubstr("it is given twice"));
  EXPECT_THAT(run("m.csv", "m.config.json"), HasSubstr("this is written beside"));
  EXPECT_THAT(run("m.config.json", "m.csv"), HasSubstr("this is written beside"));
  EXPECT_THAT(run("m.csv", "m.json"), HasSubstr("none.cpp does not exist"));
}

TEST(CommandLine, WhatIsNoScenarioFileIsNamedBeforeAnythingElse) {
  const test::TempDir directory;
  test::write_file(directory / "shop.cpp", "");
  test::write_file(directory / "notes.txt", "");
  test::write_file(directory / "text.so", "no library");
  const auto path = [&](const char* name) { return (directory / name).string(); };
  EXPECT_THAT(input_error({"run", path("none.cpp")}),
              AllOf(HasSubstr("none.cpp does not exist"), HasSubstr("'chaperon new none'")));
  EXPECT_THAT(input_error({"run", path("shop")}), HasSubstr("did you mean " + path("shop") + ".cpp?"));
  EXPECT_THAT(input_error({"run", directory.path().string()}), HasSubstr("is a directory"));
  EXPECT_THAT(input_error({"run", path("notes.txt")}), HasSubstr("is no scenario file"));
  EXPECT_THAT(input_error({"run", path("text.so")}), HasSubstr("is no shared object"));
  EXPECT_THAT(input_error({"list", path("text.so")}), HasSubstr("is no shared object"));
  EXPECT_THAT(input_error({"run", "ShopTest", path("shop.cpp")}),
              HasSubstr("ShopTest is no scenario file, but " + path("shop.cpp") +
                        " is: write 'chaperon run " + path("shop.cpp") + " ShopTest'"));
  EXPECT_THAT(input_error({"run", path("text.so"), "--cxxflags", "-g"}),
              HasSubstr("--cxxflags has no effect"));
}

TEST(CommandLine, WrongOptionsAreSaidBeforeTheCompilerStarts) {
  const test::TempDir directory;
  const auto file = (directory / "none.cpp").string();
  EXPECT_THAT(input_error({"run", file, "--config", "users"}), HasSubstr("write --config users=VALUE"));
  EXPECT_THAT(input_error({"run", file, "--config-file", file}), HasSubstr("cannot be read"));
  EXPECT_THAT(input_error({"run", file, "--threads", "0"}), HasSubstr("--threads 0"));
  EXPECT_THAT(input_error({"run", file, "--seed", "x"}), HasSubstr("--seed x"));
  EXPECT_THAT(input_error({"run", file, "--stack-size", "1"}), HasSubstr("--stack-size 1"));
  EXPECT_THAT(input_error({"run", file, "--log-level", "loud"}), HasSubstr("--log-level loud"));
  EXPECT_THAT(input_error({"run", file, "--metrics", "a,,b"}), HasSubstr("--metrics"));
  EXPECT_THAT(input_error({"run", file, "--format", "xml"}), HasSubstr("xml"));
  EXPECT_THAT(input_error({"run", file, "--output", (directory / "no/such/m.csv").string()}),
              HasSubstr("m.csv"));
  EXPECT_THAT(input_error({"run", file, "--output", "a.csv", "--tag", "t"}), HasSubstr("give one of them"));
  EXPECT_THAT(input_error({"run", file, "--format", "json"}),
              HasSubstr("--format json: nothing is written: say where with --output FILE"));
  EXPECT_THAT(input_error({"run", file, "--nonsense"}), HasSubstr("unknown option --nonsense"));
  const auto submit = [&](const std::string& option, const std::string& value) {
    return input_error({"submit", file, "--nats", "nats://127.0.0.1:1", option, value});
  };
  for (const auto* label : {"region", "=eu", "--help=y"})
    EXPECT_THAT(submit("--label", label), HasSubstr("write KEY=VALUE")) << label;
  EXPECT_THAT(submit("--base-url", "ftp://x"), HasSubstr("base URL \"ftp://x\""));
  EXPECT_THAT(submit("--config", "base_url=ftp://x"), HasSubstr("base URL \"ftp://x\""));
  EXPECT_THAT(submit("--metrics", "-x"), HasSubstr("no metric can be called \"-x\""));
  EXPECT_THAT(input_error({"run"}), HasSubstr("FILE is missing"));
  EXPECT_THAT(input_error({"run", file, "--base-url", ""}),
              HasSubstr("option --base-url has an empty value"));
  EXPECT_THAT(input_error({"run", file, "--tag", ""}), HasSubstr("option --tag has an empty value"));
  EXPECT_THAT(input_error({"run", file, ""}), HasSubstr("LOAD_TEST is empty"));
}

TEST(CommandLine, ResultsNeverReplaceWhatTheRunIsMadeFrom) {
  const test::TempDir directory;
  const auto path = [&](const char* name) { return (directory / name).string(); };
  for (const auto* name : {"shop.cpp", "m.config.json", "m.scenarios.json"})
    test::write_file(directory / name, "{}");
  std::filesystem::create_symlink(directory / "shop.cpp", directory / "link.csv");
  const auto error = [&](const std::string& output, const std::string& config) {
    return input_error({"run", path("shop.cpp"), "--config-file", config, "--output", output});
  };
  EXPECT_THAT(error(path("shop.cpp"), path("m.config.json")),
              HasSubstr("this is the scenario file, " + path("shop.cpp") + ": choose another name"));
  EXPECT_THAT(error(path("link.csv"), path("m.config.json")), HasSubstr("this is the scenario file"));
  EXPECT_THAT(error(path("m.config.json"), path("m.config.json")), HasSubstr("this is the --config-file"));
  EXPECT_THAT(error(path("m.csv"), path("m.config.json")),
              HasSubstr(path("m.config.json") + ", which is written beside it, is the --config-file"));
  EXPECT_THAT(error(path("m.csv"), path("m.scenarios.json")),
              HasSubstr("m.scenarios.json, which is written"));
  EXPECT_EQ(test::read_file(directory / "shop.cpp"), "{}");
}

TEST(CommandLine, BenchRefusesWhatCannotWork) {
  EXPECT_THAT(input_error({"bench"}), HasSubstr("URL is missing"));
  EXPECT_THAT(input_error({"bench", "http://h:99999/"}), HasSubstr("99999"));
  EXPECT_THAT(input_error({"bench", "https://h/"}), HasSubstr("TLS"));
  EXPECT_THAT(input_error({"bench", "ws://h/"}), HasSubstr("bench sends HTTP requests"));
  EXPECT_THAT(input_error({"bench", "h", "-c", "0"}), HasSubstr("-c 0"));
  EXPECT_THAT(input_error({"bench", "h", "-n", ""}), HasSubstr("option --requests has an empty value"));
  EXPECT_THAT(input_error({"bench", ""}), HasSubstr("URL is empty"));
  EXPECT_THAT(input_error({"bench", "h", "-n", "-1"}), HasSubstr("-n -1"));
  EXPECT_THAT(input_error({"bench", "h", "-d", "soon"}), HasSubstr("-d soon"));
  EXPECT_THAT(input_error({"bench", "h", "-m", "GET /"}), HasSubstr("no HTTP method"));
  EXPECT_THAT(input_error({"bench", "h", "-m", "connect"}), HasSubstr("-m connect: it asks a proxy"));
  EXPECT_THAT(input_error({"bench", "h", "-H", "novalue"}), HasSubstr("no colon"));
  EXPECT_THAT(input_error({"bench", "h", "-H", "Content-Length: 5"}),
              HasSubstr("Content-Length follows from the body: leave it out"));
  EXPECT_THAT(input_error({"bench", "h", "-H", "transfer-encoding:chunked"}), HasSubstr("leave it out"));
  EXPECT_THAT(input_error({"bench", "h", "-H", "A: b\x01"}), HasSubstr("control character"));
  EXPECT_THAT(input_error({"bench", "h", "-o", "/nonexistent/m.csv"}), HasSubstr("/nonexistent"));
}

TEST(CommandLine, TargetRefusesWhatCannotWork) {
  EXPECT_THAT(input_error({"target"}), HasSubstr("no built-in target"));
  FakeProcess fake({"chaperon", "target", "--port", "70000"});
  fake.process.serve_target = [](const auto&, const auto&, auto) {};
  EXPECT_EQ(fake.run(), 2);
  EXPECT_EQ(fake.err(), "error: --port 70000: a whole number from 0 to 65535 is needed\n");
}

TEST(CommandLine, TargetSaysWhereItListens) {
  FakeProcess fake({"chaperon", "target", "--port", "0", "--address", "0.0.0.0", "--threads", "2"});
  TargetOptions seen;
  fake.process.serve_target = [&](const TargetOptions& options, const auto& listening, std::stop_token) {
    seen = options;
    listening("http://0.0.0.0:1234");
  };
  EXPECT_EQ(fake.run(), 0);
  EXPECT_EQ(fake.out(), "listening on http://0.0.0.0:1234\n");
  EXPECT_THAT(fake.err(), HasSubstr("warning: the target listens on 0.0.0.0"));
  EXPECT_EQ(seen.port, 0);
  EXPECT_EQ(seen.threads, 2U);
}

TEST(CommandLine, ATargetThatCannotListenIsAnInputError) {
  FakeProcess fake({"chaperon", "target"});
  fake.process.serve_target = [](const auto&, const auto&, auto) {
    throw std::runtime_error("port 5000 is in use: --port");
  };
  EXPECT_EQ(fake.run(), 2);
  EXPECT_EQ(fake.err(), "error: port 5000 is in use: --port\n");
}

TEST(CommandLine, AFaultOfItsOwnIsExitCode70) {
  FakeProcess fake({"chaperon", "target"});
  fake.process.serve_target = [](const auto&, const auto&, auto) { throw std::logic_error("a bug"); };
  EXPECT_EQ(fake.run(), 70);
  EXPECT_EQ(fake.err(), "error: a bug\n");
}

TEST(CommandLine, NewWritesAFileAndNeverReplacesOne) {
  const test::TempDir directory;
  const auto before = std::filesystem::current_path();
  std::filesystem::current_path(directory.path());
  FakeProcess fake({"chaperon", "new", "my-shop"});
  EXPECT_EQ(fake.run(), 0) << fake.err();
  EXPECT_EQ(fake.out(),
            "wrote my-shop.cpp: one scenario, one load test, 10 users\n\n"
            "  try it    chaperon run my-shop.cpp --target      against the built-in server\n"
            "  yours     chaperon run my-shop.cpp --base-url http://localhost:8080\n");
  const auto text = test::read_file(directory / "my-shop.cpp");
  EXPECT_THAT(text, AllOf(HasSubstr("struct MyShopUser {"), HasSubstr("CHAPERON_LOAD_TEST(MyShopTest)"),
                          Not(HasSubstr("@"))));
  test::write_file(directory / "my-shop.cpp", "mine");
  EXPECT_EQ(input_error({"new", "my-shop"}), "error: my-shop.cpp exists: choose another name or remove it\n");
  EXPECT_EQ(test::read_file(directory / "my-shop.cpp"), "mine");
  for (const auto* name : {"9lives", "a b", "../x", "a/b", "shop.txt", "-"}) {
    EXPECT_THAT(input_error({"new", "--", name}), HasSubstr("is no name for a scenario file")) << name;
  }
  std::filesystem::current_path(before);
}

TEST(StarterFile, NamesAreValidTypes) {
  EXPECT_EQ(camel_case("shop"), "Shop");
  EXPECT_EQ(camel_case("my-shop_2"), "MyShop2");
  EXPECT_EQ(camel_case("myShop"), "MyShop");
  EXPECT_EQ(camel_case("2shop"), "");
  EXPECT_EQ(camel_case("été"), "");
  EXPECT_THAT(starter_file("shop-test"), HasSubstr("struct ShopTest {"));
  EXPECT_THAT(starter_file("load-test"), HasSubstr("struct LoadTest {"));
}

TEST(CommandLine, AProgramWithoutLoadTestsSaysSo) {
  FakeProcess fake({"./program"});
  EXPECT_EQ(fake.run_as_program(), 2);
  EXPECT_THAT(fake.err(), HasSubstr("./program defines no load test: add CHAPERON_LOAD_TEST"));
}

}  // namespace
}  // namespace chaperon::cli
