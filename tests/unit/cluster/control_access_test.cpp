// Who may use the control API.
#include "cluster/control_access.hpp"

#include <gtest/gtest.h>

namespace chaperon::cluster {
namespace {

// `printf chaperon:secret | base64`
constexpr const char* kSecret = "Y2hhcGVyb246c2VjcmV0";

TEST(ControlAccess, TheTokenIsThePasswordOfOneUser) {
  const ControlAccess access("secret", {});
  EXPECT_TRUE(access.has_token());
  EXPECT_TRUE(access.authorizes(std::string("Basic ") + kSecret));
  EXPECT_TRUE(access.authorizes(std::string("basic   ") + kSecret));
  EXPECT_FALSE(access.authorizes(""));
  EXPECT_FALSE(access.authorizes("Basic"));
  EXPECT_FALSE(access.authorizes("Basic "));
  EXPECT_FALSE(access.authorizes(kSecret));
  EXPECT_FALSE(access.authorizes(std::string("Bearer ") + kSecret));
  EXPECT_FALSE(access.authorizes(std::string("Basic ") + kSecret + "x"));
  EXPECT_FALSE(access.authorizes("Basic Y2hhcGVyb246c2VjcmVU"));  // chaperon:secreT
  EXPECT_FALSE(access.authorizes("Basic cm9vdDpzZWNyZXQ="));      // root:secret
  EXPECT_FALSE(access.authorizes("Basic Y2hhcGVyb246"));          // chaperon:
}

TEST(ControlAccess, WithoutATokenNobodyIsAskedForOne) {
  const ControlAccess access("", {});
  EXPECT_FALSE(access.has_token());
  EXPECT_TRUE(access.authorizes(""));
  EXPECT_TRUE(access.authorizes("Basic nonsense"));
}

TEST(ControlAccess, AHostIsThisMachineTheAddressOrAKnownName) {
  const ControlAccess access("", {"Load.Example.com", "other:8710"});
  for (const auto* host : {"localhost", "localhost:8710", "LOCALHOST.", "127.0.0.1:1", "127.8.9.1",
                           "[::1]:8710", "[0:0:0:0:0:0:0:1]", "[::ffff:127.0.0.1]:8710", "192.0.2.7:8710",
                           "192.0.2.7", "load.example.com", "LOAD.example.com.:80", "other"}) {
    EXPECT_TRUE(access.accepts_host(host, "192.0.2.7")) << host;
  }
  EXPECT_TRUE(access.accepts_host("[2001:DB8::7]:8710", "2001:db8::7"));
  EXPECT_TRUE(access.accepts_host("[2001:db8:0:0::7]", "2001:db8::7"));
  for (const auto* host : {"",
                           ":8710",
                           "evil.example",
                           "evil.example:8710",
                           "localhost.evil.example",
                           "192.0.2.8",
                           "[::1",
                           "[::1]x",
                           "localhost:80a",
                           "user@localhost",
                           "load.example.com.evil.example",
                           "127.evil.example",
                           "127.0.0.1.nip.io:8710",
                           "127.0.0.1@evil",
                           "127.0.0.1:80@evil",
                           "127.",
                           "127.1",
                           "a.localhost",
                           "[localhost]",
                           "[127.0.0.1]",
                           "[::1%lo]",
                           "::1"}) {
    EXPECT_FALSE(access.accepts_host(host, "192.0.2.7")) << host;
  }
}

TEST(ControlAccess, KnowsLoopbackAddresses) {
  for (const auto* address :
       {"127.0.0.1", "127.1.2.3", "::1", "0:0:0:0:0:0:0:1", "::ffff:127.0.0.1", "localhost"})
    EXPECT_TRUE(is_loopback_address(address)) << address;
  for (const auto* address : {"0.0.0.0", "::", "192.0.2.7", "1.127.0.1", "::ffff:192.0.2.7", "127.",
                              "127.evil.example", "127.0.0.1.nip.io", "127.0.0.1@evil", "a.localhost", ""})
    EXPECT_FALSE(is_loopback_address(address)) << address;
}

}  // namespace
}  // namespace chaperon::cluster
