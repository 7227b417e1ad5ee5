#include "net/address.hpp"

#include <cstring>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chaperon/errors.hpp>

namespace chaperon::net {
namespace {

using ::testing::ElementsAre;

TEST(AddressTest, ReadsIPv4AndIPv6) {
  const auto v4 = Address::from_ip("127.0.0.1", 5000);
  ASSERT_TRUE(v4);
  EXPECT_EQ(v4->family(), AF_INET);
  EXPECT_EQ(v4->size(), sizeof(sockaddr_in));
  EXPECT_EQ(v4->text(), "127.0.0.1:5000");
  const auto v6 = Address::from_ip("2001:db8::1", 443);
  ASSERT_TRUE(v6);
  EXPECT_EQ(v6->family(), AF_INET6);
  EXPECT_EQ(v6->size(), sizeof(sockaddr_in6));
  EXPECT_EQ(v6->text(), "[2001:db8::1]:443");
}

TEST(AddressTest, RefusesWhatIsNoAddress) {
  for (const auto* text : {"", "localhost", "127.0.0", "127.0.0.256", "[::1]", "::1%", "1.2.3.4 ", "0x7f.1"})
    EXPECT_FALSE(Address::from_ip(text, 1)) << text;
}

TEST(AddressTest, TakesASocketAddressOfEitherFamilyAndNoOther) {
  const auto v6 = *Address::from_ip("::1", 80);
  EXPECT_EQ(Address::from_sockaddr(v6.data())->text(), "[::1]:80");
  sockaddr other{};
  other.sa_family = AF_UNIX;
  EXPECT_FALSE(Address::from_sockaddr(&other));
}

TEST(AddressTest, AUnixPathIsAsLongAsTheKernelTakes) {
  const auto path = Address::from_unix_path("/run/app.sock");
  ASSERT_TRUE(path);
  EXPECT_EQ(path->family(), AF_UNIX);
  EXPECT_EQ(path->text(), "/run/app.sock");
  EXPECT_EQ(path->size(), offsetof(sockaddr_un, sun_path) + 14);
  const std::string longest(107, 'x');
  EXPECT_EQ(Address::from_unix_path(longest)->text(), longest);
  EXPECT_FALSE(Address::from_unix_path(longest + "x"));
  EXPECT_FALSE(Address::from_unix_path(""));
}

TEST(AddressTest, AnAtSignMeansTheAbstractNamespace) {
  const auto address = Address::from_unix_path("@app");
  ASSERT_TRUE(address);
  EXPECT_EQ(reinterpret_cast<const sockaddr_un*>(address->data())->sun_path[0], '\0');
  EXPECT_EQ(address->size(), offsetof(sockaddr_un, sun_path) + 4);
  EXPECT_EQ(address->text(), "@app");
}

TEST(AddressTest, WithPortChangesACopy) {
  const auto v4 = *Address::from_ip("10.0.0.1", 1);
  EXPECT_EQ(v4.with_port(65535).text(), "10.0.0.1:65535");
  EXPECT_EQ(v4.text(), "10.0.0.1:1");
  EXPECT_EQ(Address::from_ip("::1", 1)->with_port(2).text(), "[::1]:2");
  EXPECT_EQ(Address::from_unix_path("/a")->with_port(2).text(), "/a");
}

std::vector<std::string> local_texts(const std::vector<std::string>& texts) {
  std::vector<std::string> result;
  for (const auto& address : parse_local_addresses(texts))
    result.push_back(address.text());
  return result;
}

TEST(LocalAddressesTest, AreAddressesAndBlocks) {
  EXPECT_THAT(
      local_texts({"127.0.0.9", "127.1.0.5/30", "::1"}),
      ElementsAre("127.0.0.9:0", "127.1.0.4:0", "127.1.0.5:0", "127.1.0.6:0", "127.1.0.7:0", "[::1]:0"));
  EXPECT_THAT(local_texts({"2001:db8::f/127"}), ElementsAre("[2001:db8::e]:0", "[2001:db8::f]:0"));
  EXPECT_THAT(local_texts({"10.0.0.1/32"}), ElementsAre("10.0.0.1:0"));
  EXPECT_THAT(local_texts({}), ElementsAre());
}

TEST(LocalAddressesTest, ABlockHasAtMost65536) {
  const auto block = parse_local_addresses({"10.1.2.3/16"});
  ASSERT_EQ(block.size(), 65536U);
  EXPECT_EQ(block.front().text(), "10.1.0.0:0");
  EXPECT_EQ(block.back().text(), "10.1.255.255:0");
}

TEST(LocalAddressesTest, AnythingElseIsAnInputErrorWithTheRemedy) {
  for (const auto* text : {"", "eth0", "10.0.0.0/15", "10.0.0.0/33", "10.0.0.0/", "10.0.0.0/x",
                           "10.0.0.0/24x", "10.0.0.0/-1", "::/64", "/24"}) {
    try {
      parse_local_addresses({text});
      ADD_FAILURE() << text;
    } catch (const InputError& e) {
      EXPECT_EQ(std::string(e.what()),
                "local address \"" + std::string(text) +
                    "\" is neither an IP address nor a CIDR block of at most 65,536 addresses: write it like "
                    "127.0.0.2 or 127.1.0.0/24");
    }
  }
}

}  // namespace
}  // namespace chaperon::net
