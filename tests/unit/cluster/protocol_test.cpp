#include "cluster/protocol.hpp"

#include <algorithm>
#include <functional>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/bytes.hpp"

namespace chaperon::cluster {
namespace {

using ::testing::HasSubstr;
using ::testing::Lt;
using ::testing::Not;
using ::testing::SizeIs;

Command prepare() {
  return {
      .kind = Command::Kind::prepare,
      .run = "3f2a9c01",
      .epoch = 17,
      .coordinator = "vm-1",
      .artifact = std::string(64, 'a'),
      .library_name = "shop.cpp",
      .load_test = "ShopTest",
      .config = {{"users", 10}, {"deep", {{"x", nullptr}}}},
      .base_url = "http://127.0.0.1:5000",
      .seed = 18'446'744'073'709'551'615U,
      .stack_size = 262'144,
      .metrics = {"get", "post"},
      .log_level = "debug",
      .seats = {{.worker = "w1", .epoch = 17, .loops = {0, 2}}, {.worker = "w2", .epoch = 18, .loops = {1}}}};
}

std::vector<Command> commands() {
  std::vector<Command> all{prepare()};
  const auto add = [&](Command command) {
    command.run = "r1";
    command.epoch = 5;
    command.coordinator = "somebody";
    all.push_back(std::move(command));
  };
  add({.kind = Command::Kind::start, .start_at = -9'223'372'036'854'775'807});
  add({.kind = Command::Kind::take_over, .users = {1, 4, 7, 10, 11, 1'000'000'000'000}});
  add({.kind = Command::Kind::lost, .worker = "w2"});
  add({.kind = Command::Kind::cancel, .outcome = "timed out", .reason = "load_test_timeout 1 s"});
  add({.kind = Command::Kind::finish});
  add({.kind = Command::Kind::leave, .reason = "\"quoted\"\nand more"});
  return all;
}

Report report() {
  return {.kind = Report::Kind::finished,
          .run = "3f2a9c01",
          .worker = "w1",
          .epoch = 17,
          .sequence = 42,
          .reason = "because",
          .users = 10,
          .table = std::string(64, 'b'),
          .waiting = 3,
          .live = 7,
          .busiest_loop = 0.25,
          .busiest_loop_of_run = 0.125,
          .log_lines_dropped = 9,
          .measurements = std::string("\0\n\xff{", 4)};
}

std::string refusal(const std::function<void()>& decode) {
  try {
    decode();
  } catch (const MalformedBytes& error) {
    return error.what();
  }
  ADD_FAILURE() << "it was taken";
  return {};
}

// Each object that has one of the keys less, at any depth.
std::vector<Json> with_one_less(const Json& json) {
  std::vector<Json> all;
  if (json.is_object()) {
    for (const auto& [key, value] : json.items()) {
      auto less = json;
      less.erase(key);
      all.push_back(less);
      for (auto& changed : with_one_less(value)) {
        auto copy = json;
        copy[key] = std::move(changed);
        all.push_back(std::move(copy));
      }
    }
  } else if (json.is_array()) {
    for (std::size_t i = 0; i < json.size(); ++i) {
      for (auto& changed : with_one_less(json[i])) {
        auto copy = json;
        copy[i] = std::move(changed);
        all.push_back(std::move(copy));
      }
    }
  }
  return all;
}

// Each value replaced by one of another type.
std::vector<Json> with_another_type(const Json& json) {
  std::vector<Json> all;
  for (const auto& [key, value] : json.items()) {
    for (const auto& other :
         {Json(), Json(Json::array({Json::array()})), Json::object({{"a", 1}}), Json("text"), Json(true)}) {
      if (other.type() == value.type()) continue;
      auto changed = json;
      changed[key] = other;
      all.push_back(std::move(changed));
    }
  }
  return all;
}

TEST(Protocol, CommandsComeBack) {
  for (const auto& command : commands()) {
    const auto back = decode_command(encode(command));
    EXPECT_EQ(encode(back), encode(command));
    EXPECT_EQ(back.kind, command.kind);
    EXPECT_EQ(back.run, command.run);
    EXPECT_EQ(back.epoch, command.epoch);
    EXPECT_EQ(back.config, command.config);
    EXPECT_EQ(back.seed, command.seed);
    EXPECT_EQ(back.seats, command.seats);
    EXPECT_EQ(back.start_at, command.start_at);
    EXPECT_EQ(back.users, command.users);
    EXPECT_EQ(back.worker, command.worker);
    EXPECT_EQ(back.outcome, command.outcome);
    EXPECT_EQ(back.reason, command.reason);
  }
}

TEST(Protocol, UsersOfACommandAreSortedAndShort) {
  Command command{.kind = Command::Kind::take_over, .run = "r", .epoch = 1};
  for (std::uint64_t user = 20'000; user > 0; --user)
    command.users.push_back(3 * user);
  const auto text = encode(command);
  EXPECT_THAT(text, SizeIs(Lt(200U)));
  auto users = command.users;
  std::ranges::sort(users);
  EXPECT_EQ(decode_command(text).users, users);
}

TEST(Protocol, ACommandThatLacksSomethingIsRefused) {
  for (const auto& command : commands()) {
    for (const auto& less : with_one_less(Json::parse(encode(command)))) {
      // What is in the config is the load test's.
      if (command.kind == Command::Kind::prepare && less.contains("config") &&
          less.at("config") != command.config)
        continue;
      refusal([&] { decode_command(less.dump()); });
    }
  }
}

TEST(Protocol, ACommandWithAValueOfAnotherTypeIsRefused) {
  for (const auto& command : commands()) {
    for (const auto& changed : with_another_type(Json::parse(encode(command)))) {
      try {
        const auto taken = decode_command(changed.dump());
        // A config may be anything, and nobody is an empty list of users.
        EXPECT_TRUE(command.kind == Command::Kind::prepare || taken.users.empty()) << changed;
      } catch (const MalformedBytes&) {
        continue;
      }
    }
  }
}

TEST(Protocol, SeatsAreWholeOrRefused) {
  const auto seated = [](std::vector<Seat> seats) {
    auto command = prepare();
    command.seats = std::move(seats);
    return encode(command);
  };
  EXPECT_EQ(decode_command(seated({{.worker = "w1", .epoch = 1, .loops = {1, 0}}})).seats.size(), 1U);
  for (const auto& seats : std::vector<std::vector<Seat>>{
           {},
           {{.worker = "w1", .epoch = 1, .loops = {}}},
           {{.worker = "", .epoch = 1, .loops = {0}}},
           {{.worker = "a.b", .epoch = 1, .loops = {0}}},
           {{.worker = "w1", .epoch = 1, .loops = {1}}},
           {{.worker = "w1", .epoch = 1, .loops = {0, 0}}},
           {{.worker = "w1", .epoch = 1, .loops = {0, 2}}},
           {{.worker = "w1", .epoch = 1, .loops = {4'294'967'295U}}},
           {{.worker = "w1", .epoch = 1, .loops = {0}}, {.worker = "w1", .epoch = 1, .loops = {1}}},
           {{.worker = "w1", .epoch = 1, .loops = {0}}, {.worker = "w2", .epoch = 1, .loops = {0}}}})
    EXPECT_THAT(refusal([&] { decode_command(seated(seats)); }), HasSubstr("a command")) << seated(seats);
}

TEST(Protocol, AListOfUsersIsBounded) {
  const auto with_users = [](const std::string& users) {
    return R"({"kind":"take_over","run":"r","epoch":1,"coordinator":"","users":)" + users + "}";
  };
  EXPECT_THAT(decode_command(with_users("[[5,0,1]]")).users, testing::ElementsAre(5U));
  EXPECT_THAT(decode_command(with_users("[]")).users, testing::IsEmpty());
  for (const auto* users :
       {"[[0,1,18446744073709551615]]", "[[0,1,1000000000]]", "[[18446744073709551615,1,2]]",
        "[[0,9223372036854775808,3]]", "[[0,1,600000],[0,1,600000]]", "[[0,1]]", "[0]", "[{}]",
        "[[\"0\",1,1]]", "[[0.5,1,1]]", "[[-1,1,1]]", "[[true,1,1]]"})
    refusal([&] { decode_command(with_users(users)); });
}

TEST(Protocol, NumbersAreThoseThatWereSent) {
  const auto with = [](const std::string& epoch, const std::string& start) {
    return R"({"kind":"start","run":"r","coordinator":"","epoch":)" + epoch + R"(,"start_at":)" + start + "}";
  };
  EXPECT_EQ(decode_command(with("18446744073709551615", "-9223372036854775808")).epoch, UINT64_MAX);
  for (const auto& text :
       {with("1e3", "0"), with("-1", "0"), with("1.5", "0"), with("true", "0"), with("1e999", "0"),
        with("18446744073709551616", "0"), with("1", "9223372036854775808"), with("1", "1.5"),
        with("1", "null"), with("1", "\"1\"")})
    refusal([&] { decode_command(text); });
  auto seats = Json::parse(encode(prepare()));
  seats["seats"] = {{{"worker", "w1"}, {"epoch", 1}, {"loops", {4'294'967'296U}}}};
  refusal([&] { decode_command(seats.dump()); });
}

TEST(Protocol, WhatIsNoMessageIsRefusedInAFewWords) {
  for (const auto& text :
       {std::string(), std::string("garbage"), std::string("{"), std::string("[]"), std::string("null"),
        std::string("{\"kind\":\"\x1b]0;x\x07\"}"), std::string("{\"kind\":\"\n\t\"}"),
        "{\"kind\":\"" + std::string(100'000, 'x') + "\"}", '"' + std::string(100'000, 'y'),
        std::string(100'000, '['),
        "{\"kind\":\"finish\",\"run\":\"" + std::string(100'000, 'z') +
            "\",\"epoch\":1,\"coordinator\":\"\"}",
        std::string("\0\0\0", 3), std::string("\xff\xfe{}")}) {
    for (const auto& why :
         {refusal([&] { decode_command(text); }), refusal([&] { decode_report(text + "\n"); }),
          refusal([&] { decode_report(text); })}) {
      EXPECT_THAT(why, SizeIs(Lt(400U)));
      for (const char c : why)
        EXPECT_TRUE(c >= ' ' && c < 0x7F) << why;
    }
    EXPECT_FALSE(decode_worker_info(text));
  }
}

TEST(Protocol, ReportsComeBack) {
  for (const auto kind :
       {Report::Kind::ready, Report::Kind::refused, Report::Kind::measured, Report::Kind::settled,
        Report::Kind::finished, Report::Kind::stopping, Report::Kind::busy}) {
    auto sent = report();
    sent.kind = kind;
    const auto back = decode_report(encode(sent));
    EXPECT_EQ(back.kind, kind);
    EXPECT_EQ(encode(back), encode(sent));
    EXPECT_EQ(back.measurements, sent.measurements);
  }
}

TEST(Protocol, AReportThatLacksSomethingIsRefused) {
  const auto text = encode(report());
  const auto head = Json::parse(text.substr(0, text.find('\n')));
  for (const auto& less : with_one_less(head))
    refusal([&] { decode_report(less.dump() + "\n"); });
  for (const auto* name : {"run", "worker"}) {
    auto changed = head;
    changed[name] = "no name";
    EXPECT_THAT(refusal([&] { decode_report(changed.dump() + "\n"); }), HasSubstr("without the names"));
  }
}

TEST(Protocol, AReasonCommandsNoTerminal) {
  auto sent = report();
  sent.reason = "one\ntwo \x1b[31m three\x07";
  EXPECT_EQ(decode_report(encode(sent)).reason, "one\ntwo ?[31m three?");
}

TEST(Protocol, LeasesComeBack) {
  const WorkerInfo info{.name = "w1",
                        .epoch = 3,
                        .loops = 8,
                        .labels = {{"region", "eu"}, {"größe", "groß"}},
                        .abi = "Chaperon=0.1.0\ncompiler=GCC 12\n",
                        .works = false,
                        .run = "3f2a9c01",
                        .doing = "ShopTest: 3 live"};
  EXPECT_EQ(decode_worker_info(encode(info)), info);
  for (const auto& less : with_one_less(Json::parse(encode(info)))) {
    if (less.contains("labels") && less.at("labels").size() != info.labels.size()) continue;
    EXPECT_FALSE(decode_worker_info(less.dump())) << less;
  }
}

TEST(Protocol, LeasesThatCannotBeAreNone) {
  const WorkerInfo good{.name = "w1", .epoch = 3, .loops = 8};
  ASSERT_TRUE(decode_worker_info(encode(good)));
  const auto is_refused = [&](const std::function<void(WorkerInfo&)>& change) {
    auto info = good;
    change(info);
    return !decode_worker_info(encode(info));
  };
  EXPECT_TRUE(is_refused([](auto& info) { info.name = ""; }));
  EXPECT_TRUE(is_refused([](auto& info) { info.name = "a b"; }));
  EXPECT_TRUE(is_refused([](auto& info) { info.name = std::string(65, 'x'); }));
  EXPECT_TRUE(is_refused([](auto& info) { info.run = "\x1b[2J"; }));
  EXPECT_TRUE(is_refused([](auto& info) { info.loops = 4'000'000'000U; }));
  EXPECT_TRUE(is_refused([](auto& info) { info.doing = "\x1b[2J"; }));
  EXPECT_TRUE(is_refused([](auto& info) { info.abi = "\x1b[2J"; }));
  EXPECT_TRUE(is_refused([](auto& info) { info.labels = {{"a", "\x07"}}; }));
  EXPECT_TRUE(is_refused([](auto& info) { info.labels = {{"\n", "a"}}; }));
}

TEST(Protocol, AClockReadingComesBackAndOthersAreRefused) {
  const auto back = decode_clock_reading(encode(ClockReading{.epoch = 42, .at = 123'456'789ns}));
  ASSERT_TRUE(back);
  EXPECT_EQ(back->epoch, 42U);
  EXPECT_EQ(back->at, 123'456'789ns);
  for (const auto* text : {"", "42", "42 ", " 1", "42 -1", "-1 42", "42 1x", "x 1", "42  1", "42 1 ",
                           "42 9223372036854775808", "18446744073709551616 1"})
    EXPECT_FALSE(decode_clock_reading(text)) << text;
}

TEST(Protocol, TheTimeOfAReportIsPossible) {
  for (const char* const elapsed : {"-1", "31536000000000001", "1.5", "null"}) {
    auto text = encode(Report{.run = "r", .worker = "w", .elapsed = 77ns});
    const auto at = text.find("\"elapsed\":77");
    ASSERT_NE(at, std::string::npos);
    text.replace(at + 10, 2, elapsed);
    EXPECT_THROW(decode_report(text), MalformedBytes) << elapsed;
  }
}

}  // namespace
}  // namespace chaperon::cluster
