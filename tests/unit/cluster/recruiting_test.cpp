#include "cluster/recruiting.hpp"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace chaperon::cluster {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

Member member(const std::string& name, unsigned loops = 1) {
  return {.info = {.name = name, .epoch = 1, .loops = loops, .abi = platform()}};
}

std::map<std::string, Member> members(const std::vector<Member>& all) {
  std::map<std::string, Member> by_name;
  for (const auto& one : all)
    by_name.emplace(one.info.name, one);
  return by_name;
}

// What is said while a run waits for that many.
std::string waiting(const std::vector<Member>& all, CoordinatorOptions options) {
  options.abi = platform();
  return waiting_text(candidates(members(all), options), options);
}

std::string changed(const std::string& key, const std::string& value) {
  auto abi = platform();
  const auto begin = abi.find(key + "=");
  return abi.replace(begin, abi.find('\n', begin) - begin, key + "=" + value);
}

TEST(Recruiting, SaysWhoIsThereAndWhyOthersAreNotUsed) {
  EXPECT_EQ(waiting({}, {}),
            "waiting for a worker: there is none yet: 'chaperon worker --nats URL' starts one");
  EXPECT_EQ(waiting({member("w1")}, {.workers = 2}), "waiting for 2 workers: w1 is ready");
  EXPECT_EQ(waiting({member("w2"), member("w1")}, {.workers = 3}), "waiting for 3 workers: w1, w2 are ready");

  auto busy = member("busy");
  busy.info.run = "3f2a9c01";
  // Who only looks on is not among them.
  auto idle = member("idle");
  idle.info.works = false;
  auto none = member("none", 0);
  EXPECT_EQ(waiting({busy, idle, none}, {.workers = 1}),
            "waiting for a worker: busy is busy with run 3f2a9c01; none has no event loops");
}

TEST(Recruiting, OfManyAFewAreNamed) {
  std::vector<Member> many;
  for (const char* const name : {"a", "b", "c", "d", "e"})
    many.push_back(member(name));
  EXPECT_EQ(waiting(many, {.workers = 9}), "waiting for 9 workers: a, b, c and 2 more are ready");
  for (auto& one : many)
    one.info.run = "r";
  EXPECT_EQ(waiting(many, {.workers = 2}),
            "waiting for 2 workers: a is busy with run r; b is busy with run r; c is busy with run r; 5 "
            "in all are not used");
}

TEST(Recruiting, LabelsAreAllWanted) {
  auto eu = member("eu");
  eu.info.labels = {{"region", "eu"}, {"size", "big"}};
  auto us = member("us");
  us.info.labels = {{"region", "us"}, {"size", "big"}};
  EXPECT_EQ(waiting({eu, us, member("bare")}, {.workers = 2, .labels = {{"region", "eu"}, {"size", "big"}}}),
            "waiting for 2 workers with region=eu, size=big: eu is ready; bare has no label region; us has "
            "the label "
            "region=us, not region=eu");
}

TEST(Recruiting, AnotherVersionOrMachineIsRefused) {
  auto old = member("old");
  old.info.abi = changed("Chaperon", "0.0.1");
  auto arm = member("arm");
  arm.info.abi = changed("architecture", "aarch64");
  auto strange = member("strange");
  strange.info.abi = "";
  CoordinatorOptions options{.abi = platform()};
  const auto found = candidates(members({old, arm, strange, member("w1")}), options);
  ASSERT_THAT(found.fit, SizeIs(1));
  EXPECT_EQ(found.fit[0].info.name, "w1");
  EXPECT_THAT(found.unfit.at("old"), testing::StartsWith("is refused: it has Chaperon 0.0.1 instead of "));
  EXPECT_THAT(found.unfit.at("arm"),
              testing::StartsWith("is refused: it has architecture aarch64 instead of "));
  EXPECT_THAT(found.unfit.at("strange"),
              testing::StartsWith("is refused: it has architecture unknown instead of "));
}

TEST(Recruiting, LoopsAreGivenOutInTurn) {
  const auto seats = seats_of({member("w1", 1), member("w2", 3), member("w3", 2)});
  ASSERT_THAT(seats, SizeIs(3));
  EXPECT_THAT(seats[0].loops, ElementsAre(0U));
  EXPECT_THAT(seats[1].loops, ElementsAre(1U, 3U, 5U));
  EXPECT_THAT(seats[2].loops, ElementsAre(2U, 4U));
  EXPECT_EQ(seats[1].worker, "w2");
  EXPECT_EQ(seats[1].epoch, 1U);
  EXPECT_THAT(seats_of({}), IsEmpty());
}

}  // namespace
}  // namespace chaperon::cluster
