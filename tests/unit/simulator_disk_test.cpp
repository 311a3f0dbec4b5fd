// What the simulator reads on a server's disk, and what it objects to there.

#include "simulator/checks/disk_image.hpp"

#include "kernel/simulation/simulated_file_system.hpp"

#include <vivarium/jute.hpp>
#include <vivarium/opcodes.hpp>
#include <vivarium/records.hpp>

#include <catch2/catch.hpp>

#include <algorithm>
#include <map>
#include <string>
#include <vector>

namespace vivarium::test {
namespace {

using namespace simulator;

Zxid z(std::uint32_t counter) { return Zxid::of({1}, counter); }

std::int64_t adler(std::string_view bytes) {
  std::uint32_t a = 1, b = 0;
  for (const char c : bytes) {
    a = (a + static_cast<unsigned char>(c)) % 65521;
    b = (b + a) % 65521;
  }
  return std::int64_t{b} << 16 | a;
}

/// A history of creations /1, /2 and so on, and the files that a server would keep of it.
struct History {
  static constexpr const char* kFolder = "/data/version-2/";

  explicit History(std::uint32_t count) {
    for (std::uint32_t i = 1; i <= count; ++i) add(i);
  }

  void add(std::uint32_t number) {
    const auto path = "/" + std::to_string(number);
    const AclList open{{perms::kAll, "world", "anyone"}};
    auto bytes = to_jute(records::TxnHeader{7, static_cast<std::int32_t>(number), z(number).value, 1000,
                                            static_cast<std::int32_t>(Op::create)});
    bytes += to_jute(records::CreateTxn{path, Data("d"), open, false, static_cast<std::int32_t>(number)});
    entries.push_back({z(number), SharedBytes(std::move(bytes))});
  }

  /// The state behind so many transactions.
  std::unique_ptr<Database> state(std::uint32_t count) const {
    auto database = std::make_unique<Database>(1);
    for (std::uint32_t i = 0; i < count; ++i)
      database->apply(entries[i], nullptr, DigestCheck::ignore);
    return database;
  }

  void keep_snapshot(std::uint32_t at) {
    std::string bytes = "ZKSN";
    append_jute(bytes, std::int32_t{2}, std::int64_t{-1});
    const auto database = state(at);
    const auto cursor = database->snapshot();
    for (auto piece = cursor->next(1000); !piece.empty(); piece = cursor->next(1000)) bytes += piece.view();
    append_jute(bytes, adler(bytes), Text("/"));
    files[name("snapshot.", z(at))] = bytes;
  }
  void keep_log(std::uint32_t first, std::uint32_t last) {
    std::string bytes = "ZKLG";
    append_jute(bytes, std::int32_t{2}, std::int64_t{0});
    for (auto i = first; i <= last; ++i) {
      const auto payload = entries[i - 1].payload.view();
      append_jute(bytes, adler(payload), static_cast<std::int32_t>(payload.size()));
      bytes += payload;
      bytes += 'B';
    }
    files[name("log.", z(first))] = bytes + std::string(100, '\0');
  }
  static std::string name(const std::string& prefix, Zxid zxid) {
    char text[32];
    std::snprintf(text, sizeof text, "%llx", static_cast<unsigned long long>(zxid.value));
    return kFolder + prefix + text;
  }

  std::string judge(std::uint32_t durable) const {
    return judge_history(
        DiskImage::of(files), z(durable),
        [this](const LogEntry& entry) {
          return std::any_of(entries.begin(), entries.end(), [&](const LogEntry& one) {
            return one.zxid == entry.zxid && one.payload.view() == entry.payload.view();
          });
        },
        [this](Zxid zxid) { return std::optional(state(zxid.counter())->tree().digest()); });
  }
  std::string removal(const std::string& path, unsigned kept = 2) const {
    return judge_removal(DiskImage::of(files), path, kept);
  }

  std::vector<LogEntry> entries;
  std::map<std::string, std::string> files;
};

/// Three snapshots and the logs behind each.
History usual() {
  History history(9);
  for (const auto at : {2u, 5u, 8u}) history.keep_snapshot(at);
  history.keep_log(1, 3);
  history.keep_log(4, 6);
  history.keep_log(7, 9);
  return history;
}

TEST_CASE("a history on a disk as it should be is not objected to") {
  auto history = usual();
  CHECK(history.judge(9).empty());
  SECTION("nor is one that ends with a torn write that nobody was told of") {
    auto& log = history.files.at(History::name("log.", z(7)));
    log.resize(log.size() - 110);
    CHECK(history.judge(8).empty());
  }
  SECTION("nor is one without the logs before its oldest snapshot") {
    history.files.erase(History::name("snapshot.", z(2)));
    history.files.erase(History::name("log.", z(1)));
    CHECK(history.judge(9).empty());
  }
}

TEST_CASE("a history on a disk that does not give the state is seen") {
  auto history = usual();
  SECTION("a transaction is missing behind a snapshot") {
    history.files.erase(History::name("log.", z(4)));
    CHECK(history.judge(9).find("is logged behind") != std::string::npos);
  }
  SECTION("the end is missing") {
    history.files.erase(History::name("log.", z(7)));
    CHECK(history.judge(9).find("was reported durable") != std::string::npos);
  }
  SECTION("a snapshot is not whole") {
    history.files.at(History::name("snapshot.", z(5)))[30] ^= 1;
    CHECK(history.judge(9).find("not whole") != std::string::npos);
  }
  SECTION("a snapshot is that of another moment") {
    history.files[History::name("snapshot.", z(5))] = history.files[History::name("snapshot.", z(2))];
    CHECK(history.judge(9).find("another tree") != std::string::npos);
  }
  SECTION("a transaction is another one") {
    const auto right = history.entries[8];
    history.entries.pop_back();
    history.add(10);
    history.entries.back().zxid = z(9);
    auto payload = std::string(history.entries.back().payload.view());
    payload.replace(12, 8, right.payload.view().substr(12, 8));
    history.entries.back().payload = SharedBytes(std::move(payload));
    history.keep_log(7, 9);
    history.entries.back() = right;
    CHECK(history.judge(9).find("nobody has proposed") != std::string::npos);
  }
}

TEST_CASE("what lies below the oldest kept snapshot may go, and nothing else") {
  auto history = usual();
  CHECK(history.removal(History::name("snapshot.", z(2))).empty());
  CHECK(history.removal(History::name("log.", z(1))).empty());
  CHECK_FALSE(history.removal(History::name("snapshot.", z(5))).empty());
  CHECK_FALSE(history.removal(History::name("log.", z(4))).empty());
  SECTION("with fewer snapshots than are to be kept nothing may") {
    CHECK_FALSE(history.removal(History::name("snapshot.", z(2)), 4).empty());
    CHECK_FALSE(history.removal(History::name("log.", z(1)), 4).empty());
  }
  SECTION("one that is not whole does not count, and may go") {
    history.files.at(History::name("snapshot.", z(8)))[30] ^= 1;
    CHECK_FALSE(history.removal(History::name("snapshot.", z(2))).empty());
    CHECK(history.removal(History::name("snapshot.", z(8))).empty());
  }
  SECTION("a log that holds nothing may go") {
    history.files[History::name("log.", z(10))] = "";
    CHECK(history.removal(History::name("log.", z(10))).empty());
  }
}

TEST_CASE("who looks at a simulated disk sees what is there, and what would be left, and is not noticed") {
  using View = SimulatedFileSystem::View;
  SimulatedFileSystem files([] { return std::uint64_t{0}; });
  files.create_directories("/d").value();
  const auto file = files.open("/d/a", OpenMode::create_new).value();
  file->write_at(0, "abc").value();
  const auto operations = files.operations();
  CHECK(files.contents("/d", View::visible) == std::map<std::string, std::string>{{"/d/a", "abc"}});
  CHECK(files.contents("/d", View::durable).empty());
  CHECK(files.holds("/d/a"));
  CHECK(files.operations() == operations);
  file->sync().value();
  files.sync_directory("/d").value();
  files.sync_directory("/").value();
  CHECK(files.contents("/d", View::durable) == std::map<std::string, std::string>{{"/d/a", "abc"}});
}

}  // namespace
}  // namespace vivarium::test
