// What the control API can do with load tests: implemented by the master.
#pragma once

#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cluster/load_test_queue.hpp"
#include "cluster/load_test_record.hpp"
#include "cluster/master_status.hpp"

namespace chaperon::cluster {

/// A load test as somebody wants it through the API: a source, or a name that the master knows.
struct WantedLoadTest {
  std::string name{};       ///< of a file known to the master; empty: `source` is given
  std::string source{};     ///< C++
  std::string file_name{};  ///< of the source, without directories
  std::string load_test{};  ///< which one of the file; empty: the only one
  std::vector<std::string> tags{};
  LoadTestOptions options{};
};

/// A wanted load test with what is needed to run it.
struct PreparedLoadTest {
  std::string library{};    ///< the library's content
  std::string load_test{};  ///< its name in there
  std::string file{};       ///< the file's name, for people
};

/// A wanted load test cannot be had. what() is a sentence for a person.
class LoadTestRefused : public std::runtime_error {
 public:
  /// `compiler_output`: what the compiler says, if it does not compile.
  explicit LoadTestRefused(const std::string& what, std::string compiler_output = {})
      : std::runtime_error(what), compiler_output_(std::move(compiler_output)) {}
  ~LoadTestRefused() override;

  [[nodiscard]] const std::string& compiler_output() const noexcept { return compiler_output_; }

 private:
  std::string compiler_output_;
};

/// The load tests of a cluster, for the API. All calls block; they come from several threads and throw
/// NatsError.
class LoadTestControl {
 public:
  LoadTestControl() = default;
  virtual ~LoadTestControl();
  LoadTestControl(const LoadTestControl&) = delete;
  LoadTestControl& operator=(const LoadTestControl&) = delete;

  /// As in LoadTestQueue.
  virtual std::vector<QueuedLoadTest> all() = 0;
  virtual std::optional<QueuedLoadTest> find(const std::string& id) = 0;
  virtual Cancelled cancel(const std::string& id, bool only_scheduled) = 0;
  virtual std::optional<std::string> results(const std::string& id, std::string_view kind) = 0;
  /// Compiles them and puts them into the queue: all or none. May take minutes. Throws LoadTestRefused,
  /// InputError.
  virtual std::vector<LoadTestRecord> submit(const std::vector<WantedLoadTest>& wanted) = 0;
  /// How it is. Does not block.
  virtual MasterStatus status() = 0;
  /// Why it cannot do its work now; empty if it can. Does not block.
  virtual std::string trouble() = 0;
};

}  // namespace chaperon::cluster
