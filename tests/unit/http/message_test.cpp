#include "http/message.hpp"

#include <string>

#include <gtest/gtest.h>

namespace chaperon::http {
namespace {

Message example() {
  Message message{.status = 200, .http_major = 1, .http_minor = 1, .keep_alive = true};
  message.head = "HTTP/1.1 200 OK\r\nA: one\r\nB: two\r\na: three\r\n\r\n";
  message.fields = {{.name_at = 17, .name_size = 1, .value_at = 20, .value_size = 3},
                    {.name_at = 25, .name_size = 1, .value_at = 28, .value_size = 3},
                    {.name_at = 33, .name_size = 1, .value_at = 36, .value_size = 5}};
  message.body = "body";
  return message;
}

TEST(Message, FindsTheFirstHeaderInAnyCase) {
  const Message message = example();
  EXPECT_EQ(message.header("a"), "one");
  EXPECT_EQ(message.header("b"), "two");
  EXPECT_EQ(message.header("c"), "");
  EXPECT_TRUE(message.has_header("B"));
  EXPECT_FALSE(message.has_header(""));
  EXPECT_EQ(message.name(message.fields[2]), "a");
  EXPECT_EQ(message.value(message.fields[2]), "three");
}

TEST(Message, ReasonPhrase) {
  Message message = example();
  EXPECT_EQ(message.reason_phrase(), "OK");
  message.head = "HTTP/1.1 200 \r\n\r\n";
  EXPECT_EQ(message.reason_phrase(), "");
  message.head = "HTTP/1.1 200\r\n\r\n";
  EXPECT_EQ(message.reason_phrase(), "");
  message.head = "";
  EXPECT_EQ(message.reason_phrase(), "");
}

TEST(Message, ResetKeepsSmallBuffersAndDropsLargeOnes) {
  Message message = example();
  message.body.assign(Message::kKeptCapacity, 'x');
  const std::size_t kept = message.body.capacity();
  message.reset();
  EXPECT_EQ(message.status, 0);
  EXPECT_FALSE(message.keep_alive);
  EXPECT_TRUE(message.head.empty());
  EXPECT_TRUE(message.fields.empty());
  EXPECT_TRUE(message.body.empty());
  EXPECT_EQ(message.body.capacity(), kept);

  message.body.assign(Message::kKeptCapacity + 1, 'x');
  message.head.assign(Message::kKeptCapacity + 1, 'x');
  message.reset();
  EXPECT_LE(message.body.capacity(), Message::kKeptCapacity);
  EXPECT_LE(message.head.capacity(), Message::kKeptCapacity);
}

TEST(Message, ClearHeadLeavesTheBody) {
  Message message = example();
  message.clear_head();
  EXPECT_EQ(message.status, 0);
  EXPECT_TRUE(message.fields.empty());
  EXPECT_EQ(message.body, "body");
}

TEST(Excerpt, IsOneLineOfWholeCharacters) {
  EXPECT_EQ(excerpt(""), "");
  EXPECT_EQ(excerpt("one\r\ntwo\tthree"), "one  two three");
  EXPECT_EQ(excerpt("503 Service Unavailable\n"), "503 Service Unavailable");
  EXPECT_EQ(excerpt(" \n"), "");
  EXPECT_EQ(excerpt(std::string(80, 'x')), std::string(80, 'x'));
  EXPECT_EQ(excerpt(std::string(81, 'x')), std::string(80, 'x') + "…");
  EXPECT_EQ(excerpt(std::string(79, 'x') + "é!"), std::string(79, 'x') + "…");
}

}  // namespace
}  // namespace chaperon::http
