#include "cli/target_process.hpp"

#include <stdexcept>
#include <string_view>

namespace chaperon::cli {
namespace {

constexpr Duration kStartTime = 20s;
constexpr Duration kEndTime = 2s;
constexpr std::string_view kFirstLine = "listening on ";

// A group of its own: Ctrl-C is for this process, which still wants answers to what it has under way.
ChildOptions target_of(const Process& process) {
  return {.command = {process.executable.string(), "target", "--port", "0"},
          .own_group = true,
          .dies_with_parent = true};
}

}  // namespace

TargetProcess::TargetProcess(const Process& process) : child_(target_of(process)) {
  const auto line = child_.read_line(kStartTime);
  if (!line || !line->starts_with(kFirstLine)) {
    throw std::runtime_error("the built-in target did not start: try 'chaperon target' and --base-url");
  }
  url_ = line->substr(kFirstLine.size());
}

TargetProcess::~TargetProcess() {
  child_.stop(kEndTime);
}

}  // namespace chaperon::cli
