// What the tls transport proves, and what it refuses.

#include <sys/socket.h>

#include "tests/contract/transport_ends.hpp"

namespace vivarium::test {
namespace {

/// Two ends with certificates of their own, and the outcome of connecting one to the other.
struct TwoEnds {
  TwoEnds(const IssuedCertificate& server_certificate, const std::string& server_trusts,
          const IssuedCertificate& client_certificate, const std::string& client_trusts,
          const Settings& server_options = {}, const Settings& client_options = {})
      : server(doors, server_certificate, server_trusts, server_options),
        client(doors, client_certificate, client_trusts, client_options) {
    REQUIRE(server.transport.start().has_value());
    REQUIRE(client.transport.start().has_value());
    listener = std::move(server.transport.listen(listen_spec(), acceptor)).value();
  }
  ~TwoEnds() {
    client.transport.stop();
    server.transport.stop();
  }
  TwoEnds(const TwoEnds&) = delete;
  TwoEnds& operator=(const TwoEnds&) = delete;

  void connect(const std::string& host = "127.0.0.1") {
    auto spec = connect_spec(*listener);
    spec.host = host;
    attempt = client.transport.connect(spec, connector);
  }
  /// Both ends are open, and bytes pass.
  bool opens(const std::string& host = "127.0.0.1") {
    connector.hook = [](Recorder& end) { send(end, prefixed("hello")); };
    connect(host);
    doors.run_until([&] { return settled() || connector.failed > 0; });
    return !acceptor.accepted.empty() && acceptor.accepted.back()->bytes > 0;
  }
  /// The client may believe for a moment that it is connected (TLS 1.3), but nothing else happens.
  bool server_refuses() {
    connect();
    doors.run_until([&] {
      return !acceptor.refused.empty() && (connector.failed > 0 || connector.recorder.closed > 0);
    });
    return acceptor.accepted.empty() && acceptor.refused.size() == 1;
  }
  bool client_refuses(const std::string& host = "127.0.0.1") {
    connect(host);
    doors.run_until([&] { return connector.done() && !acceptor.refused.empty(); });
    return connector.failed == 1 && acceptor.accepted.empty();
  }
  bool settled() const {
    return !acceptor.refused.empty() ||
           (!acceptor.accepted.empty() && acceptor.accepted.back()->bytes > 0);
  }
  std::string why_client() const { return connector.error ? connector.error->what : ""; }
  std::string why_server() const { return acceptor.refused.empty() ? "" : acceptor.refused.back(); }

  RealDoors doors;
  TlsEnd server, client;
  TestAcceptor acceptor;
  TestConnector connector;
  std::unique_ptr<Listener> listener;
  std::unique_ptr<Connecting> attempt;
};

const CertificateAuthority& authority() {
  static const CertificateAuthority one("Trusted CA");
  return one;
}
const CertificateAuthority& stranger() {
  static const CertificateAuthority one("Unknown CA");
  return one;
}
IssuedCertificate good(const std::string& name = "peer") {
  return authority().issue({.common_name = name});
}
std::string trusted() {
  return authority().certificate_pem();
}

// --- what an open channel has proved -------------------------------------------------------------

TEST_CASE("both ends know the certificates that the other has proved") {
  TwoEnds ends(good("the server"), trusted(), good("the client"), trusted());
  REQUIRE(ends.opens());
  const auto& client = ends.acceptor.accepted.back()->channel->peer();
  const auto& server = ends.connector.recorder.channel->peer();
  CHECK(client.certificate_subject == "CN=the client,O=Vivarium tests");
  CHECK(server.certificate_subject == "CN=the server,O=Vivarium tests");
  CHECK(client.certificates_der.size() == 2);
  CHECK(client.tls_version == "TLSv1.3");
  CHECK_THAT(client.tls_cipher, Catch::StartsWith("TLS_"));
}

TEST_CASE("a subject beyond ASCII is UTF-8, as Java writes it") {
  TwoEnds ends(good(), trusted(), good("Zoë, keeper"), trusted());
  REQUIRE(ends.opens());
  CHECK(ends.acceptor.accepted.back()->channel->peer().certificate_subject ==
        "CN=Zoë\\, keeper,O=Vivarium tests");
}

TEST_CASE("a client without a certificate is treated as client_auth says") {
  const IssuedCertificate nothing;
  const auto auth = GENERATE(as<std::string>(), "need", "want", "none");
  TwoEnds ends(good(), trusted(), good(), trusted(), {{"client_auth", auth}},
               {{"certificate", ""}, {"key", ""}});
  if (auth == "need") {
    CHECK(ends.server_refuses());
    CHECK_THAT(ends.why_server(), Catch::Contains("certificate"));
  } else {
    CHECK(ends.opens());
    CHECK(ends.acceptor.accepted.back()->channel->peer().certificates_der.empty());
    CHECK(ends.acceptor.accepted.back()->channel->peer().certificate_subject.empty());
  }
}

TEST_CASE("a certificate in the trust file is trusted by itself, as in a Java trust store") {
  const auto own = CertificateAuthority::self_signed({.common_name = "pinned"});
  TwoEnds ends(good(), own.certificate_pem, own, trusted());
  CHECK(ends.opens());
}

TEST_CASE("the key may stand in the file of the certificate") {
  auto both = good();
  both.certificate_pem += both.key_pem;
  TwoEnds ends(both, trusted(), good(), trusted(), {{"key", ""}});
  CHECK(ends.opens());
}

TEST_CASE("a chain with an intermediate is shown and verified as a whole") {
  const CertificateAuthority intermediate("Intermediate CA", authority());
  auto chained = intermediate.issue({.common_name = "chained"});
  chained.certificate_pem += intermediate.certificate_pem();
  TwoEnds ends(chained, trusted(), chained, trusted());
  REQUIRE(ends.opens());
  CHECK(ends.acceptor.accepted.back()->channel->peer().certificates_der.size() == 3);
}

// --- what is refused -----------------------------------------------------------------------------

struct Bad {
  const char* what;
  IssuedCertificate certificate;
  const char* why;
};

std::vector<Bad> bad_certificates(const char* wrong_usage) {
  return {
      {"expired", authority().issue({.valid_from_days = -10, .valid_until_days = -1}), "expired"},
      {"not yet valid", authority().issue({.valid_from_days = 1, .valid_until_days = 2}),
       "not yet valid"},
      {"issued by a stranger", stranger().issue({}), "unable to get local issuer"},
      {"self-signed", CertificateAuthority::self_signed({}), "self-signed"},
      {"issued for another use", authority().issue({.usages = wrong_usage}), "purpose"},
  };
}

TEST_CASE("a server refuses clients whose certificates do not hold") {
  for (const auto& bad : bad_certificates("serverAuth")) {
    INFO(bad.what);
    const auto version = GENERATE(as<std::string>(), "TLSv1.2", "TLSv1.3");
    TwoEnds ends(good(), trusted(), bad.certificate, trusted(), {{"min_version", version}});
    CHECK(ends.server_refuses());
    CHECK_THAT(ends.why_server(), Catch::Contains(bad.why));
  }
}

TEST_CASE("a client refuses servers whose certificates do not hold") {
  for (const auto& bad : bad_certificates("clientAuth")) {
    INFO(bad.what);
    TwoEnds ends(bad.certificate, trusted(), good(), trusted());
    CHECK(ends.client_refuses());
    CHECK_THAT(ends.why_client(), Catch::Contains(bad.why));
  }
}

TEST_CASE("the server's certificate must name the host that was dialled") {
  const auto server_named = [](const std::string& names) {
    return authority().issue({.common_name = "localhost", .alternative_names = names});
  };

  SECTION("a name") {
    TwoEnds ends(server_named("DNS:localhost"), trusted(), good(), trusted());
    CHECK(ends.opens("localhost"));
  }
  SECTION("a numeric address") {
    TwoEnds ends(server_named("IP:127.0.0.1"), trusted(), good(), trusted());
    CHECK(ends.opens("127.0.0.1"));
  }
  SECTION("the common name does not count") {
    const auto names = GENERATE(as<std::string>(), "", "DNS:elsewhere.example");
    TwoEnds ends(server_named(names), trusted(), good(), trusted());
    CHECK(ends.client_refuses("localhost"));
    CHECK_THAT(ends.why_client(), Catch::Contains("hostname mismatch"));
  }
  SECTION("a numeric address is not looked up for a name") {
    TwoEnds ends(server_named("DNS:localhost"), trusted(), good(), trusted());
    CHECK(ends.client_refuses("127.0.0.1"));
    CHECK_THAT(ends.why_client(), Catch::Contains("IP address mismatch"));
  }
  SECTION("unless verify_host is off") {
    TwoEnds ends(server_named("DNS:elsewhere.example"), trusted(), good(), trusted(), {},
                 {{"verify_host", "false"}});
    CHECK(ends.opens(GENERATE(as<std::string>(), "localhost", "127.0.0.1")));
  }
}

TEST_CASE("ends without a protocol or cipher in common do not open") {
  SECTION("versions") {
    TwoEnds ends(good(), trusted(), good(), trusted(), {{"min_version", "TLSv1.3"}},
                 {{"ciphers", "TLS_AES_256_GCM_SHA384"}});
    CHECK(ends.opens());
    CHECK(ends.connector.recorder.channel->peer().tls_cipher == "TLS_AES_256_GCM_SHA384");
  }
  SECTION("ciphers") {
    TwoEnds ends(good(), trusted(), good(), trusted(), {{"ciphers", "TLS_AES_256_GCM_SHA384"}},
                 {{"ciphers", "TLS_AES_128_GCM_SHA256"}, {"min_version", "TLSv1.3"}});
    CHECK(ends.server_refuses());
  }
}

TEST_CASE("a peer that does not speak TLS is refused, one that says nothing meets the deadline") {
  TwoEnds ends(good(), trusted(), good(), trusted());
  const bool speaks = GENERATE(true, false);
  auto spec = listen_spec();
  spec.handshake_deadline = Millis(speaks ? 30'000 : 30);
  const auto impatient = std::move(ends.server.transport.listen(spec, ends.acceptor)).value();
  FakeHost host({}, {}, {.loop = ends.doors.loop.get()});
  TcpTransport plain(host);
  TestConnector connector;
  if (speaks) connector.hook = [](Recorder& end) { send(end, prefixed("plain text")); };
  const auto attempt = plain.connect(connect_spec(*impatient), connector);
  CHECK(ends.doors.run_until([&] { return connector.recorder.closed > 0; }));
  REQUIRE(ends.acceptor.refused.size() == 1);
  CHECK_THAT(ends.why_server(), Catch::Contains(speaks ? "wrong version" : "took too long"));
  CHECK(ends.acceptor.accepted.empty());
  plain.stop();
}

TEST_CASE("connecting to a server that never answers the handshake fails at the deadline") {
  TwoEnds ends(good(), trusted(), good(), trusted());
  FakeHost host({}, {}, {.loop = ends.doors.loop.get()});
  TcpTransport plain(host);
  TestAcceptor mute;
  const auto listener =
      std::move(plain.listen(listen_spec(framing_of(Framing::Kind::raw)), mute)).value();
  auto spec = connect_spec(*listener);
  spec.deadline = Millis(30);
  ends.attempt = ends.client.transport.connect(spec, ends.connector);
  CHECK(ends.doors.run_until([&] { return ends.connector.done(); }));
  REQUIRE(ends.connector.failed == 1);
  CHECK(ends.connector.error->is(Errc::timed_out));
  plain.stop();
}

TEST_CASE("a listener that goes abandons the handshakes under way") {
  TwoEnds ends(good(), trusted(), good(), trusted());
  FakeHost host({}, {}, {.loop = ends.doors.loop.get()});
  TcpTransport plain(host);
  TestConnector silent;
  const auto attempt = plain.connect(connect_spec(*ends.listener), silent);
  REQUIRE(ends.opens());  // Accepted after the silent one.
  CHECK(ends.listener->opening() == 1);
  ends.listener.reset();
  CHECK(ends.doors.run_until([&] { return silent.recorder.closed > 0; }));
  CHECK(ends.acceptor.refused.empty());
  plain.stop();
}

// --- settings ------------------------------------------------------------------------------------

/// What starting with these settings says; empty when it starts.
std::string start_with(const Settings& options, const IssuedCertificate& own = good(),
                       const std::string& trusted_pem = trusted()) {
  RealDoors doors;
  TlsEnd end(doors, own, trusted_pem, options);
  const auto started = end.transport.start();
  return started ? std::string() : started.error().what;
}

TEST_CASE("settings that cannot be meant are refused with a sentence that says which") {
  CHECK(start_with({}).empty());
  CHECK_THAT(start_with({{"client_auth", "maybe"}}),
             Catch::Contains("client_auth") && Catch::Contains("need, want or none"));
  CHECK_THAT(start_with({{"min_version", "TLSv1"}}), Catch::Contains("TLSv1.2 or TLSv1.3"));
  CHECK_THAT(start_with({{"ciphers", "NO_SUCH"}}), Catch::Contains("ciphers"));
  CHECK_THAT(start_with({{"certificate", "/no/such.pem"}}),
             Catch::Contains("certificate") && Catch::Contains("/no/such.pem"));
  CHECK_THAT(start_with({{"ca", ""}}), Catch::Contains("client_auth"));
  CHECK(start_with({{"ca", ""}, {"client_auth", "none"}}).empty());
  CHECK_THAT(start_with({}, good(), "no PEM"), Catch::Contains("ca.pem"));
  auto mixed = good();
  mixed.key_pem = good().key_pem;
  CHECK_THAT(start_with({}, mixed), Catch::Contains("does not belong"));
  auto broken = good();
  broken.certificate_pem.insert(100, "?");
  CHECK_THAT(start_with({}, broken), Catch::Contains("certificate.pem"));
}

TEST_CASE("an encrypted key is refused, and nobody is asked for a passphrase") {
  auto own = good();
  own.key_pem = encrypted(own.key_pem, "secret");
  CHECK_THAT(start_with({}, own), Catch::Contains("encrypted keys are not supported"));
}

TEST_CASE("Java's names of ciphers are understood") {
  TwoEnds ends(good(), trusted(), good(), trusted(),
               {{"ciphers", "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,TLS_AES_128_GCM_SHA256"}});
  REQUIRE(ends.opens());
  CHECK(ends.connector.recorder.channel->peer().tls_cipher == "TLS_AES_128_GCM_SHA256");
}

TEST_CASE("a transport without certificate does not listen, one without trust does not connect") {
  RealDoors doors;
  TlsEnd end(doors, good(), trusted(), {{"certificate", ""}, {"key", ""}, {"ca", ""}});
  REQUIRE(end.transport.start().has_value());
  TestAcceptor acceptor;
  const auto listener = end.transport.listen(listen_spec(), acceptor);
  REQUIRE_FALSE(listener.has_value());
  CHECK_THAT(listener.error().what, Catch::Contains("certificate"));
  TestConnector connector;
  ConnectSpec spec;
  spec.host = "127.0.0.1";
  spec.port = 1;
  const auto attempt = end.transport.connect(spec, connector);
  CHECK(doors.run_until([&] { return connector.done(); }));
  CHECK_THAT(connector.error->what, Catch::Contains("option ca"));
}

// --- reload --------------------------------------------------------------------------------------

TEST_CASE("reload changes the certificate for new handshakes while open channels live on") {
  TestConnector later;
  TwoEnds ends(good("old"), trusted(), good(), trusted());
  REQUIRE(ends.opens());
  auto& before = ends.connector.recorder;
  const auto renewed = good("new");
  ends.server.files.write("certificate.pem", renewed.certificate_pem);
  ends.server.files.write("key.pem", renewed.key_pem);
  REQUIRE(ends.server.transport.reload().has_value());

  const auto attempt = ends.client.transport.connect(connect_spec(*ends.listener), later);
  REQUIRE(ends.doors.run_until([&] { return ends.acceptor.accepted.size() == 2; }));
  CHECK_THAT(later.recorder.channel->peer().certificate_subject, Catch::Contains("CN=new"));
  CHECK_THAT(before.channel->peer().certificate_subject, Catch::Contains("CN=old"));
  send(*ends.acceptor.accepted.front(), prefixed("still here"));
  CHECK(ends.doors.run_until([&] { return before.bytes > 0; }));
}

TEST_CASE("reload takes whom to trust") {
  TwoEnds ends(good(), trusted(), stranger().issue({}), trusted());
  ends.server.files.write("ca.pem", stranger().certificate_pem());
  REQUIRE(ends.server.transport.reload().has_value());
  CHECK(ends.opens());
}

TEST_CASE("a reload that fails leaves everything as it was") {
  TwoEnds ends(good("old"), trusted(), good(), trusted());
  ends.server.files.write("certificate.pem", good("new").certificate_pem);  // Not its key.
  const auto reloaded = ends.server.transport.reload();
  REQUIRE_FALSE(reloaded.has_value());
  CHECK_THAT(reloaded.error().what, Catch::Contains("key.pem"));
  REQUIRE(ends.opens());
  CHECK_THAT(ends.connector.recorder.channel->peer().certificate_subject,
             Catch::Contains("CN=old"));
}

TEST_CASE("a reload cannot take the certificate away from a listener") {
  TwoEnds ends(good(), trusted(), good(), trusted());
  ends.server.host.fake_options.set("certificate", "");
  ends.server.host.fake_options.set("key", "");
  CHECK_FALSE(ends.server.transport.reload().has_value());
  CHECK(ends.opens());
}

}  // namespace
}  // namespace vivarium::test
