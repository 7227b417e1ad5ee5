#include <string>
#include <type_traits>

#include <gtest/gtest.h>

#include <chaperon/errors.hpp>

namespace chaperon {
namespace {

TEST(ErrorTest, EveryReasonHasItsWord) {
  const std::pair<Reason, std::string_view> words[] = {
      {Reason::none, ""},
      {Reason::dns, "dns"},
      {Reason::refused, "refused"},
      {Reason::unreachable, "unreachable"},
      {Reason::reset, "reset"},
      {Reason::closed, "closed"},
      {Reason::connect_timeout, "connect_timeout"},
      {Reason::timeout, "timeout"},
      {Reason::malformed, "malformed"},
      {Reason::too_large, "too_large"},
      {Reason::decode, "decode"},
      {Reason::tls, "tls"},
      {Reason::no_ports, "no_ports"},
      {Reason::no_descriptors, "no_descriptors"},
      {Reason::unsupported, "unsupported"},
      {Reason::cancelled, "cancelled"},
      {Reason::exception, "exception"},
  };
  for (const auto& [reason, word] : words) {
    EXPECT_EQ(to_string(reason), word);
    EXPECT_EQ((Error{.reason = reason, .status = 0, .action = {}, .message = {}}.name()), word);
  }
}

TEST(ErrorTest, AnHttpErrorIsNamedByItsStatus) {
  const Error error{.reason = Reason::http, .status = 503, .action = {}, .message = {}};
  EXPECT_EQ(error.name(), "HTTP 503");
  EXPECT_FALSE(error.empty());
  EXPECT_TRUE(Error().empty());
}

TEST(ErrorTest, CancelledIsNoStdException) {
  static_assert(!std::is_base_of_v<std::exception, Cancelled>);
  EXPECT_EQ(Cancelled("why").reason(), "why");
}

}  // namespace
}  // namespace chaperon
