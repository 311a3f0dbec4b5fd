// The policies in scripts/policies do what they say.
#include <catch2/catch.hpp>

#include "tests/support/lua_fixture.hpp"

#include <filesystem>
#include <fstream>
#include <sstream>

using namespace vivarium;
using namespace vivarium::test;

namespace {

const std::filesystem::path kPolicies =
    std::filesystem::path(__FILE__).parent_path() / "../../scripts/policies";

std::string shipped(const std::filesystem::path& file) {
  std::ifstream in(file);
  std::stringstream text;
  text << in.rdbuf();
  REQUIRE(in.good());
  return text.str();
}

const std::vector<Identity> kPayments = {{"ip", "127.0.0.1"}, {"digest", "payments:HASH"}};
const std::vector<Identity> kSearch = {{"ip", "127.0.0.1"}, {"digest", "search:HASH"}};
const std::vector<Identity> kImpostor = {{"ip", "127.0.0.1"}, {"digest", "payments:OTHER"}};

Asked asked(const std::vector<Identity>& who, Operation operation, std::string path) {
  return Asked{.path = std::move(path), .operation = operation, .identities = who};
}

}  // namespace

TEST_CASE("every shipped policy loads as it is") {
  int loaded = 0;
  for (const auto& entry : std::filesystem::directory_iterator(kPolicies)) {
    if (entry.path().extension() != ".lua") continue;
    INFO(entry.path());
    LoadedLua lua(shipped(entry.path()));
    ++loaded;
  }
  CHECK(loaded > 0);
}

TEST_CASE("team-prefixes: a team writes below its prefix, and says who reads there") {
  LoadedLua lua(shipped(kPolicies / "team-prefixes.lua"));
  const auto verdict = [&](const std::vector<Identity>& who, Operation operation,
                           std::string path) {
    return lua.decide(asked(who, operation, std::move(path))).verdict;
  };
  for (const auto operation :
       {Operation::create, Operation::remove, Operation::set_data, Operation::set_acl}) {
    CHECK(verdict(kPayments, operation, "/teams/payments") == Verdict::defer);
    CHECK(verdict(kPayments, operation, "/teams/payments/a/b") == Verdict::defer);
    CHECK(verdict(kSearch, operation, "/teams/payments/a") == Verdict::deny);
    CHECK(verdict(kImpostor, operation, "/teams/payments/a") == Verdict::deny);
    CHECK(verdict(kPayments, operation, "/teams/paymentsx") == Verdict::deny);
    CHECK(verdict(kPayments, operation, "/teams/new") == Verdict::deny);
    CHECK(verdict(kPayments, operation, "/teams") == Verdict::deny);
    CHECK(verdict(kPayments, operation, "/elsewhere") == Verdict::defer);
  }
  for (const auto operation : {Operation::get_data, Operation::exists, Operation::get_children,
                               Operation::get_acl, Operation::watch_event, Operation::check}) {
    CHECK(verdict(kSearch, operation, "/teams/payments/a") == Verdict::defer);
    CHECK(verdict(kSearch, operation, "/teams/search/a") == Verdict::defer);
    CHECK(verdict(kPayments, operation, "/teams/search/a") == Verdict::deny);
    CHECK(verdict({{"ip", "10.1.2.3"}}, operation, "/teams/search/a") == Verdict::defer);
    CHECK(verdict({}, operation, "/teams") == Verdict::defer);
  }
}

TEST_CASE("guarded-prefixes: rules that hold for everybody") {
  LoadedLua lua(shipped(kPolicies / "guarded-prefixes.lua"));
  const auto verdict = [&](Operation operation, std::string path, bool encrypted = false) {
    auto access = asked(kPayments, operation, std::move(path));
    access.encrypted = encrypted;
    return lua.decide(access).verdict;
  };
  CHECK(verdict(Operation::get_data, "/archive/a") == Verdict::defer);
  CHECK(verdict(Operation::create, "/archive/a") == Verdict::deny);
  CHECK(verdict(Operation::remove, "/archive") == Verdict::deny);
  CHECK(verdict(Operation::create, "/audit/a") == Verdict::defer);
  CHECK(verdict(Operation::get_data, "/audit/a") == Verdict::defer);
  for (const auto operation : {Operation::set_data, Operation::remove, Operation::set_acl})
    CHECK(verdict(operation, "/audit/a") == Verdict::deny);
  CHECK(verdict(Operation::get_data, "/secrets/a") == Verdict::deny);
  CHECK(verdict(Operation::get_data, "/secrets/a", true) == Verdict::defer);
  CHECK(verdict(Operation::get_data, "/secrets/a") == Verdict::deny);
  CHECK(verdict(Operation::set_data, "/other") == Verdict::defer);
}
