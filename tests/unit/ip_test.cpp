// The scheme `ip`: addresses and networks, by ZooKeeper's rules.
#include <catch2/catch.hpp>

#include "plugins/ip/ip_authenticator.hpp"
#include "plugins/ip/ip_network.hpp"
#include "tests/support/fake_host.hpp"

#include <vivarium/transport.hpp>

using namespace vivarium;
using namespace vivarium::test;

namespace {

PeerIdentity peer_at(std::string host) {
  PeerIdentity peer;
  peer.remote_host = std::move(host);
  return peer;
}

struct Ip {
  FakeHost host;
  IpAuthenticator authenticator{host};

  std::string identity_of(std::string remote_host) {
    const auto identities = authenticator.identities_of(peer_at(std::move(remote_host)));
    REQUIRE(identities.size() == 1);
    CHECK(identities[0].scheme == "ip");
    return identities[0].id;
  }
  bool matches(std::string remote_host, std::string_view acl_id) {
    return authenticator.matches({"ip", identity_of(std::move(remote_host))}, acl_id);
  }
};

}  // namespace

TEST_CASE("a connection is the address it comes from, as Java writes it") {
  Ip ip;
  CHECK(ip.identity_of("10.1.2.3") == "10.1.2.3");
  CHECK(ip.identity_of("::1") == "0:0:0:0:0:0:0:1");
  CHECK(ip.identity_of("2001:DB8::10:0") == "2001:db8:0:0:0:0:10:0");
  CHECK(ip.identity_of("::ffff:10.1.2.3") == "10.1.2.3");
  CHECK(ip.identity_of("fe80::1%eth0") == "fe80::1%eth0");
  CHECK(ip.identity_of("in-memory") == "in-memory");
}

TEST_CASE("these ids may stand in an ACL") {
  Ip ip;
  for (const auto* valid :
       {"10.1.2.3", "0.0.0.0", "255.255.255.255", "10.1.2.3/0", "10.1.2.3/32", "10.1.2.3/08",
        "010.001.2.3", "::", "::1", "1::", "1:2:3:4:5:6:7:8", "2001:db8::/32", "::/0", "::1/128",
        "ABCD::ef01", "1::8", "1:2:3:4:5:6:7::", "::2:3:4:5:6:7:8"}) {
    INFO(valid);
    CHECK(ip.authenticator.acl_id_valid(valid));
  }
  for (const auto* invalid : {"",
                              "/",
                              "/8",
                              "localhost",
                              "10",
                              "10.1.2",
                              "10.1.2.3.4",
                              "10.1.2.",
                              ".1.2.3",
                              "10..2.3",
                              "10.1.2.256",
                              "10.1.2.-1",
                              "10.1.2.+1",
                              "10.1.2.x",
                              " 10.1.2.3",
                              "10.1.2.3 ",
                              "10.1.2.3/",
                              "10.1.2.3/33",
                              "10.1.2.3/-1",
                              "10.1.2.3/+8",
                              "10.1.2.3/8/8",
                              "10.1.2.3/x",
                              "10.1.2.99999999999",
                              "0x0a.1.2.3",
                              ":",
                              ":::",
                              "1",
                              "1:2",
                              "1:2:3:4:5:6:7",
                              "1:2:3:4:5:6:7:8:9",
                              "1::2::3",
                              "1:::2",
                              "12345::",
                              "g::",
                              "::-1",
                              "::+1",
                              "::1/129",
                              "::1/",
                              "1:2:3:4:5:6:7:8::",
                              "::1:2:3:4:5:6:7:8",
                              "1:2:3:4::5:6:7:8",
                              ":1:2:3:4:5:6:7",
                              "::1%lo",
                              "::ffff:10.0.0.1",
                              "[::1]",
                              "*"}) {
    INFO(invalid);
    CHECK(!ip.authenticator.acl_id_valid(invalid));
    CHECK(!ip.matches("10.1.2.3", invalid));
    CHECK(!ip.matches("::1", invalid));
  }
}

TEST_CASE("an address matches itself and the networks it is in") {
  Ip ip;
  const std::tuple<const char*, const char*, bool> kCases[] = {
      {"10.1.2.3", "10.1.2.3", true},
      {"10.1.2.3", "10.1.2.4", false},
      {"10.1.2.3", "010.001.002.003", true},
      {"10.1.2.3", "10.0.0.0/8", true},
      {"10.1.2.3", "10.99.99.99/8", true},
      {"11.1.2.3", "10.0.0.0/8", false},
      {"10.1.2.3", "10.1.2.0/31", false},
      {"10.1.2.3", "10.1.2.2/31", true},
      {"10.1.2.3", "10.1.2.3/32", true},
      {"10.1.2.3", "10.1.2.2/32", false},
      {"10.1.2.3", "0.0.0.0/0", true},
      {"10.1.2.3", "192.168.1.1/0", true},
      {"192.168.129.1", "192.168.128.0/17", true},
      {"192.168.127.1", "192.168.128.0/17", false},
      {"::1", "::1", true},
      {"::1", "0:0:0:0:0:0:0:1", true},
      {"::1", "::2", false},
      {"2001:db8::5", "2001:db8::/32", true},
      {"2001:db9::5", "2001:db8::/32", false},
      {"2001:db8:0:8000::1", "2001:db8:0:8000::/49", true},
      {"2001:db8:0:7fff::1", "2001:db8:0:8000::/49", false},
      {"2001:db8::5", "::/0", true},
      // The families are kept apart.
      {"10.1.2.3", "::/0", false},
      {"::1", "0.0.0.0/0", false},
      {"::ffff:10.1.2.3", "10.0.0.0/8", true},
      {"::ffff:10.1.2.3", "::ffff:a01:203", false},
      {"::ffff:10.1.2.3", "::/0", false},
      // Neither is an address.
      {"fe80::1%eth0", "fe80::1", false},
      {"fe80::1%eth0", "::/0", false},
      {"in-memory", "0.0.0.0/0", false},
      {"", "0.0.0.0/0", false},
  };
  for (const auto& [address, acl_id, expected] : kCases) {
    INFO(address << " and " << acl_id);
    CHECK(ip.matches(address, acl_id) == expected);
  }
}

TEST_CASE("every prefix length cuts where it says") {
  for (const std::string address : {"170.170.170.170", "aaaa:aaaa:aaaa:aaaa:aaaa:aaaa:aaaa:aaaa"}) {
    const auto parsed = IpAddress::parse(address);
    REQUIRE(parsed);
    for (int flipped = 0; flipped < parsed->bits(); ++flipped) {
      // The same address with one bit changed is in the networks that end before it.
      const bool v4 = parsed->bits() == 32;
      const int group_bits = v4 ? 8 : 16;
      std::string other;
      for (int group = 0; group < parsed->bits() / group_bits; ++group) {
        const int value =
            (v4 ? 0xaa : 0xaaaa) ^
            (flipped / group_bits == group ? 1 << (group_bits - 1 - flipped % group_bits) : 0);
        char text[8];
        std::snprintf(text, sizeof text, v4 ? "%d" : "%x", static_cast<unsigned>(value));
        other += (group > 0 ? (v4 ? "." : ":") : "") + std::string(text);
      }
      const auto changed = IpAddress::parse(other);
      REQUIRE(changed);
      for (int bits = 0; bits <= parsed->bits(); ++bits) {
        const auto network = IpNetwork::parse(address + "/" + std::to_string(bits));
        REQUIRE(network);
        REQUIRE(network->contains(*parsed));
        REQUIRE(network->contains(*changed) == (bits <= flipped));
      }
    }
  }
}

TEST_CASE("addauth with the scheme ip proves the address again, whatever it says") {
  Ip ip;
  AuthStep step;
  ip.authenticator.accept(peer_at("10.1.2.3"))->step("10.9.9.9", [&](AuthStep answer) {
    step = std::move(answer);
  });
  CHECK(step.status == AuthStep::Status::done);
  CHECK(step.identities == std::vector<Identity>{{"ip", "10.1.2.3"}});
}

TEST_CASE("an address is shown whole, and is no login") {
  Ip ip;
  CHECK(ip.authenticator.user_name({"ip", "10.1.2.3"}) == "10.1.2.3");
  CHECK(!ip.authenticator.authenticates());
}
