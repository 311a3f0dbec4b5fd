// How the tools show transactions and compare trees.
#include "storage/file/format.hpp"
#include "tests/contract/log_store_bench.hpp"
#include "tools/json_archive.hpp"
#include "tools/log_print.hpp"
#include "tools/log_summary.hpp"
#include "tools/replay.hpp"
#include "tools/snapshot_tree.hpp"
#include "tools/text_archive.hpp"
#include "tools/transaction.hpp"

#include "kernel/simulation/simulated_file_system.hpp"

#include <catch2/catch.hpp>

#include <sstream>

using namespace vivarium;
using namespace vivarium::tools;

namespace {

const AclList kOpen = {{perms::kAll, "world", "anyone"}};

template <class Body>
std::string payload(std::int64_t zxid, Op type, const Body& body) {
  return to_jute(records::TxnHeader{0x100, 7, zxid, 1'600'000'000'123,
                                    static_cast<std::int32_t>(type)}) +
         to_jute(body);
}

std::string with_digest(std::string payload, std::uint64_t digest) {
  return payload + to_jute(records::TxnDigest{2, static_cast<std::int64_t>(digest)});
}

struct Lines {
  std::string text, json;
};

/// What is printed of one transaction.
Lines lines_of(const std::string& payload) {
  SimulatedFileSystem files([] { return 1; });
  REQUIRE(files.create_directories("/logs").has_value());
  auto bytes = file::log_header();
  file::append_record(bytes, payload);
  REQUIRE((*files.open("/logs/log.5", OpenMode::create_new))->write_at(0, bytes).has_value());
  file::LogReader reader(files, {{Zxid{5}, "/logs/log.5"}}, {});
  REQUIRE(*reader.next());
  return {text_line(reader), json_line(reader)};
}

bool contains(const std::string& text, const std::string& part) {
  INFO(text);
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("a transaction is one line of text and one JSON object") {
  const auto lines = lines_of(
      with_digest(payload(5, Op::create, records::CreateTxn{"/a", "x", kOpen, true, 3}), 0xab));
  CHECK(
      lines.text ==
      "0x5 2020-09-13T12:26:40.123Z session=0x100 cxid=7 create path=\"/a\" data=\"x\" "
      "acl=[perms=31 scheme=\"world\" id=\"anyone\"] ephemeral=true parent_cversion=3 digest=0xab");
  CHECK(
      lines.json ==
      R"({"zxid": "0x5","file": "/logs/log.5","offset": 16,"type": "create","session": "0x100",)"
      R"("header": {"client_id": 256,"cxid": 7,"zxid": 5,"time": 1600000000123,"type": 1},)"
      R"("txn": {"path": "/a","data": "x","acl": [{"perms": 31,"scheme": "world","id": "anyone"}],)"
      R"("ephemeral": true,"parent_cversion": 3},"digest": {"version": 2,"tree_digest": 171}})");
}

TEST_CASE("null, empty and binary data are told apart") {
  const auto of = [](Data data) {
    return lines_of(payload(5, Op::set_data, records::SetDataTxn{"/a", data, 1}));
  };
  CHECK(contains(of(std::nullopt).text, "data=null"));
  CHECK(contains(of(std::nullopt).json, R"("data": null)"));
  CHECK(contains(of("").text, "data=\"\""));
  CHECK(contains(of("").json, R"("data": "")"));
  CHECK(contains(of("\xff\x01\xc3\xa9\xc2\x9b").text, "data=\"\\xff\\x01\xc3\xa9\\xc2\\x9b\""));
  CHECK(contains(of("\xff\x01").json, R"("data": {"base64": "/wE="})"));
}

TEST_CASE("a long text is cut between two characters, and its length told") {
  const auto lines = lines_of(
      payload(5, Op::set_data, records::SetDataTxn{"/a", std::string(63, 'x') + "\xc3\xa9y", 1}));
  CHECK(contains(lines.text, "data=\"" + std::string(63, 'x') + "\"... (66 bytes)"));
}

TEST_CASE("nothing that a client wrote breaks a line") {
  const auto lines = lines_of(payload(5, Op::remove, records::DeleteTxn{"/a\"\n\x1b[2J\\"}));
  CHECK(contains(lines.text, R"(path="/a\"\x0a\x1b[2J\\")"));
  CHECK(lines.text.find('\n') == std::string::npos);
  CHECK(lines.json.find('\n') == std::string::npos);
  CHECK(contains(lines.json, R"("/a\"\n\u001B[2J\\")"));
}

TEST_CASE("the parts of a multi are taken apart, and what is no record is said to be none") {
  const auto create = to_jute(records::CreateTxn{"/m", "1", kOpen, false, 1});
  const auto lines = lines_of(payload(
      5, Op::multi,
      records::MultiTxn{{{static_cast<std::int32_t>(Op::create), create},
                         {static_cast<std::int32_t>(Op::error), to_jute(records::ErrorTxn{-101})},
                         {static_cast<std::int32_t>(Op::remove), "x"}}}));
  CHECK(contains(lines.text, "multi [create path=\"/m\""));
  CHECK(contains(lines.text, "error err=-101, delete (malformed)]"));
  CHECK(contains(lines.json, R"("txns": [{"type": "create","txn": {"path": "/m")"));
  CHECK(contains(lines.json, R"({"type": "delete","malformed": "x"})"));
  CHECK(contains(lines_of(payload(5, static_cast<Op>(99), records::ErrorTxn{0})).text,
                 "unknown type=99 (malformed)"));
}

TEST_CASE("a multi within a multi is no record, however deep they go") {
  const auto inside = [](const std::string& part) {
    return to_jute(records::MultiTxn{{{static_cast<std::int32_t>(Op::multi), part}}});
  };
  std::string part = to_jute(records::MultiTxn{});
  for (int depth = 0; depth < 1000; ++depth) part = inside(part);
  const records::SubTxn inner{static_cast<std::int32_t>(Op::multi), part};
  const auto bytes = payload(5, Op::multi, records::MultiTxn{{inner}});
  const auto lines = lines_of(bytes);
  CHECK(contains(lines.text, "multi [multi (malformed)]"));
  CHECK(contains(lines.json, R"("txns": [{"type": "multi","malformed": )"));

  SimulatedFileSystem files([] { return 1; });
  auto log = file::log_header();
  file::append_record(log, bytes);
  REQUIRE((*files.open("/log.5", OpenMode::create_new))->write_at(0, log).has_value());
  file::LogReader reader(files, {{Zxid{5}, "/log.5"}}, {});
  REQUIRE(*reader.next());
  LogSummary summary;
  summary.add(reader);
  CHECK(summary.facts().transactions == 1);
  CHECK(summary.facts().paths.empty());
}

TEST_CASE("a session's end with and without a list of paths is read, and the digest behind it") {
  for (const bool listed : {true, false}) {
    auto bytes =
        to_jute(records::TxnHeader{1, 0, 5, 0, static_cast<std::int32_t>(Op::close_session)});
    if (listed) bytes += to_jute(records::CloseSessionTxn{{"/e"}});
    const auto transaction = Transaction::of(with_digest(bytes, 77));
    CHECK_FALSE(transaction.malformed);
    REQUIRE(transaction.digest);
    CHECK(transaction.digest->tree_digest == 77);
  }
}

TEST_CASE("UTF-8 is what Unicode calls so") {
  for (const char* good : {"", "plain", "\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x98\x80", "\x7f"})
    CHECK(is_utf8(good));
  for (const char* bad : {"\x80", "\xc3", "\xc0\x80", "\xe0\x80\x80", "\xed\xa0\x80",
                          "\xf4\x90\x80\x80", "\xf8\x88\x80\x80\x80", "a\xff", "\xe2\x82"})
    CHECK_FALSE(is_utf8(bad));
}

TEST_CASE("digests that differ count only when the tree had caught up with the log") {
  const auto create = [](std::int64_t zxid, const char* path) {
    return payload(zxid, Op::create, records::CreateTxn{path, "", kOpen, false, -1});
  };
  const auto after = [&](int count) {
    Replay replay(empty_tree(), true);
    const char* paths[] = {"/a", "/b", "/c"};
    for (int i = 0; i < count; ++i)
      REQUIRE(replay.take(Zxid{i + 1}, create(i + 1, paths[i])).has_value());
    return replay.database().tree().digest();
  };
  for (const bool exact : {true, false}) {
    Replay replay(empty_tree(), exact);
    REQUIRE(replay.take(Zxid{1}, with_digest(create(1, "/a"), 1)).has_value());
    CHECK(replay.agrees() == false);
    REQUIRE(replay.take(Zxid{2}, with_digest(create(2, "/b"), after(2))).has_value());
    CHECK(replay.agrees() == true);
    REQUIRE(replay.take(Zxid{3}, with_digest(create(3, "/c"), 1)).has_value());
    CHECK(replay.digests().catching_up == (exact ? 0 : 1));
    CHECK(replay.digests().differing == (exact ? 2 : 1));
    CHECK(replay.digests().first_difference == Zxid{exact ? 1 : 3});
  }
}

TEST_CASE("two trees are compared by every field, their ACLs as lists, and their sessions") {
  const auto tree = [](const char* data, const AclList& acl, std::int32_t timeout,
                       const char* extra) {
    Replay replay(empty_tree(), true);
    std::int64_t zxid = 0;
    const auto take = [&](Op type, const auto& body) {
      ++zxid;
      REQUIRE(replay.take(Zxid{zxid}, payload(zxid, type, body)).has_value());
    };
    take(Op::create_session, records::CreateSessionTxn{timeout});
    take(Op::create, records::CreateTxn{"/a", data, acl, false, -1});
    take(Op::create, records::CreateTxn{extra, "", kOpen, false, -1});
    return replay.release();
  };
  const auto differences = [](const Database& a, const Database& b, std::uint64_t most = 100) {
    std::ostringstream out;
    compare_trees(a, b, most, out);
    return out.str();
  };
  const auto one = tree("x", kOpen, 1000, "/b");
  CHECK(differences(*one, *tree("x", kOpen, 1000, "/b")).empty());
  CHECK(differences(*one, *tree("y", {{perms::kRead, "world", "anyone"}}, 2000, "/c")) ==
        "~ /a data=\"x\" -> data=\"y\" acl=[perms=31 scheme=\"world\" id=\"anyone\"] -> "
        "[perms=1 scheme=\"world\" id=\"anyone\"]\n"
        "- /b\n+ /c\n~ session 0x100 timeout=1000 -> 2000\n");
  CHECK(differences(*one, *tree("y", kOpen, 2000, "/c"), 1) == "~ /a data=\"x\" -> data=\"y\"\n");
}
