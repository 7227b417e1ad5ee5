// What a task runs: a callable with its arguments.
#pragma once

#include <functional>
#include <memory>
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

// Copies of a callable and its arguments.
template <class F, class... Args>
std::unique_ptr<TaskBody> make_task(F&& f, Args&&... args) {
  return std::make_unique<TaskCall<std::decay_t<F>, std::decay_t<Args>...>>(std::forward<F>(f),
                                                                            std::forward<Args>(args)...);
}

// Makes a body for each of several tasks, all with copies of the same arguments.
using TaskFactory = std::function<std::unique_ptr<TaskBody>()>;

// Whether f(session, args…) can be called with copies of the arguments.
template <class F, class... Args>
concept TaskCallable = std::invocable<std::decay_t<F>, Session&, std::decay_t<Args>...>;

}  // namespace detail
}  // namespace v1
}  // namespace chaperon
