#include "target/request_counts.hpp"

#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace chaperon::target {
namespace {

TEST(RequestCounts, CountsByMethodAndPath) {
  RequestCounts counts;
  counts.add("GET", "/a");
  counts.add("GET", "/a");
  counts.add("POST", "/a");
  EXPECT_EQ(counts.to_json(), Json({{"GET /a", 2}, {"POST /a", 1}}));
  counts.reset();
  EXPECT_EQ(counts.to_json(), Json::object());
}

TEST(RequestCounts, CountsFurtherKeysTogether) {
  RequestCounts counts;
  for (std::size_t i = 0; i < RequestCounts::kMaxKeys + 5; ++i)
    counts.add("GET", "/" + std::to_string(i));
  counts.add("GET", "/0");
  const Json json = counts.to_json();
  EXPECT_EQ(json.size(), RequestCounts::kMaxKeys + 1);
  EXPECT_EQ(json["(other)"], 5);
  EXPECT_EQ(json["GET /0"], 2);
  counts.reset();
  EXPECT_EQ(counts.to_json(), Json::object());
}

TEST(RequestCounts, LosesNothingBetweenThreads) {
  RequestCounts counts;
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back([&counts] {
        for (int i = 0; i < 1000; ++i)
          counts.add("GET", "/a");
      });
    }
  }
  EXPECT_EQ(counts.to_json(), Json({{"GET /a", 4000}}));
}

}  // namespace
}  // namespace chaperon::target
