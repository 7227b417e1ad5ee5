// What tasks and signals cost: on a loop that waits for nothing else, epoll included.
#include <memory>
#include <string>

#include <benchmark/benchmark.h>

#include <chaperon/chaperon.hpp>

#include "runtime/epoll_reactor.hpp"
#include "session/loop_context.hpp"
#include "session/state.hpp"

namespace chaperon::session {
namespace {

using Body = std::function<void(Session&)>;

struct Measured {
  static inline Body body;
  static void run(Session& session) { body(session); }
};

// Runs one session of its own loop to its end.
class OneSession final : public Owner {
 public:
  void run(Body body) {
    Measured::body = std::move(body);
    profile_.name = "Measured";
    profile_.settings = Settings::from_config(profile_.config);
    State state(context_, profile_, scenario<Measured>.parts(), 1, *this);
    if (!state.start()) throw std::bad_alloc();
    while (!ended_)
      loop_.turn();
  }

 private:
  void session_ended(State& state) override {
    ended_ = true;
    if (state.outcome != Outcome::ok) throw std::runtime_error(state.outcome_reason);
    loop_.reactor().wake();
  }
  void task_abandoned(std::unique_ptr<State> /*task*/) override {}

  Clock clock_;
  runtime::EpollReactor reactor_{clock_};
  runtime::EventLoop loop_{clock_, reactor_};
  runtime::BlockingPool blocking_;
  LoopContext context_{loop_, std::make_shared<net::DnsCache>(), {}, {}, blocking_, clock_.now()};
  Profile profile_{.name = {}, .config = Json::object(), .settings = {}};
  bool ended_ = false;
};

void nothing(Session& /*session*/) {}

void async_and_await(benchmark::State& state) {
  OneSession().run([&](Session& session) {
    for (auto _ : state)
      session.async<nothing>().await<nothing>();
  });
}
BENCHMARK(async_and_await);

void async_and_await_with_config_of_its_own(benchmark::State& state) {
  OneSession().run([&](Session& session) {
    session.set_config({{"a", 1}, {"b", "text"}, {"c", true}}).assign("token", "0123456789abcdef");
    for (auto _ : state)
      session.async<nothing>().await<nothing>();
  });
}
BENCHMARK(async_and_await_with_config_of_its_own);

void a_thousand_tasks_at_once(benchmark::State& state) {
  OneSession().run([&](Session& session) {
    for (auto _ : state) {
      for (int i = 0; i < 1000; ++i)
        session.async<nothing>();
      session.await<nothing>();
    }
  });
  state.SetItemsProcessed(state.iterations() * 1000);
}
BENCHMARK(a_thousand_tasks_at_once);

void signal_there_and_back(benchmark::State& state) {
  OneSession().run([&](Session& session) {
    session.async("echo", [](Session& task) {
      for (bool more = true; more;) {
        task.await_signal(
            [&](Session& s, const Json& value) {
              more = value != "stop";
              if (more) s.signal_parent(value);
            },
            1h);
      }
    });
    const Json value = 1;
    for (auto _ : state)
      session.signal("echo", value).await_signal(value);
    session.signal("echo", "stop");
  });
}
BENCHMARK(signal_there_and_back);

}  // namespace
}  // namespace chaperon::session
