// A request in the steady state allocates nothing on the heap.
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include <gtest/gtest.h>

#include <chaperon/chaperon.hpp>

#include "allocation/allocation_counter.hpp"
#include "runtime/epoll_reactor.hpp"
#include "session/loop_context.hpp"
#include "session/state.hpp"
#include "support/nginx_server.hpp"

namespace chaperon::session {
namespace {

using test::allocations;
using test::counting;

int warm_up = 0;
int measured = 0;
std::size_t counted = 0;

void count_while(Session& session, void (*action)(Session&)) {
  for (int i = 0; i < warm_up; ++i)
    action(session);
  allocations = 0;
  counting = true;
  for (int i = 0; i < measured; ++i)
    action(session);
  counting = false;
  counted = allocations;
}

struct Gets {
  static void run(Session& session) {
    count_while(session, [](Session& s) { s.get("/"); });
  }
};
struct Repeats {
  static void get(Session& session) { session.get("/"); }
  static void begin(Session&) {
    allocations = 0;
    counting = true;
  }
  static void run(Session& session) {
    session.repeat<get>(warm_up).call<begin>().repeat<get>(measured);
    counting = false;
    counted = allocations;
  }
};
struct Traces {
  static void get(Session& session) { session.get("/"); }
  static void run(Session& session) {
    count_while(session, [](Session& s) { static_cast<void>(s.call_traced<get>().response()); });
  }
};
// The clock stands still, so that no new latency needs a new bucket: what is left is what requests need.
class RequestAllocationTest : public ::testing::Test, public Owner {
 protected:
  std::size_t allocations_of(const Scenario& what, int requests) {
    warm_up = 100;
    measured = requests;
    counted = SIZE_MAX;
    ended_ = false;
    Clock clock(Instant{} + 1h);
    runtime::EpollReactor reactor(clock);
    runtime::EventLoop loop(clock, reactor);
    runtime::BlockingPool blocking;
    LoopContext context(loop, std::make_shared<net::DnsCache>(), {}, {}, blocking, clock.now());
    Profile profile;
    profile.name = what.name();
    profile.config = {{"base_url", server.url()}};
    profile.settings = Settings::from_config(profile.config);
    State state(context, profile, what.parts(), 1, *this);
    EXPECT_TRUE(state.start());
    while (!ended_) {
      loop.turn();
    }
    EXPECT_EQ(state.outcome, Outcome::ok) << state.outcome_reason;
    EXPECT_EQ(context.counters.responses, static_cast<std::uint64_t>(warm_up + requests));
    EXPECT_EQ(context.counters.errors, 0U);
    return counted;
  }

  test::NginxServer server;

 private:
  void task_abandoned(std::unique_ptr<State> /*task*/) override {}
  void session_ended(State& state) override {
    ended_ = true;
    // Else the turn would end with a wait for a timer that nobody needs any more.
    state.context.loop.reactor().wake();
  }
  bool ended_ = false;
};

TEST_F(RequestAllocationTest, TheCounterCounts) {
  counting = true;
  allocations = 0;
  const auto one = std::make_unique<std::string>(100, 'x');
  counting = false;
  EXPECT_EQ(allocations, 2U);
  EXPECT_EQ(one->size(), 100U);
}

TEST_F(RequestAllocationTest, AGetAllocatesNothing) {
  EXPECT_EQ(allocations_of(scenario<Gets>, 1000), 0U);
  EXPECT_EQ(allocations_of(scenario<Gets>, 2000), 0U);
}

TEST_F(RequestAllocationTest, ARepeatedGetAllocatesNothing) {
  EXPECT_EQ(allocations_of(scenario<Repeats>, 1000), 0U);
  EXPECT_EQ(allocations_of(scenario<Repeats>, 2000), 0U);
}

TEST_F(RequestAllocationTest, ATracedGetAllocatesNothing) {
  EXPECT_EQ(allocations_of(scenario<Traces>, 1000), 0U);
}

}  // namespace
}  // namespace chaperon::session
