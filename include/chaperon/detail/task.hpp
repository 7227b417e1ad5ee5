// What a task runs: a callable with its arguments.
#pragma once

#include <concepts>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>

#include <chaperon/version.hpp>

namespace chaperon {
inline namespace v1 {

class Session;

namespace detail {

// Called once, on the task's own fiber.
class TaskBody {
 public:
  TaskBody() = default;
  virtual ~TaskBody() = default;
  TaskBody(const TaskBody&) = delete;
  TaskBody& operator=(const TaskBody&) = delete;
  virtual void run(Session& session) = 0;
};

template <class F, class... Args>
class TaskCall final : public TaskBody {
 public:
  template <class G, class... Given>
  explicit TaskCall(G&& f, Given&&... args) : f_(std::forward<G>(f)), args_(std::forward<Given>(args)...) {}
  void run(Session& session) override {
    std::apply([&](Args&... args) { std::invoke(std::move(f_), session, std::move(args)...); }, args_);
  }

 private:
  F f_;
  std::tuple<Args...> args_;
};

// What a task keeps of an argument: a copy of its own; of a text it does not own, the text itself.
template <class T>
using task_argument_t =
    std::conditional_t<std::same_as<std::decay_t<T>, std::string_view> ||
                           std::same_as<std::decay_t<T>, const char*> || std::same_as<std::decay_t<T>, char*>,
                       std::string, std::decay_t<T>>;

// Copies of a callable and its arguments.
template <class F, class... Args>
std::unique_ptr<TaskBody> make_task(F&& f, Args&&... args) {
  return std::make_unique<TaskCall<std::decay_t<F>, task_argument_t<Args>...>>(std::forward<F>(f),
                                                                               std::forward<Args>(args)...);
}

// Makes a body for each of several tasks, all with copies of the same arguments.
using TaskFactory = std::function<std::unique_ptr<TaskBody>()>;

// Whether f(session, args…) can be called with copies of the arguments.
template <class F, class... Args>
concept TaskCallable = std::invocable<std::decay_t<F>, Session&, task_argument_t<Args>...>;

}  // namespace detail
}  // namespace v1
}  // namespace chaperon
