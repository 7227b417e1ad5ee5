#include "session/routes.hpp"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace chaperon::session {
namespace {

TEST(RoutesTest, FindsWhatWasKept) {
  Routes routes;
  const Routes::Key key{.profile = 1, .path = "/a"};
  EXPECT_EQ(routes.find(key), nullptr);
  Route route;
  route.label = "get(/a)";
  const Route* kept = routes.keep(key, route);
  ASSERT_NE(kept, nullptr);
  EXPECT_EQ(kept->label, "get(/a)");
  EXPECT_EQ(routes.find(key), kept);
}

TEST(RoutesTest, EveryPartOfAKeyTellsRoutesApart) {
  Routes routes;
  const std::vector<Routes::Key> keys{
      {.profile = 1, .path = "/a"},
      {.profile = 2, .path = "/a"},
      {.profile = 1, .path = "/ab"},
      {.profile = 1, .path = "/a", .name = "n"},
      {.profile = 1, .path = "/a", .name = "m"},
      {.profile = 1, .method = http::Method::post, .path = "/a"},
      {.profile = 1, .method = http::Method::other, .method_name = "LOCK", .path = "/a"},
      {.profile = 1, .method = http::Method::other, .method_name = "UNLOCK", .path = "/a"},
  };
  std::vector<const Route*> kept;
  for (const auto& key : keys) {
    EXPECT_EQ(routes.find(key), nullptr);
    Route route;
    kept.push_back(routes.keep(key, route));
  }
  for (std::size_t i = 0; i < keys.size(); ++i)
    EXPECT_EQ(routes.find(keys[i]), kept[i]);
}

TEST(RoutesTest, KeepsSoManyAndLeavesTheNextUnchanged) {
  Routes routes;
  for (std::size_t i = 0; i < Routes::kMost; ++i) {
    Route route;
    ASSERT_NE(routes.keep({.path = std::to_string(i)}, route), nullptr);
  }
  Route route;
  route.label = "one too many";
  EXPECT_EQ(routes.keep({.path = "/more"}, route), nullptr);
  EXPECT_EQ(route.label, "one too many");
  EXPECT_NE(routes.find({.path = "0"}), nullptr);
}

}  // namespace
}  // namespace chaperon::session
