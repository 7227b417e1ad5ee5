// Run: a share of a load test's loops, measurements taken meanwhile, users of other loops.
#include <algorithm>
#include <atomic>
#include <set>

#include "load_test/run.hpp"
#include "load_test_fixture.hpp"
#include "runtime/sanitizers.hpp"

namespace chaperon::load_test {
namespace {

struct Counts {
  static void run(Session& session) { session.add_metric("n", 1); }
};
struct WaitsForRelease {
  static inline std::atomic<bool> released = false;
  static void run(Session& session) {
    session.add_metric("before", 1);
    while (!released)
      session.delay(1ms);
    session.add_metric("after", 1);
  }
};

class ShareTest : public ::testing::Test {
 protected:
  ShareTest() { WaitsForRelease::released = false; }
  void make(Scenarios table, RunSettings settings) {
    plan_ = Plan::make(load_test(std::move(table)), {});
    settings.list_ended_users = true;
    run_ = std::make_unique<load_test::Run>(plan_, std::move(settings));
  }
  /// Takes measurements until `done(of all so far)`.
  template <class Done>
  void take_until(Done done) {
    while (!done())
      all_.merge(run_->take(1s).second);
  }
  [[nodiscard]] std::set<std::uint64_t> ended() const {
    return {all_.ended_users.begin(), all_.ended_users.end()};
  }
  [[nodiscard]] std::uint64_t samples(std::string_view action) const {
    std::uint64_t count = 0;
    all_.metrics.for_each([&](const metrics::Name& name, const metrics::Histogram& histogram) {
      if (name.action == action) count += histogram.count();
    });
    return count;
  }

  Plan plan_;
  std::unique_ptr<load_test::Run> run_;
  Measurements all_;
};

TEST_F(ShareTest, OnlyTheUsersOfItsLoopsRun) {
  make({{12 * scenario<Counts>, {}}}, {.total_loops = 4, .loops = {1, 2}});
  run_->begin(std::chrono::steady_clock::now());
  take_until([&] { return all_.ended_users.size() == 6; });
  all_.merge(run_->finish());
  EXPECT_EQ(ended(), (std::set<std::uint64_t>{1, 2, 5, 6, 9, 10}));
  EXPECT_EQ(all_.sessions().ok, 6U);
  EXPECT_EQ(samples("n"), 6U);
}

TEST_F(ShareTest, NothingStartsBeforeItsMoment) {
  make({{4 * scenario<Counts>, {}}}, {.total_loops = 1, .loops = {0}});
  const Instant start = std::chrono::steady_clock::now() + 50ms;
  run_->begin(start);
  take_until([&] { return all_.ended_users.size() == 4; });
  all_.merge(run_->finish());
  EXPECT_GE(all_.first_start, start);
}

TEST_F(ShareTest, WhatIsTakenIsTakenOnceAndAddsUp) {
  make({{10 * scenario<WaitsForRelease>, {}}}, {.total_loops = 2, .loops = {0, 1}});
  run_->begin(std::chrono::steady_clock::now());
  take_until([&] { return samples("before") == 10; });
  EXPECT_EQ(run_->take(1s).first.live, 10U);
  EXPECT_EQ(samples("after"), 0U);
  WaitsForRelease::released = true;
  take_until([&] { return all_.ended_users.size() == 10; });
  all_.merge(run_->finish());
  EXPECT_EQ(samples("before"), 10U);
  EXPECT_EQ(samples("after"), 10U);
  EXPECT_EQ(all_.sessions().ok, 10U);
  EXPECT_EQ(ended().size(), 10U);
}

TEST_F(ShareTest, UsersOfOtherLoopsAreTakenOver) {
  make({{3 * scenario<Counts>, "first", {}}, {9 * scenario<Counts>, "second", {}}},
       {.total_loops = 4, .loops = {0}});
  run_->begin(std::chrono::steady_clock::now());
  run_->take_over({1, 2, 11});
  take_until([&] { return all_.ended_users.size() == 6; });
  all_.merge(run_->finish());
  EXPECT_EQ(ended(), (std::set<std::uint64_t>{0, 1, 2, 4, 8, 11}));
  ASSERT_EQ(all_.sessions_by_entry.size(), 2U);
  EXPECT_EQ(all_.sessions_by_entry[0].ok, 3U);
  EXPECT_EQ(all_.sessions_by_entry[1].ok, 3U);
}

TEST_F(ShareTest, UsersTakenOverWhenAllIsCancelledAreCountedAsCancelled) {
  make({{8 * scenario<WaitsForRelease>, {}}}, {.total_loops = 2, .loops = {0}});
  run_->begin(std::chrono::steady_clock::now());
  take_until([&] { return samples("before") == 4; });
  run_->cancel_all(session::Outcome::cancelled, "enough");
  run_->take_over({1, 3});
  take_until([&] { return all_.ended_users.size() == 6; });
  all_.merge(run_->finish());
  EXPECT_EQ(all_.sessions().cancelled, 6U);
}

#ifndef CHAPERON_TSAN  // which misses the end of the threads that are left behind
// A loop that stands still can be left, and nothing of it is destroyed.
TEST_F(ShareTest, LoopsBehindTheirFenceStartNothing) {
  static runtime::Fence fence;
  fence.extend(std::chrono::steady_clock::now() + 1h);
  make({{2 * scenario<WaitsForRelease>, {}}}, {.total_loops = 1, .loops = {0}, .fence = &fence});
  run_->begin(std::chrono::steady_clock::now());
  take_until([&] { return samples("before") == 2; });
  fence.close();
  WaitsForRelease::released = true;
  EXPECT_FALSE(run_->wait(std::chrono::steady_clock::now() + 20ms));
  EXPECT_EQ(run_->take(20ms).second.ended_users.size(), 0U);
  // What stands still must not be destroyed: on purpose.
  [[maybe_unused]] static const auto* left_behind = run_.release();
}
#endif

}  // namespace
}  // namespace chaperon::load_test
