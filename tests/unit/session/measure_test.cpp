// Session: time, time_since, add_metric, run_action.
#include <stdexcept>

#include "session_fixture.hpp"

namespace chaperon::session {
namespace {

class MeasureTest : public SessionTest {};

using ::testing::ElementsAre;

TEST_F(MeasureTest, TimeRecordsHowLongACallTookAndReturnsItsValue) {
  run_ok([](Session& s) {
    const auto value = s.time("login", [&] {
      s.delay(4ms);
      return std::make_unique<int>(3);
    });
    EXPECT_EQ(*value, 3);
    s.time("login", [&] { s.delay(2ms); });
  });
  const auto recorded = results();
  EXPECT_THAT(row_names(recorded), ElementsAre("A login"));
  EXPECT_EQ(recorded.metrics[0].count(), 2U);
  EXPECT_EQ(recorded.metrics[0].min(), 2.0);
  EXPECT_EQ(recorded.metrics[0].max(), 4.0);
  EXPECT_EQ(recorded.metrics[0].mean(), 3.0);
}

TEST_F(MeasureTest, TimeOfWhatThrowsIsAnErrorRow) {
  run_ok([](Session& s) {
    EXPECT_THROW(s.time("login", [] { throw std::runtime_error("no"); }), std::runtime_error);
    EXPECT_THROW(static_cast<void>(s.time("login", []() -> int { throw std::runtime_error("no"); })),
                 std::runtime_error);
  });
  const auto recorded = results();
  EXPECT_THAT(row_names(recorded), ElementsAre("A Error exception login"));
  EXPECT_EQ(recorded.metrics[0].count(), 2U);
}

TEST_F(MeasureTest, TimeSinceRecordsFromAnInstantUntilNow) {
  run_ok([](Session& s) {
    const auto start = s.now();
    s.delay(7ms).time_since(start, "round_trip");
  });
  const auto recorded = results();
  EXPECT_THAT(row_names(recorded), ElementsAre("A round_trip"));
  EXPECT_EQ(recorded.metrics[0].max(), 7.0);
  EXPECT_EQ(recorded.metrics[0].kind(), MetricKind::duration);
}

TEST_F(MeasureTest, AddMetricTakesADurationOrANumber) {
  run_ok([](Session& s) {
    s.add_metric("wait", 1500us).add_metric("wait", 1s);
    s.add_metric("items", 3).add_metric("items", 0.5).add_metric("items", std::size_t{1000});
  });
  const auto recorded = results();
  EXPECT_THAT(row_names(recorded), ElementsAre("A items", "A wait"));
  const auto& items = recorded.metrics[0];
  EXPECT_EQ(items.kind(), MetricKind::number);
  EXPECT_EQ(items.count(), 3U);
  EXPECT_EQ(items.min(), 0.5);
  EXPECT_EQ(items.max(), 1000.0);
  EXPECT_DOUBLE_EQ(items.mean(), 1003.5 / 3);
  const auto& wait = recorded.metrics[1];
  EXPECT_EQ(wait.kind(), MetricKind::duration);
  EXPECT_EQ(wait.count(), 2U);
  EXPECT_EQ(wait.min(), 1.5);
  EXPECT_EQ(wait.max(), 1000.0);
}

struct Checkout {
  bool fails = false;
  [[nodiscard]] std::string_view name() const { return "checkout"; }
  void run(Session& session) const {
    session.delay(6ms);
    if (fails) throw std::runtime_error("declined");
  }
};

TEST_F(MeasureTest, RunActionIsTracedByItsName) {
  run_ok([](Session& s) {
    Checkout checkout;
    s.run_action(checkout).run_action(Checkout());
  });
  const auto recorded = results();
  EXPECT_THAT(row_names(recorded), ElementsAre("A checkout"));
  EXPECT_EQ(recorded.metrics[0].count(), 2U);
  EXPECT_EQ(recorded.metrics[0].min(), 6.0);
}

TEST_F(MeasureTest, AFailingActionIsAnErrorRowAndItsExceptionPasses) {
  const auto& state = run([](Session& s) { s.run_action(Checkout{.fails = true}); });
  EXPECT_EQ(state.outcome, Outcome::failed);
  EXPECT_EQ(state.outcome_reason, "std::runtime_error: declined");
  const auto recorded = results();
  EXPECT_THAT(row_names(recorded), ElementsAre("A Error exception checkout"));
  EXPECT_EQ(recorded.metrics[0].max(), 6.0);
}

TEST_F(MeasureTest, ATracedCallThatIsCutOffIsCancelled) {
  A::script.run = [](Session& s) { s.call_traced("waiting", [](Session& t) { t.delay(1h); }); };
  auto& state = start(scenario<A>);
  cancel_after(2s, state);
  run_all();
  const auto recorded = results();
  EXPECT_THAT(row_names(recorded), ElementsAre("A Error cancelled call(waiting)"));
  EXPECT_EQ(recorded.metrics[0].max(), 2000.0);
  EXPECT_EQ(context.errors.groups().at(0).example, "Ctrl-C");
}

TEST_F(MeasureTest, RowsBearTheNameFromTheTable) {
  A::script.run = [](Session& s) {
    EXPECT_EQ(s.name(), "crowd");
    s.add_metric("n", 1);
  };
  start(scenario<A>, Json::object(), "crowd");
  run_all();
  EXPECT_THAT(row_names(results()), ElementsAre("crowd n"));
}

}  // namespace
}  // namespace chaperon::session
