// What can be done with tasks and signals, each at work.
//
//     chaperon run examples/tasks.cpp --target
#include <string>

#include <chaperon/chaperon.hpp>

using namespace chaperon;

struct Coordinator {
  static void run(Session& session) {
    session.call<several>()
        .call<limits>()
        .call<heartbeats>()
        .call<signals>()
        .call<failures>()
        .call<logging>();
  }

  static void load(Session& session, const std::string& path) { session.get(path, {.name = "part"}); }

  // [snippet: several]
  static void several(Session& session) {
    const std::string page = "/page";
    session.get(page)
        .async<load>(page + "/style")  // arguments are copied into the task
        .async<load>(page + "/script")
        .await<load>();  // both: they have the same name

    // A lambda needs a name. Capture by value: a task may outlive the function that has started it.
    session.async("picture", [page](Session& s) { s.get(page + "/picture", {.name = "part"}); })
        .async("sound", [page](Session& s) { s.get(page + "/sound", {.name = "part"}); })
        .await({"picture", "sound"});

    // Nobody awaits this one: it is awaited when run() has returned.
    session.async<load>(page + "/statistics");
  }
  // [end]

  // [snippet: limits]
  static void limits(Session& session) {
    session.async("slow", [](Session& s) { s.get("/delay/5000"); });
    try {
      session.await("slow", 50ms);
    } catch (const TimeoutError& error) {  // the task is being cancelled
      session.log_debug("{}", error.what());
    }
    session.async("endless", [](Session& s) { s.delay(kForever); }).cancel("endless");
  }
  // [end]

  static void beat(Session& session) { session.post("/alive"); }

  // [snippet: every]
  static void heartbeats(Session& session) {
    session
        .every<beat>(30ms)  // for the first time in 30 ms
        .delay(100ms)
        .cancel("beat");  // else until run() returns
  }
  // [end]

  // [snippet: signals]
  static void worker(Session& session) {
    session.signal_parent({{"state", "ready"}});  // any JSON
    bool is_done = false;
    while (!is_done) {
      // The next signal, whatever it is.
      session.await_signal([&](Session& s, const Json& job) {
        is_done = job == "stop";
        if (!is_done) s.post("/jobs", {.name = "job", .json = job});
      });
    }
  }

  static void signals(Session& session) {
    session.async<worker>()
        .await_signal({{"state", "ready"}})  // this one; others stay in the mailbox
        .signal<worker>({{"job", 1}})
        .signal<worker>({{"job", 2}})
        .signal<worker>("stop")
        .await<worker>();

    session
        .await_signal_or_timeout(10ms)  // nobody has sent any: counted, and on we go
        .async("later", [](Session& s) { s.delay(20ms).signal_parent("it is time"); })
        .await_signal_or_timeout(5s, [](Session& s, const Json& signal) { s.assign("last signal", signal); });
  }
  // [end]

  // [snippet: failures]
  static void failures(Session& session) {
    session.async("careless", [](Session& s) { s.get("/status/503", {.name = "stock"}).expect(200); });
    try {
      session.delay(10s);  // waits here, and is woken by the failure
    } catch (const TaskFailed& failed) {
      session.log_debug("{}", failed.what());
      // task careless failed: UnexpectedStatus: get(stock): 503, expected 200
    }
    // abort() ends this task alone, as cancelled. fail() would fail its parent as an exception does.
    session.async("unneeded", [](Session& s) { s.abort("nothing to do"); }).await("unneeded");
  }
  // [end]

  // [snippet: logging]
  static void logging(Session& session) {
    session.log_debug("for verbose output: {} of {}", 3, 7)
        .log_info("a message")
        .log_warn("a warning")
        .log_error("an error");
  }
  // [end]
};

struct TaskTest {
  static Json default_config() { return {{"base_url", "http://localhost:5000"}}; }
  static Scenarios scenarios() { return {scenario<Coordinator>}; }
};
CHAPERON_LOAD_TEST(TaskTest)
