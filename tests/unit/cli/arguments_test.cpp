#include "cli/arguments.hpp"

#include <gmock/gmock.h>

#include <chaperon/errors.hpp>

#include "process_fixture.hpp"

namespace chaperon::cli {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::ThrowsMessage;

struct Parsed {
  std::string file, name, output;
  std::vector<std::string> config;
  std::optional<std::string> body;
  bool target = false;
  bool goes_on = false;
  std::string out;
};

Parsed parse(const std::vector<std::string>& words) {
  FakeProcess fake({});
  Parsed parsed;
  Arguments arguments("chaperon run", "FILE [NAME] [OPTIONS]", "Runs.", {"chaperon run a.cpp"});
  arguments.positional("FILE", parsed.file, true, "the file");
  arguments.positional("NAME", parsed.name, false, "the name");
  arguments.option("-o,--output", parsed.output, "FILE", "where to");
  arguments.repeated("--config", parsed.config, "KEY=VALUE", "a value");
  arguments.option("-b,--body", parsed.body, "TEXT", "what to send");
  arguments.flag("--target", parsed.target, "the target");
  parsed.goes_on = arguments.parse(words, fake.process);
  parsed.out = fake.out();
  return parsed;
}

TEST(Arguments, OptionsMayStandAnywhere) {
  const auto parsed =
      parse({"--config", "a=1", "shop.cpp", "--config", "b=2", "ShopTest", "--target", "--output=m.csv"});
  EXPECT_EQ(parsed.file, "shop.cpp");
  EXPECT_EQ(parsed.name, "ShopTest");
  EXPECT_THAT(parsed.config, ElementsAre("a=1", "b=2"));
  EXPECT_EQ(parsed.output, "m.csv");
  EXPECT_TRUE(parsed.target);
  EXPECT_TRUE(parsed.goes_on);
}

TEST(Arguments, AFlagTakesNoValueWhateverFollows) {
  const auto parsed = parse({"a.cpp", "--target", "--output", "m.csv"});
  EXPECT_TRUE(parsed.target);
  EXPECT_EQ(parsed.output, "m.csv");
}

TEST(Arguments, RepeatedOptionsTakeOneValueEach) {
  const auto parsed = parse({"--config", "a=1", "shop.cpp"});
  EXPECT_THAT(parsed.config, ElementsAre("a=1"));
  EXPECT_EQ(parsed.file, "shop.cpp");
  EXPECT_THAT(parse({"a.cpp"}).config, IsEmpty());
}

TEST(Arguments, ValuesMayBeginWithADash) {
  EXPECT_EQ(parse({"a.cpp", "-o", "-"}).output, "-");
  EXPECT_THAT(parse({"a.cpp", "--config", "-x=-1"}).config, ElementsAre("-x=-1"));
  EXPECT_EQ(parse({"--", "-a.cpp"}).file, "-a.cpp");
}

TEST(Arguments, AnOptionMayTakeAnEmptyValueForOne) {
  EXPECT_EQ(parse({"a.cpp"}).body, std::nullopt);
  EXPECT_EQ(parse({"a.cpp", "-b", ""}).body, "");
  EXPECT_EQ(parse({"a.cpp", "--body="}).body, "");
  EXPECT_EQ(parse({"a.cpp", "--body=x y"}).body, "x y");
}

TEST(Arguments, ErrorsNameTheArgumentAndTheHelp) {
  const auto error = [](const std::vector<std::string>& words, const std::string& text) {
    EXPECT_THAT([&] { parse(words); }, ThrowsMessage<InputError>(text + ": see 'chaperon run --help'"));
  };
  error({}, "FILE is missing");
  error({"a.cpp", "--ouptut", "x"}, "unknown option --ouptut (did you mean --output?)");
  error({"a.cpp", "--xyzzy"}, "unknown option --xyzzy");
  error({"a.cpp", "-z"}, "unknown option -z");
  error({"a.cpp", "B", "C"}, "argument \"C\" is one too many");
  error({"a.cpp", "--output"}, "option --output needs a value");
  error({"a.cpp", "--config"}, "option --config needs a value");
  error({"a.cpp", "--output", "--target"}, "option --output needs a value, but --target follows");
  error({"a.cpp", "--target=5"}, "option --target takes no value");
  error({"a.cpp", "--target="}, "option --target takes no value");
  error({""}, "FILE is empty");
  error({"a.cpp", "-o", ""}, "option --output has an empty value: give it one, or leave it out");
  error({"a.cpp", "--output="}, "option --output has an empty value: give it one, or leave it out");
  error({"a.cpp", "--config", "a=1", "--config", ""},
        "option --config has an empty value: give it one, or leave it out");
  error({"a.cpp", "-o", "x", "-o", "y"}, "option --output may be given only once");
}

TEST(Arguments, HelpIsWrittenToStdoutAndEndsIt) {
  const auto parsed = parse({"--help"});
  EXPECT_FALSE(parsed.goes_on);
  EXPECT_EQ(parsed.out,
            "Runs.\n\nusage: chaperon run FILE [NAME] [OPTIONS]\n"
            "\narguments\n"
            "  FILE                      the file\n"
            "  NAME                      the name\n"
            "\noptions\n"
            "  -o, --output FILE         where to\n"
            "      --config KEY=VALUE    a value\n"
            "  -b, --body TEXT           what to send\n"
            "      --target              the target\n"
            "  -h, --help                this text\n"
            "\nexamples\n  chaperon run a.cpp\n");
  EXPECT_FALSE(parse({"a.cpp", "--unknown", "-h"}).goes_on);
}

}  // namespace
}  // namespace chaperon::cli
