// Connecting to NATS: what is refused, and what is said then.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "integration/nats_fixture.hpp"

namespace chaperon::test {
namespace {

using cluster::Nats;
using cluster::NatsOptions;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

std::string refusal(const NatsOptions& options) {
  return said<InputError>([&] { const Nats nats(options); });
}

// A port of 127.0.0.1 on which nobody listens: it is bound but does not.
class SilentPort {
 public:
  explicit SilentPort(std::uint16_t port = 0)
      : socket_(checked(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket")) {
    const int on = 1;
    ::setsockopt(socket_.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(port);
    socklen_t size = sizeof address;
    auto* const generic = static_cast<sockaddr*>(static_cast<void*>(&address));
    checked(::bind(socket_.get(), generic, size), "bind");
    checked(::getsockname(socket_.get(), generic, &size), "getsockname");
    port_ = ntohs(address.sin_port);
  }
  [[nodiscard]] std::string url() const { return "nats://127.0.0.1:" + std::to_string(port_); }
  [[nodiscard]] int descriptor() const { return socket_.get(); }

 private:
  Descriptor socket_;
  int port_ = 0;
};

TEST(NatsConnectionTest, ConnectsAndSaysWhereTo) {
  const NatsServer server;
  const Nats nats(options_for(server.url()));
  EXPECT_TRUE(nats.connected());
  EXPECT_EQ(nats.server(), server.url());
  EXPECT_EQ(nats.max_payload(), 1'048'576U);
}

TEST(NatsConnectionTest, SaysThatNobodyListens) {
  const SilentPort port;
  EXPECT_EQ(refusal(options_for(port.url())),
            "no NATS server answers at " + port.url() +
                ": start one with 'nats-server -js', or 'chaperon cluster up'");
}

TEST(NatsConnectionTest, SaysThatAHostIsUnknown) {
  auto options = options_for("nats://no.such.host.invalid:4222");
  options.insecure = true;
  EXPECT_THAT(refusal(options), HasSubstr("nats://no.such.host.invalid:4222"));
}

TEST(NatsConnectionTest, SaysThatAServerIsSilent) {
  const SilentPort port;
  checked(::listen(port.descriptor(), 8), "listen");
  EXPECT_THAT(refusal(options_for(port.url())), HasSubstr("no NATS server answers at " + port.url()));
}

TEST(NatsConnectionTest, SaysThatItIsLostWithoutWaitingForAServerThatIsSilent) {
  NatsServer server;
  const Nats nats(options_for(server.url()));
  server.kill();
  const SilentPort port(server.port());
  checked(::listen(port.descriptor(), 8), "listen");
  const Descriptor attempt(checked(::accept(port.descriptor(), nullptr, nullptr), "accept"));
  EXPECT_FALSE(nats.connected());
  // The attempt to connect again, which takes seconds, is still under way.
  char byte = 0;
  EXPECT_EQ(::recv(attempt.get(), &byte, 1, MSG_DONTWAIT), -1);
  EXPECT_EQ(errno, EAGAIN);
}

TEST(NatsConnectionTest, TakesTheServerOfAListThatIsThere) {
  const NatsServer server;
  const SilentPort port;
  const Nats nats(options_for(port.url() + "," + server.url()));
  EXPECT_EQ(nats.server(), server.url());
}

TEST(NatsConnectionTest, SaysThatThereIsNoJetStream) {
  const NatsServer server({.jetstream = false});
  EXPECT_EQ(refusal(options_for(server.url())),
            "the NATS server at " + server.url() + " has no JetStream: start it with 'nats-server -js'");
}

TEST(NatsConnectionTest, SaysThatTheUserMayNotUseJetStream) {
  const NatsServer server({.config = R"(accounts { A { users: [{user: ann, password: pw}] } })"});
  auto options = options_for(server.url());
  options.user = "ann";
  options.password = "pw";
  EXPECT_THAT(refusal(options), HasSubstr("no JetStream for this account"));
}

TEST(NatsConnectionTest, ReadsUrls) {
  const auto complaint = [](const std::string& url) { return refusal(options_for(url)); };
  EXPECT_THAT(complaint(""), HasSubstr("the NATS URL is empty"));
  EXPECT_THAT(complaint("nats://a.example,"), HasSubstr("the NATS URL is empty, or a part of it"));
  EXPECT_THAT(complaint("http://localhost"),
              HasSubstr("http://localhost does not begin with nats:// or tls://"));
  EXPECT_THAT(complaint("nats://"), HasSubstr("names no host"));
  EXPECT_THAT(complaint("nats://localhost:99999"), HasSubstr("has no valid port"));
  EXPECT_THAT(complaint("nats://localhost:x"), HasSubstr("has no valid port"));
  EXPECT_THAT(complaint("nats://localhost/path"), HasSubstr("has no valid host"));
  EXPECT_THAT(complaint("nats://::1:4222"), HasSubstr("IPv6 address without brackets"));
  EXPECT_THAT(complaint("nats://[::1"), HasSubstr("has a '[' without a ']'"));
  EXPECT_THAT(complaint("nats://127.0.0.1,tls://127.0.0.1"), HasSubstr("mix nats:// and tls://"));
  EXPECT_THAT(complaint("nats://ann:secret@localhost:x"),
              AllOf(HasSubstr("localhost"), Not(HasSubstr("secret"))));
}

TEST(NatsConnectionTest, DoesNotLeaveThisMachineInTheClear) {
  EXPECT_EQ(
      refusal(options_for("nats://ann:secret@192.0.2.1")),
      "nats://192.0.2.1:4222 sends load tests, which are code, in the clear: use tls://, or --insecure in a "
      "network you trust");
  EXPECT_THAT(refusal(options_for("nats://127.0.0.1,nats://localhost.example:1")),
              HasSubstr("nats://localhost.example:1 sends load tests"));
}

TEST(NatsConnectionTest, ChecksUserAndPassword) {
  const NatsServer server({.config = "authorization { user: ann, password: \"secret-1\" }"});
  const auto host = "127.0.0.1:" + std::to_string(server.port());
  auto options = options_for(server.url());
  EXPECT_THAT(refusal(options), AllOf(HasSubstr("refuses us"), HasSubstr("check user and password")));
  options.user = "ann";
  options.password = "secret-2";
  EXPECT_THAT(refusal(options), AllOf(HasSubstr("refuses us"), Not(HasSubstr("secret"))));
  options.password = "secret-1";
  EXPECT_TRUE(Nats(options).connected());
  EXPECT_THAT(refusal(options_for("nats://ann:secret-2@" + host)),
              AllOf(HasSubstr("refuses us"), Not(HasSubstr("secret"))));
  const Nats nats(options_for("nats://ann:secret-1@" + host));
  EXPECT_EQ(nats.server(), server.url());
}

TEST(NatsConnectionTest, ChecksTheToken) {
  const NatsServer server({.config = "authorization { token: \"t0ken\" }"});
  auto options = options_for(server.url());
  options.token = "wrong";
  EXPECT_THAT(refusal(options), AllOf(HasSubstr("refuses us"), Not(HasSubstr("wrong"))));
  options.token = "t0ken";
  EXPECT_TRUE(Nats(options).connected());
  EXPECT_TRUE(Nats(options_for("nats://t0ken@127.0.0.1:" + std::to_string(server.port()))).connected());
}

TEST(NatsConnectionTest, SaysThatAFileIsMissing) {
  const NatsServer server;
  auto options = options_for(server.url());
  options.credentials_file = "/no/such/file.creds";
  EXPECT_THAT(refusal(options),
              HasSubstr("the file /no/such/file.creds (credentials of NATS) cannot be read"));
}

// A certificate authority, and a server's certificate of it for localhost and 127.0.0.1.
class NatsTlsTest : public ::testing::Test {
 protected:
  NatsTlsTest() {
    make_authority("ca");
    make_authority("other");
    make_certificate("server", "subjectAltName=DNS:localhost,IP:127.0.0.1");
    make_certificate("elsewhere", "subjectAltName=DNS:elsewhere.example");
    make_certificate("client", "subjectAltName=DNS:client");
  }

  [[nodiscard]] std::string file(const std::string& name) const { return directory_ / name; }
  [[nodiscard]] std::string tls_config(const std::string& name, bool verify = false) const {
    return "tls { cert_file: \"" + file(name + ".pem") + "\", key_file: \"" + file(name + ".key") +
           "\", ca_file: \"" + file("ca.pem") + "\", verify: " + (verify ? "true" : "false") + " }";
  }
  static std::string tls_url(const NatsServer& server, const std::string& host) {
    return "tls://" + host + ":" + std::to_string(server.port());
  }

 private:
  static void openssl(const std::vector<std::string>& arguments) {
    std::vector<std::string> command{"openssl"};
    command.insert(command.end(), arguments.begin(), arguments.end());
    const auto result = run_command(command);
    ASSERT_EQ(result.exit_code, 0) << result.err;
  }
  void make_authority(const std::string& name) const {
    openssl({"req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
             "-subj", "/CN=" + name, "-keyout", file(name + ".key"), "-out", file(name + ".pem")});
  }
  void make_certificate(const std::string& name, const std::string& extension) const {
    openssl({"req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=" + name,
             "-keyout", file(name + ".key"), "-out", file(name + ".csr")});
    write_file(file(name + ".ext"), extension);
    openssl({"x509", "-req", "-in", file(name + ".csr"), "-CA", file("ca.pem"), "-CAkey", file("ca.key"),
             "-days", "2", "-extfile", file(name + ".ext"), "-out", file(name + ".pem")});
  }

  TempDir directory_;
};

TEST_F(NatsTlsTest, ConnectsToAServerThatTheAuthorityKnows) {
  const NatsServer server({.config = tls_config("server")});
  for (const std::string host : {"localhost", "127.0.0.1"}) {
    auto options = options_for(tls_url(server, host));
    options.tls_ca = file("ca.pem");
    EXPECT_TRUE(Nats(options).connected()) << host;
  }
}

TEST_F(NatsTlsTest, RefusesAServerThatNobodyVouchesFor) {
  const NatsServer server({.config = tls_config("server")});
  auto options = options_for(tls_url(server, "localhost"));
  EXPECT_THAT(refusal(options), HasSubstr("TLS with the NATS server at tls://localhost"));
  options.tls_ca = file("other.pem");
  EXPECT_THAT(refusal(options), HasSubstr("TLS with the NATS server at tls://localhost"));
}

TEST_F(NatsTlsTest, RefusesACertificateOfAnotherHost) {
  const NatsServer server({.config = tls_config("elsewhere")});
  for (const std::string host : {"localhost", "127.0.0.1"}) {
    auto options = options_for(tls_url(server, host));
    options.tls_ca = file("ca.pem");
    EXPECT_THAT(refusal(options), HasSubstr("TLS with the NATS server at tls://" + host)) << host;
  }
}

TEST_F(NatsTlsTest, ShowsItsOwnCertificate) {
  const NatsServer server({.config = tls_config("server", true)});
  auto options = options_for(tls_url(server, "localhost"));
  options.tls_ca = file("ca.pem");
  EXPECT_THAT(refusal(options), HasSubstr("localhost"));
  options.tls_cert = file("client.pem");
  EXPECT_THAT(refusal(options), HasSubstr("needs its key"));
  options.tls_key = file("other.key");
  EXPECT_THAT(refusal(options), HasSubstr("no certificates and keys"));
  options.tls_key = file("client.key");
  EXPECT_TRUE(Nats(options).connected());
}

TEST_F(NatsTlsTest, SaysThatTheServerKnowsNoTls) {
  const NatsServer plain;
  auto options = options_for(tls_url(plain, "localhost"));
  options.tls_ca = file("ca.pem");
  EXPECT_THAT(refusal(options), HasSubstr("knows no TLS"));
}

TEST_F(NatsTlsTest, UsesTlsWhereTheServerAsksForIt) {
  const NatsServer server({.config = tls_config("server")});
  auto options = options_for(server.url());
  EXPECT_THAT(refusal(options),
              AllOf(HasSubstr("TLS with the NATS server at nats://"), Not(HasSubstr("conn.c"))));
  options.tls_ca = file("ca.pem");
  EXPECT_TRUE(Nats(options).connected());
}

}  // namespace
}  // namespace chaperon::test
