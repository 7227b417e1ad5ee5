#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <thread>

#include <fmt/format.h>

#include <chaperon/errors.hpp>
#include <chaperon/load_test.hpp>
#include <chaperon/session.hpp>

#include "cli/arguments.hpp"
#include "cli/commands.hpp"
#include "cli/number_text.hpp"
#include "cli/options.hpp"
#include "cli/run_arguments.hpp"
#include "cli/run_report.hpp"
#include "http/url.hpp"

namespace chaperon::cli {
namespace {

constexpr std::uint64_t kDefaultSessions = 10;
constexpr Duration kDefaultDuration = 10s;

// What all sessions of a bench do. A scenario is a plain function, so they find it through `current_plan`.
struct Plan {
  std::string method = "GET";
  std::string path;
  HttpOptions request{};
  bool plain_get = true;  // neither another method nor a body
  Headers headers{};
  std::optional<BasicAuth> basic_auth{};
  Duration duration = kForever;
  bool counted = false;  // whether `left` limits the requests
  std::atomic<std::int64_t> left{0};
  std::atomic<std::int64_t> deadline{0};  // on the steady clock, set by the first session; 0: not yet

  // When to stop. Counted from the first session's start, whichever that is.
  Instant end(Instant now) {
    if (duration == kForever) return Instant::max();
    auto expected = std::int64_t{0};
    const auto mine = (now + duration).time_since_epoch().count();
    if (!deadline.compare_exchange_strong(expected, mine)) return Instant(Instant::duration(expected));
    deadline.notify_all();
    return Instant(Instant::duration(mine));
  }

  // Takes one of the requests that are left.
  bool take() { return !counted || left.fetch_sub(1, std::memory_order_relaxed) > 0; }
};

Plan* current_plan = nullptr;

struct Bench {
  static void run(Session& session) {
    auto& plan = *current_plan;
    for (const auto& header : plan.headers)
      session.set_header(header.name, header.value);
    if (plan.basic_auth) session.basic_auth(plan.basic_auth->user, plan.basic_auth->password);
    const auto end = plan.end(session.now());
    while (session.now() < end && plan.take()) {
      if (plan.plain_get) {
        session.get(plan.path);
      } else {
        session.request(plan.method, plan.path, plan.request);
      }
    }
  }
};

// Makes a plan the current one for as long as it lives.
class CurrentPlan {
 public:
  explicit CurrentPlan(Plan& plan) { current_plan = &plan; }
  ~CurrentPlan() { current_plan = nullptr; }
  CurrentPlan(const CurrentPlan&) = delete;
  CurrentPlan& operator=(const CurrentPlan&) = delete;
};

// Ends a run when its plan's time is up, however long the server takes for what it was asked last.
class TimeLimit {
 public:
  explicit TimeLimit(Plan& plan)
      : thread_([this, &plan](const std::stop_token& over) { wait(plan, over); }) {}

  [[nodiscard]] std::stop_token time_up() const { return time_up_.get_token(); }

 private:
  void wait(Plan& plan, const std::stop_token& over) {
    const std::stop_callback let_go(over, [&plan] {
      auto expected = std::int64_t{0};
      plan.deadline.compare_exchange_strong(expected, 1);
      plan.deadline.notify_all();
    });
    plan.deadline.wait(0);  // until a session has started
    std::mutex mutex;
    std::unique_lock lock(mutex);
    std::condition_variable_any woken;
    woken.wait_until(lock, over, Instant(Instant::duration(plan.deadline.load())), [] { return false; });
    if (!over.stop_requested()) time_up_.request_stop();
  }

  std::stop_source time_up_;
  std::jthread thread_;
};

http::Url url_argument(const std::string& text) {
  try {
    auto url = http::parse_url(http::with_scheme(text));
    if (url.is_websocket()) {
      throw InputError(fmt::format(
          "{}: bench sends HTTP requests: write it with http://, or test WebSockets with a scenario", text));
    }
    http::require_supported(url);
    return url;
  } catch (const http::UrlError& error) {
    throw InputError(error.what());
  }
}

struct BenchArguments {
  std::string url, sessions, duration, total, method, threads, output, format, seed;
  std::optional<std::string> body;
  std::vector<std::string> headers;
};

void declare(Arguments& arguments, BenchArguments& given) {
  arguments.positional("URL", given.url, true,
                       "what to request; localhost:8080 means http://localhost:8080/");
  arguments.option("-c,--sessions", given.sessions, "N",
                   "users, each with a connection of its own; default 10");
  arguments.option("-d,--duration", given.duration, "TIME",
                   "how long: 500ms, 10s, 1m30s; a bare number is seconds; default 10s");
  arguments.option("-n,--requests", given.total, "N",
                   "how many requests in all, exactly; with -d, whichever ends first");
  arguments.option("-m,--method", given.method, "METHOD", "the HTTP method; default GET, POST with a body");
  arguments.option("-b,--body", given.body, "TEXT", "the body of each request");
  arguments.repeated("-H,--header", given.headers, "HEADER",
                     "a header, as in \"Accept: text/html\" (may be repeated)");
  arguments.option("--threads", given.threads, "N", "event loops; default: one per core");
  arguments.option("-o,--output", given.output, "FILE",
                   "write the results to FILE; - is stdout (the table goes to stderr then)");
  arguments.option("--format", given.format, "FORMAT",
                   "csv or json; default: by the extension of --output, else csv");
  arguments.option("--seed", given.seed, "N", "the seed of all random draws; default: drawn, and shown");
}

void fill(Plan& plan, const BenchArguments& given, const http::Url& url) {
  constexpr std::uint64_t kMostRequests = std::uint64_t{1} << 53;
  plan.path = url.target;
  plan.basic_auth = url.basic_auth;
  if (given.body) {
    plan.request.body = *given.body;
    plan.method = "POST";
  }
  if (!given.method.empty()) plan.method = method_option(given.method);
  plan.plain_get = plan.method == "GET" && !given.body;
  for (const auto& header : given.headers)
    plan.headers.push_back(header_option(header));
  if (!given.total.empty()) {
    plan.counted = true;
    plan.left = static_cast<std::int64_t>(positive_option("-n", given.total, kMostRequests));
  }
  if (!given.duration.empty()) {
    plan.duration = duration_option("-d", given.duration);
  } else if (!plan.counted) {
    plan.duration = kDefaultDuration;
  }
}

std::string title_of(const Plan& plan, const http::Url& url, std::uint64_t sessions) {
  auto title = fmt::format("bench {}: {}", url.text(), count_text(sessions, "session", "sessions"));
  if (plan.counted) {
    title += ", " + count_text(static_cast<std::uint64_t>(plan.left.load()), "request", "requests");
  }
  if (plan.duration != kForever) title += ", " + latency_text(plan.duration);
  return title;
}

}  // namespace

ExitCode bench_command(Process& process, const std::vector<std::string>& words) {
  Arguments arguments(
      "chaperon bench", "URL [OPTIONS]",
      "Loads one URL: each session sends a request as soon as it has the answer to its last.",
      {"chaperon bench localhost:8080", "chaperon bench http://localhost:8080/items -c 50 -d 30s",
       "chaperon bench localhost:8080/login -n 1000 -b '{\"user\":\"ann\"}' -H 'Content-Type: "
       "application/json'"});
  BenchArguments given;
  declare(arguments, given);
  if (!arguments.parse(words, process)) return ExitCode::passed;

  constexpr std::uint64_t kMostSessions = 10'000'000;
  const auto url = url_argument(given.url);
  Plan plan;
  fill(plan, given, url);
  auto sessions =
      given.sessions.empty() ? kDefaultSessions : positive_option("-c", given.sessions, kMostSessions);
  // More sessions than requests would have nothing to do.
  if (plan.counted) sessions = std::min(sessions, static_cast<std::uint64_t>(plan.left.load()));

  RunOptions options;
  options.base_url = url.origin();
  options.threads = threads_option(given.threads);
  if (!given.seed.empty()) options.seed = seed_option(given.seed);
  std::optional<TimeLimit> limit;
  if (plan.duration != kForever) limit.emplace(plan);
  std::vector<std::string> outputs;
  if (!given.output.empty()) outputs.push_back(given.output);
  Report report(process, {.outputs = std::move(outputs),
                          .format = given.format,
                          .title = title_of(plan, url, sessions),
                          .time_up = limit ? limit->time_up() : std::stop_token()});

  const RegisteredLoadTest load_test{
      .name = "bench", .default_config = {}, .scenarios = [sessions](const Json&) {
        return Scenarios{{static_cast<std::int64_t>(sessions) * scenario<Bench>, "bench"}};
      }};
  const CurrentPlan current(plan);
  const LogSession log(process, LogLevel::warn);
  return report.run(load_test, std::move(options));
}

}  // namespace chaperon::cli
