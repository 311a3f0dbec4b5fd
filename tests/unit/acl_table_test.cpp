#include "kernel/core/acl_table.hpp"

#include <catch2/catch.hpp>

#include <map>
#include <random>
#include <string>
#include <vector>

using namespace vivarium;

namespace {

using Entries = std::vector<AclEntry>;

const Entries kWorld{{perms::kAll, "world", "anyone"}};
const Entries kBob{{perms::kRead, "digest", "bob:hash"}, {perms::kAll, "ip", "10.0.0.1"}};

Entries entries(const AclTable& table, AclNumber number) {
  const auto held = table.entries(number);
  return {held.begin(), held.end()};
}

}  // namespace

TEST_CASE("Equal lists share a number, others do not") {
  AclTable table;
  const auto world = table.acquire(kWorld);
  const auto bob = table.acquire(kBob);
  REQUIRE(world != kOpenAcl);
  REQUIRE(world != bob);
  REQUIRE(table.acquire(kWorld) == world);
  REQUIRE(table.acquire(kBob) == bob);
  REQUIRE(entries(table, world) == kWorld);
  REQUIRE(entries(table, bob) == kBob);
}

TEST_CASE("The order of entries and where texts end make a difference") {
  AclTable table;
  const Entries turned{kBob[1], kBob[0]};
  REQUIRE(table.acquire(kBob) != table.acquire(turned));
  const Entries ab_c{{1, "ab", "c"}}, a_bc{{1, "a", "bc"}};
  REQUIRE(table.acquire(ab_c) != table.acquire(a_bc));
  const Entries other_perms{{2, "ab", "c"}};
  REQUIRE(table.acquire(ab_c) != table.acquire(other_perms));
}

TEST_CASE("A list is kept until its last use is released") {
  AclTable table;
  const auto number = table.acquire(kBob);
  table.acquire(number);
  REQUIRE(table.acquire(kBob) == number);
  table.release(number);
  table.release(number);
  REQUIRE(entries(table, number) == kBob);
  table.release(number);
  REQUIRE(table.entries(number).empty());
  REQUIRE(table.numbers().empty());
}

TEST_CASE("A forgotten list comes back under a new number") {
  AclTable table;
  const auto before = table.acquire(kWorld);
  table.release(before);
  const auto after = table.acquire(kWorld);
  REQUIRE(after != before);
  REQUIRE(entries(table, after) == kWorld);
}

TEST_CASE("The open ACL is the empty list and costs nothing") {
  AclTable table;
  REQUIRE(table.acquire(Entries()) == kOpenAcl);
  table.acquire(kOpenAcl);
  table.release(kOpenAcl);
  table.release(kOpenAcl);
  REQUIRE(table.entries(kOpenAcl).empty());
  REQUIRE(table.numbers().empty());
}

TEST_CASE("Entries are the table's own copy") {
  AclTable table;
  std::string id = "carol:hash";
  const auto number = table.acquire(Entries{{1, "digest", id}});
  id = "xxxxxxxxxx";
  REQUIRE(table.entries(number)[0].id == "carol:hash");
}

TEST_CASE("Loading puts lists at their numbers and new ones above them") {
  AclTable table;
  table.put(7, kWorld);
  table.put(5, kBob);
  REQUIRE(table.numbers() == std::vector<AclNumber>{5, 7});
  REQUIRE(table.acquire(kBob) == 5);
  const Entries other{{1, "ip", "::1"}};
  REQUIRE(table.acquire(other) == 8);
  table.drop_unused();
  REQUIRE(table.numbers() == std::vector<AclNumber>{5, 8});
}

TEST_CASE("A list that is put over another one serves those who used that") {
  AclTable table;
  const auto number = table.acquire(kWorld);
  table.put(number, kBob);
  REQUIRE(entries(table, number) == kBob);
  REQUIRE(table.acquire(kBob) == number);
  REQUIRE(table.acquire(kWorld) != number);
  table.release(number);
  table.drop_unused();
  REQUIRE(entries(table, number) == kBob);
  table.release(number);
  REQUIRE(table.entries(number).empty());
}

TEST_CASE("Equal lists under two numbers, as a snapshot may have them, both live") {
  AclTable table;
  table.put(3, kBob);
  table.put(4, kBob);
  table.acquire(4u);
  REQUIRE(table.acquire(kBob) == 3);
  table.release(3);
  REQUIRE(entries(table, 4) == kBob);
  const auto again = table.acquire(kBob);
  REQUIRE(entries(table, again) == kBob);
  table.release(4);
  REQUIRE(entries(table, again) == kBob);
}

TEST_CASE("After four billion lists, numbers that are free are used again") {
  AclTable table;
  table.put(1, kWorld);
  table.acquire(1u);
  table.put(UINT32_MAX, kBob);
  table.put(UINT32_MAX - 1, kBob);
  const auto next = table.acquire(Entries{{1, "ip", "::1"}});
  REQUIRE(next == 2);
}

TEST_CASE("Random uses and releases leave exactly the lists that are used") {
  AclTable table;
  std::mt19937 random(4);
  std::map<AclNumber, int> uses;
  std::map<AclNumber, std::string> ids;
  for (int i = 0; i < 20000; ++i) {
    if (random() % 2 && !uses.empty()) {
      auto some = uses.begin();
      std::advance(some, static_cast<std::ptrdiff_t>(random() % uses.size()));
      table.release(some->first);
      if (--some->second == 0) uses.erase(some);
    } else {
      const auto id = std::to_string(random() % 30);
      const auto number = table.acquire(Entries{{1, "digest", id}});
      ++uses[number];
      ids[number] = id;
    }
  }
  std::vector<AclNumber> numbers;
  for (const auto& [number, count] : uses) {
    numbers.push_back(number);
    REQUIRE(table.entries(number)[0].id == ids[number]);
  }
  REQUIRE(table.numbers() == numbers);
}
