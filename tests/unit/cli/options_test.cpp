#include "cli/options.hpp"

#include <fstream>

#include <gmock/gmock.h>

#include <chaperon/errors.hpp>

#include "support/temp_dir.hpp"

namespace chaperon::cli {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::ThrowsMessage;

Json config_of(const std::vector<std::string>& assignments) {
  Json config = Json::object();
  for (const auto& assignment : assignments)
    apply_config_option(config, assignment);
  return config;
}

TEST(Options, ConfigValuesAreJsonWhereTheyCanBe) {
  EXPECT_EQ(config_of({"a=1"}), Json::parse(R"({"a":1})"));
  EXPECT_EQ(config_of({"a=1.5s"}), Json::parse(R"({"a":"1.5s"})"));
  EXPECT_EQ(config_of({"a=true", "b=null"}), Json::parse(R"({"a":true,"b":null})"));
  EXPECT_EQ(config_of({R"(a={"x":[1]})"}), Json::parse(R"({"a":{"x":[1]}})"));
  EXPECT_EQ(config_of({"a="}), Json::parse(R"({"a":""})"));
  EXPECT_EQ(config_of({"a=b=c"}), Json::parse(R"({"a":"b=c"})"));
  EXPECT_EQ(config_of({R"(a="7")"}), Json::parse(R"({"a":"7"})"));
  EXPECT_EQ(config_of({"a={broken"}), Json::parse(R"({"a":"{broken"})"));
}

TEST(Options, ConfigKeysNestAtDots) {
  EXPECT_EQ(config_of({"echo.n=1", "echo.m=2"}), Json::parse(R"({"echo":{"n":1,"m":2}})"));
  EXPECT_EQ(config_of({"echo.n=1", R"(echo={"n":3})"}), Json::parse(R"({"echo":{"n":3}})"));
  EXPECT_EQ(config_of({"echo=1", "echo.n=2"}), Json::parse(R"({"echo":{"n":2}})"));
}

TEST(Options, MalformedConfigSaysWhatToWrite) {
  EXPECT_THAT([] { config_of({"users"}); },
              ThrowsMessage<InputError>(HasSubstr("write --config users=VALUE")));
  EXPECT_THAT([] { config_of({"=1"}); }, ThrowsMessage<InputError>(HasSubstr("empty part")));
  EXPECT_THAT([] { config_of({"a..b=1"}); }, ThrowsMessage<InputError>(HasSubstr("empty part")));
}

TEST(Options, ConfigFileMustHoldAnObject) {
  const test::TempDir directory;
  const auto file = directory / "config.json";
  test::write_file(file, R"({"users": 3})");
  EXPECT_EQ(read_config_file(file), Json::parse(R"({"users":3})"));
  test::write_file(file, "[1]");
  EXPECT_THAT([&] { read_config_file(file); },
              ThrowsMessage<InputError>(HasSubstr("holds an array, not an object")));
  test::write_file(file, "{\"a\": ");
  EXPECT_THAT([&] { read_config_file(file); }, ThrowsMessage<InputError>(HasSubstr("is not JSON")));
  test::write_file(file, "");
  EXPECT_THAT([&] { read_config_file(file); }, ThrowsMessage<InputError>(HasSubstr("is not JSON")));
  EXPECT_THAT([&] { read_config_file(directory / "none.json"); },
              ThrowsMessage<InputError>(HasSubstr("No such file or directory")));
  EXPECT_THAT([&] { read_config_file(directory.path()); },
              ThrowsMessage<InputError>(HasSubstr("is a directory")));
}

TEST(Options, Durations) {
  EXPECT_EQ(duration_option("-d", "500ms"), 500ms);
  EXPECT_EQ(duration_option("-d", "10s"), 10s);
  EXPECT_EQ(duration_option("-d", "1m30s"), 90s);
  EXPECT_EQ(duration_option("-d", "3"), 3s);
  EXPECT_EQ(duration_option("-d", "0.5"), 500ms);
  for (const auto* text : {"", "abc", "10x", "-1s", "10 s"}) {
    EXPECT_THAT([&] { duration_option("-d", text); }, ThrowsMessage<InputError>(HasSubstr("is no duration")))
        << text;
  }
  EXPECT_THAT([] { duration_option("-d", "0"); }, ThrowsMessage<InputError>(HasSubstr("more than zero")));
}

TEST(Options, Numbers) {
  EXPECT_EQ(positive_option("-c", "1", 10), 1U);
  EXPECT_EQ(positive_option("-c", "10", 10), 10U);
  for (const auto* text : {"0", "11", "-5", "1.5", "", "10k", " 1", "99999999999999999999999"}) {
    EXPECT_THAT([&] { positive_option("-c", text, 10); },
                ThrowsMessage<InputError>(HasSubstr("from 1 to 10")))
        << text;
  }
  EXPECT_EQ(seed_option("18446744073709551615"), 18446744073709551615U);
  EXPECT_THROW(seed_option("18446744073709551616"), InputError);
  EXPECT_THROW(seed_option("x"), InputError);
}

TEST(Options, StackSizes) {
  EXPECT_EQ(stack_size_option("262144"), 262144U);
  EXPECT_EQ(stack_size_option("512k"), 524288U);
  EXPECT_EQ(stack_size_option("1M"), 1048576U);
  for (const auto* text : {"", "k", "1", "15k", "2000M", "1G", "18446744073709551615k"}) {
    EXPECT_THAT([&] { stack_size_option(text); }, ThrowsMessage<InputError>(HasSubstr("--stack-size")))
        << text;
  }
}

TEST(Options, MetricsAreSplitAtCommas) {
  EXPECT_THAT(metrics_option({"get,call", "post"}), ElementsAre("get", "call", "post"));
  EXPECT_THAT(metrics_option({}), IsEmpty());
  EXPECT_THROW(metrics_option({"get,,call"}), InputError);
  EXPECT_THROW(metrics_option({"get,"}), InputError);
  EXPECT_THROW(metrics_option({""}), InputError);
}

TEST(Options, Headers) {
  EXPECT_EQ(header_option("Accept: text/html"), (Header{"Accept", "text/html"}));
  EXPECT_EQ(header_option("X:\t a: b \t"), (Header{"X", "a: b"}));
  EXPECT_EQ(header_option("X-Empty:"), (Header{"X-Empty", ""}));
  EXPECT_THAT([] { header_option("Accept"); }, ThrowsMessage<InputError>(HasSubstr("no colon")));
  EXPECT_THAT([] { header_option(": x"); }, ThrowsMessage<InputError>(HasSubstr("no header name")));
  EXPECT_THAT([] { header_option("A B: x"); }, ThrowsMessage<InputError>(HasSubstr("no header name")));
  EXPECT_THAT([] { header_option("A: x\r\nB: y"); }, ThrowsMessage<InputError>(HasSubstr("line break")));
}

TEST(Options, MethodsAreTokens) {
  EXPECT_EQ(method_option("post"), "POST");
  EXPECT_EQ(method_option("PROPFIND"), "PROPFIND");
  EXPECT_EQ(method_option("x-Custom"), "x-Custom");
  EXPECT_THROW(method_option(""), InputError);
  EXPECT_THROW(method_option("GET /"), InputError);
  EXPECT_THROW(method_option("G\r\nX"), InputError);
}

TEST(Options, LogLevels) {
  EXPECT_EQ(log_level_option("debug"), LogLevel::debug);
  EXPECT_THAT([] { log_level_option("loud"); },
              ThrowsMessage<InputError>(HasSubstr("debug, info, warn, error and off")));
}

TEST(Options, WordsAreSplitAsAShellDoes) {
  EXPECT_THAT(split_words("CXX", "ccache  g++"), ElementsAre("ccache", "g++"));
  EXPECT_THAT(split_words("CXX", " -DX=\"a b\" 'c\\d' e\\ f \"\" "),
              ElementsAre("-DX=a b", "c\\d", "e f", ""));
  EXPECT_THAT(split_words("CXX", ""), IsEmpty());
  EXPECT_THAT([] { split_words("--cxxflags", "-D\"x"); },
              ThrowsMessage<InputError>(HasSubstr("a quote is not closed")));
}

TEST(Options, NearestFindsSlips) {
  EXPECT_EQ(nearest("rnu", {"run", "new"}), "");  // two slips in a short word are too many
  EXPECT_EQ(nearest("ru", {"run", "new"}), "run");
  EXPECT_EQ(nearest("--ouptut", {"--output", "--format"}), "--output");
  EXPECT_EQ(nearest("--xyzzy", {"--output", "--format"}), "");
  EXPECT_EQ(nearest("x", {}), "");
}

TEST(Options, CommandsToCopyHaveTheirWordsInQuotesWhereNeeded) {
  EXPECT_EQ(shell_word("a/shop-1.cpp"), "a/shop-1.cpp");
  EXPECT_EQ(shell_word("my shop.cpp"), "\"my shop.cpp\"");
  EXPECT_EQ(shell_word("ann's $x"), "'ann'\\''s $x'");
  EXPECT_EQ(shell_word(""), "''");
}

}  // namespace
}  // namespace chaperon::cli
