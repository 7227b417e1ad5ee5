// Load tests in which some sessions do what they should not, beside twenty that must not notice.
#include <atomic>
#include <exception>
#include <stdexcept>
#include <string>

#include <chaperon/chaperon.hpp>

using namespace chaperon;

// Five requests, with a wait after each.
struct Good {
  static void run(Session& session) { session.repeat<step>(5); }
  static void step(Session& session) { session.get("/good").expect(200).delay(2ms); }
};

Scenarios beside_good_ones(Scenario bad) {
  return {{bad, "bad"}, {20 * scenario<Good>}};
}

struct RunThrower {
  static void run(Session& session) {
    session.get("/bad");
    throw std::runtime_error("thrown in run");
  }
};
struct ThrowsInRun {
  static Scenarios scenarios() { return beside_good_ones(3 * scenario<RunThrower>); }
};
CHAPERON_LOAD_TEST(ThrowsInRun)

struct AllFail {
  static Scenarios scenarios() { return {3 * scenario<RunThrower>}; }
};
CHAPERON_LOAD_TEST(AllFail)

struct InitThrower {
  static void init(Session& /*session*/) { throw std::logic_error("thrown in init"); }
  static void run(Session& session) { session.get("/bad"); }
  static void teardown(Session& session) { session.get("/torn-down"); }
};
struct ThrowsInInit {
  static Scenarios scenarios() { return beside_good_ones(scenario<InitThrower>); }
};
CHAPERON_LOAD_TEST(ThrowsInInit)

struct TeardownThrower {
  static void run(Session& session) { session.get("/bad"); }
  static void teardown(Session& /*session*/) { throw std::runtime_error("thrown in teardown"); }
};
struct ThrowsInTeardown {
  static Scenarios scenarios() { return beside_good_ones(scenario<TeardownThrower>); }
};
CHAPERON_LOAD_TEST(ThrowsInTeardown)

struct CallbackThrower {
  static void run(Session& session) {
    session.get("/bad", {.with_result = [](Session&, const Response&) {
                  throw std::out_of_range("thrown in with_result");
                }});
    session.get("/never");
  }
};
struct ThrowsInCallback {
  static Scenarios scenarios() { return beside_good_ones(2 * scenario<CallbackThrower>); }
};
CHAPERON_LOAD_TEST(ThrowsInCallback)

struct OddThrower {
  static void run(Session& session) {
    session.get("/bad");
    throw 42;
  }
};
struct ThrowsAnInt {
  static Scenarios scenarios() { return beside_good_ones(scenario<OddThrower>); }
};
CHAPERON_LOAD_TEST(ThrowsAnInt)

// Each of the ten sessions fails in one of four ways, of which two are of the same type.
struct Various {
  static void run(Session& session) {
    const auto number = number_of(session);
    if (number < 4) throw std::runtime_error("case " + std::to_string(number));
    if (number < 7) throw std::invalid_argument("case " + std::to_string(number));
    if (number < 9) session.get("/status/503").expect(200);
    session.fail("no room");
  }
  static int number_of(Session& /*session*/) {
    static std::atomic<int> next{0};
    return next++;
  }
};
struct FailsVariously {
  static Scenarios scenarios() { return beside_good_ones(10 * scenario<Various>); }
};
CHAPERON_LOAD_TEST(FailsVariously)

struct Looper {
  static void run(Session& session) {
    session.get("/bad");
    for (volatile bool forever = true; forever;) {
    }
  }
};
struct LoopsForEver {
  static Scenarios scenarios() { return beside_good_ones(scenario<Looper>); }
};
CHAPERON_LOAD_TEST(LoopsForEver)

struct Overflower {
  static int deeper(int depth) {
    volatile char space[512] = {};
    space[static_cast<std::size_t>(depth) % sizeof space] = 1;
    return depth < 0 ? 0 : deeper(depth + 1) + space[0];
  }
  static void run(Session& session) {
    session.get("/bad");
    session.add_metric("depth", deeper(0));
  }
};
struct Overflows {
  static Scenarios scenarios() { return beside_good_ones(scenario<Overflower>); }
};
CHAPERON_LOAD_TEST(Overflows)

// Uses about 600 KiB of stack, and then returns.
struct DeepCaller {
  static int deeper(int depth) {
    volatile char space[1024] = {};
    space[static_cast<std::size_t>(depth)] = 1;
    return depth == 0 ? 0 : deeper(depth - 1) + space[1023];
  }
  static void run(Session& session) {
    session.get("/deep");
    session.add_metric("depth", deeper(600));
  }
};
struct GoesDeep {
  static Scenarios scenarios() { return {scenario<DeepCaller>}; }
};
CHAPERON_LOAD_TEST(GoesDeep)

struct DestructorThrower {
  struct Bomb {
    ~Bomb() { throw std::runtime_error("thrown in a destructor"); }
  };
  static void run(Session& session) {
    session.get("/bad");
    const Bomb bomb;
  }
};
struct ThrowsInDestructor {
  static Scenarios scenarios() { return beside_good_ones(2 * scenario<DestructorThrower>); }
};
CHAPERON_LOAD_TEST(ThrowsInDestructor)

struct Terminator {
  static void run(Session& session) {
    session.get("/bad");
    std::terminate();
  }
};
struct Terminates {
  static Scenarios scenarios() { return beside_good_ones(2 * scenario<Terminator>); }
};
CHAPERON_LOAD_TEST(Terminates)

struct Aborter {
  static void run(Session& session) {
    session.get("/bad");
    session.abort("enough");
  }
};
struct Aborts {
  static Scenarios scenarios() { return beside_good_ones(4 * scenario<Aborter>); }
};
CHAPERON_LOAD_TEST(Aborts)

struct Waiter {
  static void run(Session& session) {
    session.get("/bad");
    session.delay(1h);
  }
};
struct TimesOut {
  static Scenarios scenarios() {
    return {{3 * scenario<Waiter>, "bad", {{"scenario_timeout", 50}}}, {20 * scenario<Good>}};
  }
};
CHAPERON_LOAD_TEST(TimesOut)

struct LoadTestTimesOut {
  static Json default_config() { return {{"load_test_timeout", "1s"}}; }
  static Scenarios scenarios() { return beside_good_ones(3 * scenario<Waiter>); }
};
CHAPERON_LOAD_TEST(LoadTestTimesOut)

// Sizes from the config, for zero and fewer sessions.
struct AnySize {
  static Json default_config() { return {{"users", 1}}; }
  static Scenarios scenarios(const Json& config) { return {config.at("users").get<int>() * scenario<Good>}; }
};
CHAPERON_LOAD_TEST(AnySize)

struct EmptyTable {
  static Scenarios scenarios() { return {}; }
};
CHAPERON_LOAD_TEST(EmptyTable)

struct TableThrows {
  static Scenarios scenarios(const Json& config) {
    return {config.at("missing").get<int>() * scenario<Good>};
  }
};
CHAPERON_LOAD_TEST(TableThrows)
