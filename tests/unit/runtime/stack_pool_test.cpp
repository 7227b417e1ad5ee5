#include "runtime/stack_pool.hpp"

#include <cstring>
#include <set>
#include <vector>

#include <gtest/gtest.h>

namespace chaperon::runtime {
namespace {

TEST(StackPool, HandsOutDistinctStacks) {
  StackPool pool;
  std::set<std::byte*> bases;
  for (int i = 0; i < 200; ++i) {
    const Stack stack = pool.acquire();
    ASSERT_TRUE(stack);
    EXPECT_GE(stack.size, StackPool::kDefaultSize);
    EXPECT_TRUE(bases.insert(stack.base).second);
    // All but the guard can be written.
    std::memset(stack.base + (StackPool::kGuardPages * page_size()), 1, 16);
    std::memset(stack.top() - 16, 1, 16);
  }
}

TEST(StackPool, UsesAStackAgain) {
  StackPool pool;
  const Stack first = pool.acquire();
  pool.release(first);
  EXPECT_EQ(pool.acquire().base, first.base);
}

TEST(StackPool, RoundsSizesUp) {
  EXPECT_EQ(StackPool(100'000).stack_size() % page_size(), 0U);
  EXPECT_GE(StackPool(100'000).stack_size(), 100'000U);
  EXPECT_GE(StackPool(1).stack_size(), 32U * 1024);
}

TEST(StackPool, AReleasedStackKeepsOnlyItsTopPage) {
  StackPool pool;
  const Stack stack = pool.acquire();
  std::byte* low = stack.top() - (10 * page_size());
  std::memset(low, 7, 8);
  pool.release(stack);
  const Stack again = pool.acquire();
  ASSERT_EQ(again.base, stack.base);
  EXPECT_EQ(std::to_integer<int>(*low), 0) << "the page was not given back";
}

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
TEST(StackPoolDeathTest, TheGuardCannotBeTouched) {
  StackPool pool;
  const Stack stack = pool.acquire();
  if (stack.canary) {
    EXPECT_FALSE(StackPool::canary_broken(stack));
    std::memset(stack.base + (StackPool::kGuardPages * page_size()), 0, 8);
    EXPECT_TRUE(StackPool::canary_broken(stack));
  } else {
    EXPECT_DEATH({ *static_cast<volatile std::byte*>(stack.base) = std::byte{1}; }, "");
  }
}
#endif

}  // namespace
}  // namespace chaperon::runtime
