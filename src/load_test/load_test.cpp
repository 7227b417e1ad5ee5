#include <utility>

#include <chaperon/load_test.hpp>

namespace chaperon {
inline namespace v1 {
namespace {

std::vector<RegisteredLoadTest>& registry() {
  static std::vector<RegisteredLoadTest> load_tests;
  return load_tests;
}

}  // namespace

void detail::register_load_test(RegisteredLoadTest load_test) {
  registry().push_back(std::move(load_test));
}

const std::vector<RegisteredLoadTest>& load_tests() {
  return registry();
}

}  // namespace v1
}  // namespace chaperon
