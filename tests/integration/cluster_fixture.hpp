// A cluster as its users have it: a NATS server, workers and runs, each a process of its own, and nginx,
// which says what was really sent.
#pragma once

#include <csignal>
#include <fstream>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <thread>

#include "cli_fixture.hpp"
#include "cluster/key_value.hpp"
#include "cluster/nats.hpp"
#include "cluster/protocol.hpp"
#include "support/nats_server.hpp"
#include "support/nginx_server.hpp"

namespace chaperon::test {

using std::chrono::steady_clock;

/// Longer than anything here takes: for what comes certainly, sooner or later.
inline constexpr std::chrono::seconds kLong{50};

/// Looks again and again until something is so; whether it was in time.
inline bool until(const std::function<bool()>& is_so, std::chrono::milliseconds patience = kLong) {
  const auto deadline = steady_clock::now() + patience;
  while (!is_so()) {
    if (steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return true;
}

/// A child process that is killed with us, whose output goes to files: nobody has to read it.
class LoggedProcess {
 public:
  LoggedProcess(std::vector<std::string> words, const ProcessOptions& options, std::filesystem::path log)
      : log_(std::move(log)), process_(command(std::move(words), log_), options) {}

  [[nodiscard]] std::string out() const { return read(".out"); }
  [[nodiscard]] std::string err() const { return read(".err"); }
  /// Waits until it has written that, `count` times at least; whether it has.
  [[nodiscard]] bool says(const std::string& text, std::size_t count = 1) const {
    return until([&] { return occurrences(out() + err(), text) >= count; });
  }
  void signal(int number) const { process_.signal(number); }
  [[nodiscard]] pid_t pid() const { return process_.pid(); }
  [[nodiscard]] bool running() { return process_.running(); }
  /// Waits for its end; `out` and `err` are all that it has written.
  CommandResult wait(std::chrono::milliseconds patience = kLong) {
    auto result = process_.wait(patience);
    result.out = out();
    result.err = err();
    return result;
  }

 private:
  static std::vector<std::string> command(std::vector<std::string> words, const std::filesystem::path& log) {
    const std::vector<std::string> shell{
        "setpriv", "--pdeathsig", "KILL", "/bin/sh", "-c", R"(exec "$@" >"$0.out" 2>"$0.err")", log.string()};
    words.insert(words.begin(), shell.begin(), shell.end());
    return words;
  }
  [[nodiscard]] std::string read(const char* end) const {
    std::ifstream file(log_.string() + end, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  }

  std::filesystem::path log_;
  Process process_;
};

/// A request that nginx has answered.
struct Served {
  double at = 0;  ///< when it had been answered: seconds since 1970
  std::string worker;
  std::string cookie;
  std::string what;  ///< `GET /walk 200`
};

/// What is there beside the words for it.
struct WorkerSettings {
  std::vector<std::string> words{};        ///< more options
  std::vector<std::string> environment{};  ///< more variables
  std::vector<std::string> before{};       ///< a command that starts it
  std::string nats{};                      ///< another URL
};

/// Starts the servers. A test adds workers to taste.
class ClusterTest : public CliTest {
 protected:
  ClusterTest() {
    // What is compiled takes longer than anything else here; once it is, no test waits for it.
    static const auto compiled = chaperon({"list", scenario_file("cluster.cpp")});
    if (compiled.exit_code != 0) throw std::runtime_error(compiled.err);
    walk_on();
  }

  /// Starts a worker, which is called `name` and says so with each request.
  LoggedProcess& add_worker(const std::string& name, const WorkerSettings& settings = {}) {
    auto words = settings.before;
    const auto& nats = settings.nats.empty() ? nats_.url() : settings.nats;
    for (const auto* word : {CHAPERON_BINARY, "worker", "--nats"})
      words.emplace_back(word);
    words.insert(words.end(), {nats, "--name", name});
    if (std::ranges::find(settings.words, "--threads") == settings.words.end())
      words.insert(words.end(), {"--threads", "1"});
    words.insert(words.end(), settings.words.begin(), settings.words.end());
    auto environment = settings.environment;
    environment.push_back("TEST_WORKER=" + name);
    auto& worker = workers_[name];
    worker.reset();
    worker = std::make_unique<LoggedProcess>(words, options(environment), directory_ / name);
    return *worker;
  }
  LoggedProcess& worker(const std::string& name) { return *workers_.at(name); }
  /// Starts workers and waits until they are in the cluster.
  void add_workers(const std::vector<std::string>& names) {
    for (const auto& name : names)
      add_worker(name);
    for (const auto& name : names)
      ASSERT_TRUE(is_in_cluster(name)) << worker(name).err();
  }
  /// Waits until a worker has joined for the `times`th time.
  bool is_in_cluster(const std::string& name, std::size_t times = 1) {
    return worker(name).says(name + ": in the cluster at ", times);
  }

  /// Starts a run, which writes NAME.json unless it is told where else.
  [[nodiscard]] std::unique_ptr<LoggedProcess> start_run(const std::string& load_test, const Words& more = {},
                                                         const std::string& name = "m") const {
    Words words{CHAPERON_BINARY, "run", scenario_file("cluster.cpp"), load_test, "--nats", nats_.url()};
    words.insert(words.end(), more.begin(), more.end());
    if (std::ranges::find(more, "--base-url") == more.end())
      words.insert(words.end(), {"--base-url", nginx_.url()});
    const auto is_output = [](const auto& word) { return word == "--output" || word == "--tag"; };
    if (std::ranges::none_of(more, is_output)) words.insert(words.end(), {"--output", name + ".json"});
    return std::make_unique<LoggedProcess>(words, options(), directory_ / name);
  }
  /// A run to its end.
  [[nodiscard]] CommandResult run(const std::string& load_test, const Words& more = {},
                                  const std::string& name = "m") const {
    return start_run(load_test, more, name)->wait();
  }
  /// A run that goes on until walk_no_more(), and is under way on these workers.
  [[nodiscard]] std::unique_ptr<LoggedProcess> start_endless(const Words& more, const Words& names,
                                                             const std::string& load_test = "WalkTest") {
    Words words{"--workers", std::to_string(names.size()), "--config", "rounds=1000000"};
    words.insert(words.end(), more.begin(), more.end());
    std::map<std::string, std::size_t> enough;
    for (const auto& name : names)
      enough[name] = served_count(name) + 20;
    auto started = start_run(load_test, words);
    for (const auto& name : names) {
      const auto count = enough[name];
      static_cast<void>(until([&] { return served_count(name) >= count || !started->running(); }));
      if (served_count(name) < count)
        throw std::runtime_error("the run does not start: " + started->err() + worker(name).err());
    }
    return started;
  }

  /// What /walk answers from now on: go on, or it is over.
  void walk_on() const { say("walk"); }
  void walk_no_more() const { say("over"); }

  /// What nginx has answered, to this worker only if one is named.
  [[nodiscard]] std::vector<Served> served(const std::string& worker = {}) const {
    std::vector<Served> all;
    for (const auto& line : nginx_.requests()) {
      std::istringstream words(line);
      Served one;
      words >> one.at >> one.worker >> one.cookie;
      std::getline(words >> std::ws, one.what);
      if (worker.empty() || one.worker == worker) all.push_back(std::move(one));
    }
    return all;
  }
  /// What it has answered after the first `count` requests.
  [[nodiscard]] std::vector<Served> served_after(std::size_t count) const {
    auto all = served();
    all.erase(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(std::min(count, all.size())));
    return all;
  }
  /// How much that is.
  [[nodiscard]] std::size_t served_count(const std::string& worker = {}) const {
    return served(worker).size();
  }
  static double unix_now() {
    return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
  }

  /// The sum of a run's rows of that action, answered with 200.
  [[nodiscard]] std::uint64_t counted(const Json& results, const std::string& target = {},
                                      const std::string& action = "get") const {
    std::uint64_t sum = 0;
    for (const auto& row : results.at("rows")) {
      if (row.at("action") != action || !row.at("error").is_null()) continue;
      if (!target.empty() && row.at("target") != nginx_.url() + target) continue;
      sum += row.at("total_count").get<std::uint64_t>();
    }
    return sum;
  }
  /// `ok 3, failed 1`.
  [[nodiscard]] static std::string sessions(const Json& results) {
    std::string text;
    for (const auto& [how, count] : results.at("sessions").items()) {
      if (count == 0) continue;
      text += (text.empty() ? "" : ", ") + how + " " + std::to_string(count.get<int>());
    }
    return text;
  }
  /// Whether all these workers take part in a run and are whole.
  void expect_next_run(const Words& names) {
    walk_on();
    const auto before = served_count();
    const auto result = run("WalkTest", {"--workers", std::to_string(names.size())}, "next");
    EXPECT_EQ(result.exit_code, 0) << result.err << result.out;
    if (result.exit_code != 0) return;
    EXPECT_EQ(sessions(json("next.json")), "ok 10");
    std::set<std::string> seen;
    for (const auto& one : served_after(before))
      seen.insert(one.worker);
    EXPECT_EQ(seen, std::set<std::string>(names.begin(), names.end()));
    EXPECT_EQ(served_count() - before, 30U);
  }

  [[nodiscard]] static cluster::NatsOptions nats_options(const std::string& url) {
    return {.url = url, .client_name = "test"};
  }

  NatsServer nats_;
  NginxServer nginx_{{.log_format = "$msec $http_x_worker -$http_cookie $request_method $request_uri $status",
                      .locations =
                          "    location /away/ { return 200 away; }\n"
                          "    location /back/ { return 200 back; }\n"
                          "    location /drawn/ { return 200 drawn; }\n"
                          "    location = /bad { return 200 bad; }\n"
                          "    location = /leave { return 200 leave; }\n"
                          "    location = /cookie { add_header Set-Cookie sweet=yes; return 200 c; }\n"}};

 private:
  // Moved into place: nginx must not read half of it.
  void say(const std::string& text) const {
    write_file(nginx_.document_root() / "walk.new", text);
    std::filesystem::rename(nginx_.document_root() / "walk.new", nginx_.document_root() / "walk");
  }

  std::map<std::string, std::unique_ptr<LoggedProcess>> workers_;
};

}  // namespace chaperon::test
