// What the state makes of other servers' logs and snapshots.
#include "kernel/core/database.hpp"

#include <vivarium/jute.hpp>

#include <catch2/catch.hpp>

using namespace vivarium;

namespace {

template <class... Fields>
void apply(Database& database, std::int64_t zxid, Op type, const Fields&... body) {
  std::string payload;
  append_jute(payload, std::int64_t{0x100}, std::int32_t{7}, zxid, std::int64_t{1'600'000'000'000},
              static_cast<std::int32_t>(type), body...);
  const auto& applied = database.apply({Zxid{zxid}, SharedBytes(std::move(payload))}, nullptr,
                                       DigestCheck::ignore);
  REQUIRE_FALSE(applied.malformed);
}

void create(Database& database, std::int64_t zxid, std::string_view path, std::string_view data) {
  apply(database, zxid, Op::create, path, data, std::int32_t{0}, false, std::int32_t{-1});
}

std::unique_ptr<Database> loaded_from(Database& database) {
  DatabaseLoader loader(1, false);
  const auto cursor = database.snapshot();
  for (auto piece = cursor->next(1 << 16); !piece.empty(); piece = cursor->next(1 << 16))
    REQUIRE(loader.feed(piece.view()).has_value());
  auto loaded = loader.finish(database.last_applied());
  REQUIRE(loaded.has_value());
  return std::move(*loaded);
}

}  // namespace

TEST_CASE("a create that a server before 3.4 logged has no parent's cversion, and raises it by one") {
  Database database(1);
  create(database, 1, "/a", "");
  apply(database, 2, Op::create, std::string_view("/a/b"), std::string_view("data"),
        std::int32_t{0}, false);
  REQUIRE(database.tree().find("/a/b"));
  CHECK(database.tree().find("/a/b")->data() == "data");
  CHECK(database.tree().find("/a")->cversion() == 1);
  CHECK(database.tree().find("/a")->pzxid() == 2);
}

TEST_CASE("quota statistics are counted anew when a snapshot is loaded: a fuzzy one has others") {
  Database database(1);
  create(database, 1, "/a", "12345");
  create(database, 2, "/zookeeper/quota/a", "");
  create(database, 3, "/zookeeper/quota/a/zookeeper_limits", "count=10,bytes=-1");
  create(database, 4, "/zookeeper/quota/a/zookeeper_stats", "count=0,bytes=0");
  create(database, 5, "/a/b", "12");
  constexpr std::string_view kStatistics = "/zookeeper/quota/a/zookeeper_stats";
  REQUIRE(database.tree().find(kStatistics)->data() == "count=2,bytes=7");
  database.tree().replace_data(kStatistics, "count=1,bytes=5");
  const auto loaded = loaded_from(database);
  CHECK(loaded->tree().find(kStatistics)->data() == "count=2,bytes=7");
  CHECK(loaded->tree().digest() == database.tree().digest());
}

TEST_CASE("what stands behind a transaction is its digest or nothing") {
  Database database(1);
  const auto differs = [&](const std::string& behind) {
    std::string payload;
    append_jute(payload, std::int64_t{0x100}, std::int32_t{7}, std::int64_t{1},
                std::int64_t{1'600'000'000'000}, static_cast<std::int32_t>(Op::error),
                std::int32_t{-101});
    const auto& applied = database.apply({Zxid{1}, SharedBytes(payload + behind)}, nullptr,
                                         DigestCheck::compare);
    CHECK_FALSE(applied.malformed);
    return applied.digest_differs;
  };
  std::string digest;
  append_jute(digest, std::int32_t{2}, static_cast<std::int64_t>(database.tree().digest()));
  CHECK_FALSE(differs(""));
  CHECK_FALSE(differs(digest));
  // A length that was changed leaves a byte more, or less, and no digest where it is looked for.
  CHECK(differs("x" + digest));
  CHECK(differs(digest.substr(1)));
}
