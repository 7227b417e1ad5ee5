#include "websocket/handshake.hpp"

#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include <chaperon/errors.hpp>

#include "http/response_parser.hpp"

namespace chaperon::websocket {
namespace {

// The key and its answer in RFC 6455, section 1.3.
constexpr const char* kKey = "dGhlIHNhbXBsZSBub25jZQ==";
constexpr const char* kAccept = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

const std::vector<std::string> kChat{"chat", "superchat"};

const Offer kPlain{.key = kKey};
const Offer kChatOffer{.key = kKey, .subprotocols = kChat};
const Offer kCompression{.key = kKey, .compression = true};

http::Message answer_with(std::string_view headers) {
  http::Message message;
  http::ResponseParser parser;
  parser.start(message, http::Method::get, true, {});
  const std::string text = std::string("HTTP/1.1 101 Switching Protocols\r\n").append(headers).append("\r\n");
  const auto result = parser.feed(text);
  EXPECT_EQ(result.state, http::ResponseParser::State::upgraded) << parser.error_message();
  return message;
}

std::string good_headers(std::string_view more = "") {
  return std::string("Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ")
      .append(kAccept)
      .append("\r\n")
      .append(more);
}

HandshakeCheck check(std::string_view headers, const Offer& offer = kPlain) {
  return check_answer(answer_with(headers), offer);
}

void expect_refused(std::string_view headers, std::string_view error, const Offer& offer = kPlain) {
  const HandshakeCheck result = check(headers, offer);
  EXPECT_EQ(result.error, error) << headers;
  EXPECT_EQ(result.agreement.subprotocol, "") << headers;
  EXPECT_FALSE(result.agreement.deflate) << headers;
}

// Key and accept.

TEST(Handshake, AcceptOfTheRfc) {
  EXPECT_EQ(accept_of(kKey), kAccept);
}

TEST(Handshake, AcceptOfOthers) {
  EXPECT_EQ(accept_of(""), "Kfh9QIsMVZcl6xEPYxPHzW8SZ8w=");
  EXPECT_EQ(accept_of("x3JJHMbDL1EzLkh9GBhXDw=="), "HSmrc0sMlYUkAGmm5OPpG2HaGWk=");
}

TEST(Handshake, KeysAre16RandomBytes) {
  Random random(1);
  std::set<std::string> keys;
  for (int i = 0; i < 1000; ++i) {
    const std::string key = make_key(random);
    EXPECT_EQ(key.size(), 24U);
    EXPECT_TRUE(key.ends_with("==")) << key;
    EXPECT_EQ(key.find('='), 22U) << key;
    keys.insert(key);
  }
  EXPECT_EQ(keys.size(), 1000U);
  Random same(1);
  EXPECT_TRUE(keys.contains(make_key(same)));
}

// What is sent.

TEST(Handshake, UpgradeFields) {
  std::string out = "Host: localhost\r\n";
  append_upgrade_fields(out, kPlain);
  EXPECT_EQ(out,
            "Host: localhost\r\n"
            "Upgrade: websocket\r\n"
            "Connection: Upgrade\r\n"
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
            "Sec-WebSocket-Version: 13\r\n");
}

TEST(Handshake, UpgradeFieldsWithAllThereIs) {
  std::string out;
  append_upgrade_fields(out, {.key = kKey, .subprotocols = kChat, .compression = true});
  EXPECT_EQ(out,
            "Upgrade: websocket\r\n"
            "Connection: Upgrade\r\n"
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
            "Sec-WebSocket-Version: 13\r\n"
            "Sec-WebSocket-Protocol: chat, superchat\r\n"
            "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n");
}

TEST(Handshake, SubprotocolsMustBeNames) {
  const auto message_of = [](const std::vector<std::string>& subprotocols) -> std::string {
    std::string out = "before";
    try {
      append_upgrade_fields(out, {.key = kKey, .subprotocols = subprotocols});
    } catch (const InvalidArgument& e) {
      EXPECT_EQ(out, "before");
      return e.what();
    }
    return "";
  };
  EXPECT_EQ(message_of({"v1.json", "a+b"}), "");
  EXPECT_EQ(
      message_of({"chat", "super chat"}),
      "subprotocols: \"super chat\" is no name of a subprotocol: write one without blanks and separators");
  for (const char* name : {"", "a,b", "a/b", "a;b", "a\r\nX: y", "ä", "\"a\""})
    EXPECT_NE(message_of({name}), "") << name;
  EXPECT_EQ(message_of({"a", "b", "a"}), "subprotocols: \"a\" is there twice: write it once");
  EXPECT_EQ(message_of({"a", "A"}), "") << "they are two: case matters";
}

// The answer: Upgrade, Connection, Sec-WebSocket-Accept.

TEST(Handshake, AGoodAnswer) {
  const HandshakeCheck result = check(good_headers());
  EXPECT_EQ(result.error, "");
  EXPECT_EQ(result.agreement.subprotocol, "");
  EXPECT_FALSE(result.agreement.deflate);
}

TEST(Handshake, NamesAndTokensInAnyCase) {
  EXPECT_EQ(check(std::string("UPGRADE: WebSocket\r\nconnection: uPGRADE\r\nsec-websocket-accept:\t ") +
                  kAccept + " \t\r\n")
                .error,
            "");
}

TEST(Handshake, ConnectionIsAList) {
  for (const std::string connection :
       {"Connection: keep-alive, Upgrade\r\n", "Connection: Upgrade,keep-alive\r\n",
        "Connection: ,, upgrade ,\r\n", "Connection: keep-alive\r\nConnection: Upgrade\r\n",
        "Connection: Upgrade\r\nConnection: x\r\n"}) {
    EXPECT_EQ(
        check("Upgrade: websocket\r\n" + connection + "Sec-WebSocket-Accept: " + kAccept + "\r\n").error, "")
        << connection;
  }
}

struct WrongAnswer {
  std::string headers;
  std::string error;
};

TEST(Handshake, WrongAnswers) {
  const std::string upgrade = "Upgrade: websocket\r\n";
  const std::string connection = "Connection: Upgrade\r\n";
  const std::string accept = std::string("Sec-WebSocket-Accept: ") + kAccept + "\r\n";
  const WrongAnswer cases[] = {
      {connection + accept, "it has no Upgrade header"},
      {"Upgrade: h2c\r\n" + connection + accept, "its Upgrade is \"h2c\", not \"websocket\""},
      {"Upgrade:\r\n" + connection + accept, "its Upgrade is \"\", not \"websocket\""},
      {"Upgrade: websocket/13\r\n" + connection + accept,
       "its Upgrade is \"websocket/13\", not \"websocket\""},
      {"Upgrade: websocket, h2c\r\n" + connection + accept,
       "its Upgrade is \"websocket, h2c\", not \"websocket\""},
      {upgrade + upgrade + connection + accept, "its Upgrade is \"websocket, websocket\", not \"websocket\""},
      {upgrade + accept, "it has no Connection header"},
      {upgrade + "Connection: keep-alive\r\n" + accept,
       "its Connection is \"keep-alive\", without \"Upgrade\""},
      {upgrade + "Connection: upgraded, no upgrade\r\n" + accept,
       "its Connection is \"upgraded, no upgrade\", without \"Upgrade\""},
      {upgrade + "Connection: a\r\nConnection: b\r\n" + accept,
       "its Connection is \"a, b\", without \"Upgrade\""},
      {upgrade + connection, "it has no Sec-WebSocket-Accept header"},
      {upgrade + connection + accept + accept, "it has more than one Sec-WebSocket-Accept"},
      {upgrade + connection + "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOO=\r\n",
       "its Sec-WebSocket-Accept is not the one for the key that was sent"},
      {upgrade + connection + "Sec-WebSocket-Accept: S3PPLMBITXAQ9KYGZZHZRBK+XOO=\r\n",
       "its Sec-WebSocket-Accept is not the one for the key that was sent"},
      {upgrade + connection + "Sec-WebSocket-Accept:\r\n",
       "its Sec-WebSocket-Accept is not the one for the key that was sent"},
      {upgrade + connection + "Sec-WebSocket-Accept: dGhlIHNhbXBsZSBub25jZQ==\r\n",
       "its Sec-WebSocket-Accept is not the one for the key that was sent"},
  };
  for (const WrongAnswer& wrong : cases)
    expect_refused(wrong.headers, wrong.error);
}

// Subprotocols.

TEST(Handshake, AnOfferedSubprotocol) {
  EXPECT_EQ(check(good_headers("Sec-WebSocket-Protocol: superchat\r\n"), kChatOffer).agreement.subprotocol,
            "superchat");
  EXPECT_EQ(check(good_headers("Sec-WebSocket-Protocol:  chat \r\n"), kChatOffer).agreement.subprotocol,
            "chat");
  const HandshakeCheck none = check(good_headers(), kChatOffer);
  EXPECT_EQ(none.error, "");
  EXPECT_EQ(none.agreement.subprotocol, "");
}

TEST(Handshake, OtherSubprotocols) {
  const WrongAnswer cases[] = {
      {"Sec-WebSocket-Protocol: other\r\n",
       "its Sec-WebSocket-Protocol is \"other\", which was not offered (chat, superchat)"},
      {"Sec-WebSocket-Protocol: Chat\r\n",
       "its Sec-WebSocket-Protocol is \"Chat\", which was not offered (chat, superchat)"},
      {"Sec-WebSocket-Protocol:\r\n",
       "its Sec-WebSocket-Protocol is \"\", which was not offered (chat, superchat)"},
      {"Sec-WebSocket-Protocol: chat, superchat\r\n",
       "its Sec-WebSocket-Protocol is \"chat, superchat\", which was not offered (chat, superchat)"},
      {"Sec-WebSocket-Protocol: chat\r\nSec-WebSocket-Protocol: superchat\r\n",
       "it has more than one Sec-WebSocket-Protocol"},
      {"Sec-WebSocket-Protocol: chat\r\nSec-WebSocket-Protocol: chat\r\n",
       "it has more than one Sec-WebSocket-Protocol"},
  };
  for (const WrongAnswer& wrong : cases)
    expect_refused(good_headers(wrong.headers), wrong.error, kChatOffer);
  expect_refused(good_headers("Sec-WebSocket-Protocol: chat\r\n"),
                 "its Sec-WebSocket-Protocol is \"chat\", which was not offered (none was)");
}

// Extensions.

std::string extensions(std::string_view value) {
  return good_headers(std::string("Sec-WebSocket-Extensions: ").append(value).append("\r\n"));
}

TEST(Handshake, AgreedDeflate) {
  struct Case {
    std::string value;
    DeflateParameters parameters;
  };
  const Case cases[] = {
      {"permessage-deflate", {}},
      {"  permessage-deflate  ", {}},
      {", permessage-deflate ,", {}},
      {"permessage-deflate; server_no_context_takeover", {.server_no_context_takeover = true}},
      {"permessage-deflate;client_no_context_takeover", {.client_no_context_takeover = true}},
      {"permessage-deflate; server_max_window_bits=8", {.server_max_window_bits = 8}},
      {"permessage-deflate; server_max_window_bits=15", {.server_max_window_bits = 15}},
      {"permessage-deflate; client_max_window_bits=9", {.client_max_window_bits = 9}},
      {"permessage-deflate; client_max_window_bits=\"10\"", {.client_max_window_bits = 10}},
      {"permessage-deflate; client_max_window_bits = \"1\\1\"", {.client_max_window_bits = 11}},
      {"permessage-deflate ; client_max_window_bits\t=\t12 ; server_no_context_takeover;"
       "server_max_window_bits=13;client_no_context_takeover",
       {.server_no_context_takeover = true,
        .client_no_context_takeover = true,
        .server_max_window_bits = 13,
        .client_max_window_bits = 12}},
  };
  for (const Case& c : cases) {
    const HandshakeCheck result = check(extensions(c.value), kCompression);
    EXPECT_EQ(result.error, "") << c.value;
    ASSERT_TRUE(result.agreement.deflate) << c.value;
    EXPECT_EQ(*result.agreement.deflate, c.parameters) << c.value;
  }
}

TEST(Handshake, NoDeflate) {
  for (const std::string& headers : {good_headers(), extensions(""), extensions(" , ,")}) {
    const HandshakeCheck result = check(headers, kCompression);
    EXPECT_EQ(result.error, "");
    EXPECT_FALSE(result.agreement.deflate);
  }
}

TEST(Handshake, ExtensionsInSeveralHeaders) {
  EXPECT_TRUE(
      check(good_headers("Sec-WebSocket-Extensions:\r\nSec-WebSocket-Extensions: permessage-deflate\r\n"),
            kCompression)
          .agreement.deflate);
  expect_refused(good_headers("Sec-WebSocket-Extensions: permessage-deflate\r\n"
                              "Sec-WebSocket-Extensions: permessage-deflate\r\n"),
                 "its Sec-WebSocket-Extensions has permessage-deflate twice", kCompression);
  expect_refused(
      good_headers("Sec-WebSocket-Extensions: permessage-deflate\r\nSec-WebSocket-Extensions: x\r\n"),
      "its Sec-WebSocket-Extensions has \"x\", which was not offered", kCompression);
}

TEST(Handshake, WrongExtensions) {
  const WrongAnswer cases[] = {
      {"x", "\"x\", which was not offered"},
      {"x-webkit-deflate-frame", "\"x-webkit-deflate-frame\", which was not offered"},
      {"Permessage-Deflate", "\"Permessage-Deflate\", which was not offered"},
      {"permessage-deflate, x", "\"x\", which was not offered"},
      {"permessage-deflate, permessage-deflate", "permessage-deflate twice"},
      {"permessage-deflate; x", "the unknown parameter \"x\""},
      {"permessage-deflate; x=1", "the unknown parameter \"x\""},
      {"permessage-deflate; Server_No_Context_Takeover",
       "the unknown parameter \"Server_No_Context_Takeover\""},
      {"permessage-deflate; server_no_context_takeover; server_no_context_takeover",
       "the parameter server_no_context_takeover twice"},
      {"permessage-deflate; client_no_context_takeover; client_no_context_takeover",
       "the parameter client_no_context_takeover twice"},
      {"permessage-deflate; server_max_window_bits=10; server_max_window_bits=10",
       "the parameter server_max_window_bits twice"},
      {"permessage-deflate; client_max_window_bits=10; client_max_window_bits=11",
       "the parameter client_max_window_bits twice"},
      {"permessage-deflate; server_no_context_takeover=1",
       "the parameter server_no_context_takeover with a value, \"1\""},
      {"permessage-deflate; client_no_context_takeover=true",
       "the parameter client_no_context_takeover with a value, \"true\""},
      {"permessage-deflate; client_max_window_bits", "the parameter client_max_window_bits without a value"},
      {"permessage-deflate; server_max_window_bits", "the parameter server_max_window_bits without a value"},
      {"permessage-deflate; server_max_window_bits=7",
       "the parameter server_max_window_bits with \"7\", which is not a number from 8 to 15"},
      {"permessage-deflate; server_max_window_bits=16",
       "the parameter server_max_window_bits with \"16\", which is not a number from 8 to 15"},
      {"permessage-deflate; client_max_window_bits=08",
       "the parameter client_max_window_bits with \"08\", which is not a number from 8 to 15"},
      {"permessage-deflate; client_max_window_bits=1x",
       "the parameter client_max_window_bits with \"1x\", which is not a number from 8 to 15"},
      {"permessage-deflate; client_max_window_bits=-9",
       "the parameter client_max_window_bits with \"-9\", which is not a number from 8 to 15"},
      {"permessage-deflate; client_max_window_bits=100000000000000000000000000009",
       "the parameter client_max_window_bits with \"100000000000000000000000000009\", which is not a number "
       "from 8 to 15"},
      {"permessage-deflate; client_max_window_bits=", "a parameter that is not \"name\" or \"name=value\""},
      {"permessage-deflate; client_max_window_bits=\"\"",
       "a parameter that is not \"name\" or \"name=value\""},
      {"permessage-deflate; client_max_window_bits=\"10",
       "a parameter that is not \"name\" or \"name=value\""},
      {"permessage-deflate; client_max_window_bits=\"10\\",
       "a parameter that is not \"name\" or \"name=value\""},
      {"permessage-deflate; client_max_window_bits=\" 10\"",
       "a parameter that is not \"name\" or \"name=value\""},
      {"permessage-deflate;", "a parameter that is not \"name\" or \"name=value\""},
      {"permessage-deflate;;server_no_context_takeover",
       "a parameter that is not \"name\" or \"name=value\""},
      {"permessage-deflate; =10", "a parameter that is not \"name\" or \"name=value\""},
      {"permessage-deflate server_no_context_takeover", "something else than a list of extensions"},
      {"permessage-deflate; client_max_window_bits=10 11", "something else than a list of extensions"},
      {"permessage-deflate=1", "something else than a list of extensions"},
      {"\"permessage-deflate\"", "an extension without a name"},
      {"; client_max_window_bits", "an extension without a name"},
  };
  for (const WrongAnswer& wrong : cases)
    expect_refused(extensions(wrong.headers), "its Sec-WebSocket-Extensions has " + wrong.error,
                   kCompression);
}

TEST(Handshake, DeflateThatWasNotOffered) {
  expect_refused(extensions("permessage-deflate"),
                 "its Sec-WebSocket-Extensions has \"permessage-deflate\", which was not offered");
}

}  // namespace
}  // namespace chaperon::websocket
