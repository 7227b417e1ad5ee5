// A machine that has nothing left: no descriptors, no memory for stacks. In a child process, whose limits are
// its own.
#include <atomic>
#include <cerrno>
#include <cstddef>
#include <fstream>
#include <iterator>
#include <string>

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/sanitizers.hpp"
#include "session_fixture.hpp"
#include "support/descriptor.hpp"

namespace chaperon::session_test {
namespace {

using ::testing::HasSubstr;

/// What a child process did: what `f` returned there, and how it ended.
struct ChildResult {
  Json returned;
  int status = -1;
};

// Only from a process of one thread: a lock that another one holds stays locked in the child.
template <class F>
ChildResult in_child(int limit, rlim_t value, F&& f) {
  int ends[2];
  test::checked(::pipe(ends), "pipe");
  test::Descriptor reading(ends[0]);
  test::Descriptor writing(ends[1]);
  const pid_t child = test::checked(::fork(), "fork");
  if (child == 0) {
    reading.reset();
    const rlimit both{.rlim_cur = value, .rlim_max = value};
    if (::setrlimit(static_cast<__rlimit_resource>(limit), &both) != 0) ::_exit(99);
    std::string text;
    try {
      text = f().dump();
    } catch (const std::exception& e) {
      text = Json(std::string("threw ") + e.what()).dump();
    }
    for (std::string_view rest = text; !rest.empty();) {
      const auto written = ::write(writing.get(), rest.data(), rest.size());
      if (written <= 0) ::_exit(98);
      rest.remove_prefix(static_cast<std::size_t>(written));
    }
    ::_exit(0);
  }
  writing.reset();
  std::string text;
  char buffer[4096];
  for (ssize_t got = 0; (got = ::read(reading.get(), buffer, sizeof buffer)) > 0;)
    text.append(buffer, static_cast<std::size_t>(got));
  ChildResult result;
  ::waitpid(child, &result.status, 0);
  result.returned = Json::parse(text, nullptr, false);
  return result;
}

Json summary(const Results& results) {
  Json rows = Json::object();
  for (const auto& metric : results.metrics)
    rows[metric.name()] = metric.count();
  Json endings = Json::array();
  for (const auto& ending : results.endings)
    endings.push_back({{"reason", ending.reason}, {"example", ending.example}, {"count", ending.count}});
  Json errors = Json::array();
  for (const auto& error : results.errors)
    errors.push_back({{"reason", error.reason}, {"example", error.example}, {"count", error.count}});
  return {{"ok", results.sessions.ok},
          {"failed", results.sessions.failed},
          {"total", results.sessions.total()},
          {"rows", rows},
          {"endings", endings},
          {"errors", errors}};
}

/// From here on every sendto() of this process fails. False if the machine does not let it.
bool fail_sends(int error) {
  sock_filter rules[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_sendto, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | static_cast<unsigned>(error)),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  const sock_fprog program{.len = std::size(rules), .filter = rules};
  return ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
         ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

class SessionLimitsTest : public SessionRunTest {
 protected:
  void SetUp() override {
#ifdef CHAPERON_TSAN
    GTEST_SKIP() << "ThreadSanitizer lets a forked child start no threads";
#endif
  }
};

TEST_F(SessionLimitsTest, SessionsQueueForDescriptorsWhileOthersGiveThemBack) {
  NginxServer server;
  A::script.run = [](Session& s) { s.get("/").expect(200); };
  const auto child = in_child(RLIMIT_NOFILE, 64, [&] {
    return summary(
        run({{1000 * scenario<A>, {}}}, {{"base_url", server.url()}, {"timeout", "1m"}}, {.threads = 2}));
  });
  ASSERT_EQ(child.status, 0);
  EXPECT_EQ(child.returned["ok"], 1000) << child.returned;
  EXPECT_EQ(child.returned["total"], 1000);
  const auto& rows = child.returned["rows"];
  EXPECT_EQ(rows["A get(" + server.url() + "/)"], 1000);
  EXPECT_GT(rows.value("A queued(" + server.url() + ")", 0), 0);
  EXPECT_EQ(child.returned["errors"], Json::array());
  EXPECT_EQ(server.count_requests("GET / 200"), 1000U);
}

TEST_F(SessionLimitsTest, SessionsThatKeepTheirDescriptorsLeaveNoneForTheRest) {
  NginxServer server;
  // Whoever has an answer keeps its connection until the rest have given up.
  std::atomic<int> through = 0;
  A::script.run = [&](Session& s) {
    s.get("/");
    ++through;
    while (s.response().status() == 200 && through < 1000)
      s.delay(1ms);
  };
  const auto child = in_child(RLIMIT_NOFILE, 64, [&] {
    return summary(
        run({{1000 * scenario<A>, {}}}, {{"base_url", server.url()}, {"timeout", 500}}, {.threads = 2}));
  });
  ASSERT_EQ(child.status, 0);
  EXPECT_EQ(child.returned["ok"], 1000) << child.returned;
  const auto& rows = child.returned["rows"];
  const auto answered = rows.value("A get(" + server.url() + "/)", 0);
  const auto starved = rows.value("A Error no_descriptors get(" + server.url() + "/)", 0);
  EXPECT_GT(answered, 0);
  EXPECT_LT(answered, 64);
  EXPECT_EQ(answered + starved, 1000) << rows;
  ASSERT_EQ(child.returned["errors"].size(), 1U);
  EXPECT_THAT(child.returned["errors"][0]["example"].get<std::string>(),
              HasSubstr("raise the limit (ulimit -n) or use fewer sessions"));
  EXPECT_EQ(server.count_requests(), answered);
}

TEST_F(SessionLimitsTest, ARequestThatTheKernelHasNoRoomForFailsAtOnce) {
  NginxServer server;
  A::script.run = [](Session& s) { s.get("/"); };
  const auto child = in_child(RLIMIT_CORE, 0, [&]() -> Json {
    if (!fail_sends(ENOBUFS)) return "no seccomp";
    return summary(run({{scenario<A>, {}}}, {{"base_url", server.url()}, {"timeout", "5s"}}));
  });
  ASSERT_EQ(child.status, 0);
  if (child.returned == "no seccomp") GTEST_SKIP() << "this machine has no seccomp";
  EXPECT_EQ(child.returned["rows"].value("A Error no_descriptors get(" + server.url() + "/)", 0), 1)
      << child.returned;
  EXPECT_EQ(child.returned["errors"][0]["example"],
            "the request cannot be sent to " + server.url() + ": No buffer space available");
}

#ifndef CHAPERON_ASAN  // which reserves more address space than a limit allows
/// What this process has mapped so far, in bytes; a child has the same.
rlim_t address_space() {
  rlim_t pages = 0;
  std::ifstream("/proc/self/statm") >> pages;
  return pages * static_cast<rlim_t>(::sysconf(_SC_PAGESIZE));
}

TEST_F(SessionLimitsTest, WithoutMemoryForStacksSessionsFailWithTheRemedyAndTheRestGoOn) {
  NginxServer server;
  A::script.run = [](Session& s) {
    s.delay(10ms);
    s.get("/").expect(200);
  };
  // 2,000 stacks of 256 KiB are 500 MiB.
  const auto child = in_child(RLIMIT_AS, address_space() + (rlim_t{200} << 20), [&] {
    return summary(run({{2000 * scenario<A>, {}}}, {{"base_url", server.url()}}, {.threads = 1}));
  });
  ASSERT_EQ(child.status, 0);
  EXPECT_EQ(child.returned["total"], 2000) << child.returned;
  const auto ok = child.returned["ok"].get<int>();
  EXPECT_GT(ok, 64);
  EXPECT_LT(ok, 2000);
  EXPECT_EQ(child.returned["failed"], 2000 - ok);
  ASSERT_EQ(child.returned["endings"].size(), 1U) << child.returned;
  EXPECT_EQ(child.returned["endings"][0]["reason"], "failed");
  EXPECT_EQ(child.returned["endings"][0]["example"],
            "there is no memory for its stack: use fewer sessions, or smaller stacks (--stack-size)");
  EXPECT_EQ(server.count_requests(), static_cast<std::size_t>(ok));
}
#endif

}  // namespace
}  // namespace chaperon::session_test
