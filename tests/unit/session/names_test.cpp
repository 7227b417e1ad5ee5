// The names that scenarios and their functions have in rows.
#include <string>

#include <gtest/gtest.h>

#include <chaperon/detail/names.hpp>

namespace chaperon {
namespace {

namespace shop {
struct Shopper {
  static void buy(int /*things*/) {}
  template <class T>
  static void buy_a() {}
  struct Cart {
    static void fill() {}
  };
};
template <class T, int N>
struct Generic {
  static void f() {}
};
void free_function() {}
}  // namespace shop

template <auto F>
std::string call_name() {
  return std::string(detail::scope_name<F>()) + "." + std::string(detail::function_name<F>());
}

TEST(NamesTest, ATypesNameIsUnqualified) {
  EXPECT_EQ(detail::type_name<shop::Shopper>(), "Shopper");
  EXPECT_EQ(detail::type_name<shop::Shopper::Cart>(), "Cart");
  EXPECT_EQ(detail::type_name<int>(), "int");
  EXPECT_TRUE(detail::type_name<std::string>().starts_with("basic_string") ||
              detail::type_name<std::string>() == "string");
  // The `::` in arguments is not the name's.
  EXPECT_TRUE((detail::type_name<shop::Generic<shop::Shopper, 3>>().starts_with("Generic<")));
}

TEST(NamesTest, AFunctionsNameIsItsTypesAndItsOwn) {
  EXPECT_EQ(call_name<shop::Shopper::buy>(), "Shopper.buy");
  EXPECT_EQ(call_name<&shop::Shopper::buy>(), "Shopper.buy");
  EXPECT_EQ(call_name<shop::Shopper::Cart::fill>(), "Cart.fill");
  EXPECT_EQ(call_name<shop::free_function>(), "shop.free_function");
  EXPECT_TRUE((call_name<shop::Generic<shop::Shopper, 3>::f>().starts_with("Generic<")));
  EXPECT_TRUE((call_name<shop::Generic<shop::Shopper, 3>::f>().ends_with(">.f")));
}

}  // namespace
}  // namespace chaperon
