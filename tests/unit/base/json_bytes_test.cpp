#include "base/json_bytes.hpp"

#include <cmath>
#include <limits>
#include <random>
#include <stdexcept>
#include <string>
#include <string_view>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace chaperon {
namespace {

std::string bytes_of(const Json& value) {
  std::string bytes;
  ByteWriter out(bytes);
  encode(out, value);
  return bytes;
}

Json value_of(std::string_view bytes) {
  ByteReader in(bytes);
  auto value = decode_json(in);
  in.end();
  return value;
}

Json nested(int depth) {
  Json value = Json::array();
  for (int i = 1; i < depth; ++i) {
    Json outer = Json::object();
    outer["in"] = std::move(value);
    value = std::move(outer);
  }
  return value;
}

// Of all kinds, at most `depth` deep.
Json random_json(std::mt19937_64& random, int depth) {
  switch (random() % (depth > 0 ? 9 : 7)) {
    case 0:
      return nullptr;
    case 1:
      return random() % 2 == 0;
    case 2:
      return static_cast<std::int64_t>(random());
    case 3:
      return random();
    case 4:
      return static_cast<double>(random()) / 3;
    case 5:
      return std::string(random() % 20, static_cast<char>(random()));
    case 6:
      return Json::binary({1, 2, static_cast<std::uint8_t>(random())}, random() % 300);
    case 7: {
      Json array = Json::array();
      for (auto left = random() % 4; left > 0; --left)
        array.push_back(random_json(random, depth - 1));
      return array;
    }
    default: {
      Json object = Json::object();
      for (auto left = random() % 4; left > 0; --left)
        object[std::to_string(random() % 100)] = random_json(random, depth - 1);
      return object;
    }
  }
}

TEST(JsonBytes, ValuesComeBackWithTheirTypes) {
  std::mt19937_64 random(4711);
  for (int i = 0; i < 2000; ++i) {
    const Json value = random_json(random, 5);
    const std::string bytes = bytes_of(value);
    const Json back = value_of(bytes);
    EXPECT_EQ(back, value);
    EXPECT_EQ(bytes_of(back), bytes);
  }
}

TEST(JsonBytes, KeepsWhatTextWouldLose) {
  EXPECT_TRUE(std::isnan(value_of(bytes_of(std::numeric_limits<double>::quiet_NaN())).get<double>()));
  EXPECT_EQ(value_of(bytes_of(std::numeric_limits<double>::infinity())),
            Json(std::numeric_limits<double>::infinity()));
  EXPECT_EQ(value_of(bytes_of("\xFF")), Json("\xFF"));
  EXPECT_TRUE(value_of(bytes_of(Json::binary({1, 2}))).is_binary());
  EXPECT_TRUE(value_of(bytes_of(1.0)).is_number_float());
}

TEST(JsonBytes, DepthIsLimited) {
  EXPECT_EQ(value_of(bytes_of(nested(kDeepestJson))), nested(kDeepestJson));
  EXPECT_THROW(bytes_of(nested(kDeepestJson + 1)), std::invalid_argument);
  EXPECT_THROW(bytes_of(Json::value_t::discarded), std::invalid_argument);
  const std::string one_in_one = bytes_of(Json::array({1})).substr(0, 2);
  std::string bytes;
  for (int i = 0; i < 1'000'000; ++i)
    bytes += one_in_one;
  EXPECT_THROW(value_of(bytes), MalformedBytes);
}

TEST(JsonBytes, MalformedOnesAreRefused) {
  const std::string bytes = bytes_of({{"a", {1, -1, 2.5, nullptr}}, {"b", "text"}, {"c", true}});
  for (std::size_t size = 0; size < bytes.size(); ++size)
    EXPECT_THROW(value_of(bytes.substr(0, size)), MalformedBytes) << size;
  EXPECT_THROW(value_of(bytes + "x"), MalformedBytes);
  EXPECT_THROW(value_of("\x0B"), MalformedBytes);
  // Twice the same key, and keys that descend.
  const std::string object = bytes_of(Json::object({{"a", nullptr}, {"b", nullptr}}));
  for (const char key : {'b', 'c'}) {
    std::string other = object;
    other[other.find('a')] = key;
    EXPECT_THROW(value_of(other), MalformedBytes);
  }
}

TEST(JsonBytes, SizesAreComparedWithWhatIsLeft) {
  std::string bytes = bytes_of(Json::array());
  bytes.resize(1);
  ByteWriter(bytes).varint(std::uint64_t{1} << 60U);
  EXPECT_THROW(value_of(bytes + "abc"), MalformedBytes);
}

}  // namespace
}  // namespace chaperon
