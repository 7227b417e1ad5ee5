// The command line as its users have it: the real program, in a directory of its own.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <regex>
#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chaperon/json.hpp>

#include "runtime/sanitizers.hpp"
#include "support/descriptor.hpp"
#include "support/process.hpp"
#include "support/temp_dir.hpp"

namespace chaperon::test {

#if defined(CHAPERON_ASAN) || defined(CHAPERON_TSAN)
inline constexpr bool kSanitized = true;
#else
inline constexpr bool kSanitized = false;
#endif

inline constexpr std::chrono::seconds kPatience{150};

/// A text with `http://127.0.0.1:PORT` and such taken out, so that tests can name rows.
inline std::string without_origin(const std::string& text) {
  static const std::regex origin("(http|ws)://(127\\.0\\.0\\.1|localhost):[0-9]+");
  return std::regex_replace(text, origin, "");
}

/// How often `part` is in `text`.
inline std::size_t occurrences(std::string_view text, std::string_view part) {
  std::size_t count = 0;
  for (auto at = text.find(part); at != std::string_view::npos; at = text.find(part, at + part.size()))
    ++count;
  return count;
}

/// The body of the answer to a GET.
inline std::string fetch(std::uint16_t port, const std::string& path) {
  const Descriptor socket(checked(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket"));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  checked(::connect(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), "connect");
  const auto request = "GET " + path + " HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n";
  checked(static_cast<int>(::send(socket.get(), request.data(), request.size(), MSG_NOSIGNAL)), "send");
  std::string answer;
  std::vector<char> piece(65'536);
  for (ssize_t size = 0; (size = ::recv(socket.get(), piece.data(), piece.size(), 0)) > 0;)
    answer.append(piece.data(), static_cast<std::size_t>(size));
  const auto end = answer.find("\r\n\r\n");
  if (end == std::string::npos) throw std::runtime_error("no answer to GET " + path);
  return answer.substr(end + 4);
}

/// The rows of an exported CSV file: names, without their origin, and counts. Only for names without quotes.
class Rows {
 public:
  explicit Rows(const std::string& csv) {
    std::istringstream lines(csv);
    std::getline(lines, header_);
    for (std::string line; std::getline(lines, line);) {
      const auto comma = line.find(',');
      if (comma == std::string::npos) throw std::runtime_error("no row: " + line);
      counts_[without_origin(line.substr(0, comma))] = std::stoull(line.substr(comma + 1));
    }
  }
  [[nodiscard]] const std::string& header() const { return header_; }
  [[nodiscard]] const std::map<std::string, std::uint64_t>& counts() const { return counts_; }
  /// The count of a row; 0 if there is none.
  [[nodiscard]] std::uint64_t count(const std::string& name) const {
    const auto found = counts_.find(name);
    return found == counts_.end() ? 0 : found->second;
  }
  /// The sum of the rows whose name ends so.
  [[nodiscard]] std::uint64_t total(const std::string& end) const {
    std::uint64_t sum = 0;
    for (const auto& [name, count] : counts_)
      sum += name.ends_with(end) ? count : 0;
    return sum;
  }

 private:
  std::string header_;
  std::map<std::string, std::uint64_t> counts_;
};

/// `chaperon target` on a free port.
class TargetServer {
 public:
  explicit TargetServer(const std::vector<std::string>& more = {}) : process_(command(more)) {
    const auto line = process_.read_line(kPatience);
    const std::string begin = "listening on http://127.0.0.1:";
    if (!line || !line->starts_with(begin)) throw std::runtime_error("the target did not start");
    first_line_ = *line;
    port_ = static_cast<std::uint16_t>(std::stoi(line->substr(begin.size())));
  }
  ~TargetServer() {
    process_.signal(SIGTERM);
    process_.wait(kPatience);
  }
  TargetServer(const TargetServer&) = delete;
  TargetServer& operator=(const TargetServer&) = delete;

  [[nodiscard]] std::uint16_t port() const { return port_; }
  [[nodiscard]] std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }
  /// Its own count of requests, as in `POST /a`.
  [[nodiscard]] Json counter() const { return Json::parse(fetch(port_, "/counter")); }
  [[nodiscard]] std::uint64_t count(const std::string& request) const { return counter().value(request, 0U); }
  [[nodiscard]] const std::string& first_line() const { return first_line_; }

 private:
  static std::vector<std::string> command(const std::vector<std::string>& more) {
    std::vector<std::string> words{CHAPERON_BINARY, "target", "--port", "0"};
    words.insert(words.end(), more.begin(), more.end());
    return words;
  }
  Process process_;
  std::string first_line_;
  std::uint16_t port_ = 0;
};

/// Runs the program in an empty directory. Compiled scenarios are kept in the build tree, for all tests and
/// from one run of them to the next, unless a test asks for a cache of its own.
class CliTest : public ::testing::Test {
 protected:
  using Words = std::vector<std::string>;

  [[nodiscard]] static std::filesystem::path shared_cache() {
    return std::filesystem::path(CHAPERON_BINARY).parent_path().parent_path() / "tests" / "cli-cache";
  }
  [[nodiscard]] static std::string source(const std::string& path) {
    return std::string(CHAPERON_SOURCE_DIR) + "/" + path;
  }
  /// A scenario file of the tests.
  [[nodiscard]] static std::string scenario_file(const std::string& name) {
    return source("tests/integration/scenarios/" + name);
  }

  /// Gives this test an empty cache, in which there is the precompiled header already if there is one in the
  /// shared cache.
  void use_own_cache() {
    namespace fs = std::filesystem;
    cache_ = directory_ / "cache";
    const auto own = cache_ / "chaperon";
    fs::create_directories(own);
    fs::permissions(own, fs::perms::owner_all);
    if (!fs::is_directory(shared_cache() / "chaperon")) return;
    for (const auto& entry : fs::directory_iterator(shared_cache() / "chaperon")) {
      if (!entry.path().filename().string().ends_with(".hpp.gch")) continue;
      const auto stem = entry.path().parent_path() / entry.path().stem().stem();
      std::error_code gone;
      for (const auto* suffix : {".hpp", ".json"})
        fs::copy(stem.string() + suffix, own / (stem.filename().string() + suffix), gone);
      fs::create_symlink(entry.path(), own / entry.path().filename(), gone);
    }
  }

  /// The directory and the environment; what is given replaces by name.
  [[nodiscard]] ProcessOptions options(Words environment = {}) const {
    const auto given = environment;
    for (const std::string& variable : {"XDG_CACHE_HOME=" + cache_.string(), std::string("CXX=")}) {
      const auto name = variable.substr(0, variable.find('=') + 1);
      if (std::ranges::none_of(given, [&](const auto& one) { return one.starts_with(name); }))
        environment.push_back(variable);
    }
    return {.environment = std::move(environment), .directory = directory_.path()};
  }
  /// `chaperon WORDS...`, to its end.
  [[nodiscard]] CommandResult chaperon(Words words, const Words& environment = {}) const {
    words.insert(words.begin(), CHAPERON_BINARY);
    return run_command(words, options(environment), kPatience);
  }
  /// A shell command, in which "$chaperon" is the program.
  [[nodiscard]] CommandResult shell(const std::string& command, Words environment = {}) const {
    environment.emplace_back("chaperon=" CHAPERON_BINARY);
    return run_command({"/bin/sh", "-c", command}, options(environment), kPatience);
  }

  void write(const std::string& name, const std::string& text) const { write_file(directory_ / name, text); }
  [[nodiscard]] std::string read(const std::string& name) const { return read_file(directory_ / name); }
  [[nodiscard]] Rows rows(const std::string& name) const { return Rows(read(name)); }
  [[nodiscard]] Json json(const std::string& name) const { return Json::parse(read(name)); }
  [[nodiscard]] bool exists(const std::string& name) const {
    return std::filesystem::exists(directory_ / name);
  }

  TempDir directory_;
  std::filesystem::path cache_ = shared_cache();
};

/// The line of a summary that begins with `  NAME`, without name and blanks; empty if there is none.
inline std::string summary_line(const std::string& summary, const std::string& name) {
  std::istringstream lines(summary);
  for (std::string line; std::getline(lines, line);) {
    if (!line.starts_with("  " + name)) continue;
    const auto at = line.find_first_not_of(' ', 2 + name.size());
    return at == std::string::npos ? std::string() : line.substr(at);
  }
  return {};
}

}  // namespace chaperon::test
