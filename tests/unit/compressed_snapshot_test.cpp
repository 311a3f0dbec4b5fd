// Snapshots in gzip and snappy streams: Java's and ours, whole, damaged and hostile.
#include "tests/support/file_bench.hpp"

#include "kernel/core/database.hpp"
#include "storage/file/compression.hpp"
#include "storage/file/snapshot_reader.hpp"

#include <algorithm>
#include <fstream>
#include <iterator>
#include <random>
#include <utility>

using namespace vivarium;
using namespace vivarium::test;

namespace {

using Strings = std::vector<std::string>;

std::string java_file(const std::string& name) {
  const std::string here = __FILE__;
  std::ifstream in(here.substr(0, here.rfind('/')) + "/java-3.8/compressed/" + name,
                   std::ios::binary);
  REQUIRE(in.good());
  return {std::istreambuf_iterator<char>(in), {}};
}

/// A snapshot file, before it is packed, with the one seal that it needs.
std::string snapshot_bytes(std::string_view body) {
  std::string bytes = file::snapshot_header() + std::string(body);
  file::append_seal(bytes, file::adler(file::kAdlerBegin, bytes));
  return bytes;
}

std::string packed(std::string_view bytes, file::Compression compression) {
  const auto compressor = file::make_compressor(compression);
  std::string out;
  compressor->add(bytes, out);
  compressor->finish(out);
  return out;
}

/// Text that compresses well, and bytes that do not.
std::string mixed_body(std::size_t bytes) {
  std::mt19937 random(7);
  std::string body;
  while (body.size() < bytes) {
    body += "the same again and again ";
    if (random() % 2 == 0)
      for (int i = 0; i < 300; ++i) body.push_back(static_cast<char>(random()));
  }
  return body;
}

/// A store that writes its snapshots so.
struct PackedBench : FileBench {
  explicit PackedBench(const std::string& method) {
    server_settings["snapshot.compression.method"] = method;
  }
};

std::string any_method() {
  return GENERATE(as<std::string>(), "gz", "snappy");
}

/// A plain snapshot at 0, one at 4 in the file `name`, and the log of 1 to 5.
struct DamageBench : FileBench {
  DamageBench(std::string name, std::string_view content)
      : path(FileBench::kData + std::move(name)) {
    open();
    take_snapshot(Zxid{0}, "zero");
    append(Zxid{1}, Zxid{5});
    close();
    put_file(path, content);
  }
  std::string path;

  /// Opens; nothing or the sentence about the damaged file.
  std::string complaint() {
    const OpenedLog opened = open();
    CHECK(opened.last_durable == Zxid{5});
    CHECK(opened.snapshot->zxid == (opened.damage.empty() ? Zxid{4} : Zxid{0}));
    return opened.damage.empty() ? "" : opened.damage.front().message;
  }
};

const std::pair<std::string, file::Compression> kMethods[] = {
    {".gz", file::Compression::gz}, {".snappy", file::Compression::snappy}};

}  // namespace

// --- ours ----------------------------------------------------------------------------------------

TEST_CASE("a snapshot is written in the compression that is asked for, and read back", "[file]") {
  const std::string method = any_method();
  PackedBench bench(method);
  bench.open();
  bench.append(Zxid{1}, Zxid{5});
  const std::string body = mixed_body(3'000'000);
  const SnapshotInfo info = bench.take_snapshot(Zxid{5}, body, 0x55);
  CHECK(bench.names(FileBench::kData) == Strings{"log.1", "snapshot.5." + method});
  CHECK(info.bytes == bench.bytes_of(FileBench::kData + "snapshot.5." + method).size());
  CHECK(info.bytes < body.size());
  CHECK(bench.snapshot_body() == body);
  const OpenedLog opened = bench.reopen();
  CHECK(opened.snapshot->zxid == Zxid{5});
  CHECK(opened.snapshot->digest == 0x55);
  CHECK(opened.snapshot->bytes == info.bytes);
  CHECK(opened.damage.empty());
  CHECK(bench.snapshot_body() == body);
}

TEST_CASE("checksums of a compressed snapshot are over what was compressed", "[file]") {
  const std::string method = any_method();
  PackedBench bench(method);
  bench.open();
  bench.take_snapshot(Zxid{0}, "sessions, acls, nodes");
  auto file =
      bench.disk->blocking().open(FileBench::kData + "snapshot.0." + method, OpenMode::read);
  const auto unpacked = file::unpack(std::move(*file), file::compression_of("." + method));
  std::string bytes(1000, '\0');
  bytes.resize(*unpacked->read(bytes.data(), bytes.size()));
  CHECK(bytes == snapshot_bytes("sessions, acls, nodes"));
}

TEST_CASE("a snappy stream has snappy-java's header, and chunks of 32 KiB", "[file]") {
  using namespace std::string_literals;
  const auto stream = packed(std::string(40'000, 'x'), file::Compression::snappy);
  CHECK(stream.starts_with("\x82SNAPPY\0\0\0\0\1\0\0\0\1"s));
  // Raw snappy begins with the length of what it unpacks to, seven bits at a time.
  CHECK(stream.substr(20, 3) == "\x80\x80\2"s);
  const auto first =
      static_cast<unsigned char>(stream[18]) << 8 | static_cast<unsigned char>(stream[19]);
  const auto second = stream.substr(20 + static_cast<std::size_t>(first));
  CHECK(second.substr(4, 2) == "\xc0\x38"s);  // 40000 - 32768
}

TEST_CASE("the compression may be another one after each start", "[file]") {
  FileBench bench;
  bench.open();
  bench.append(Zxid{1}, Zxid{2});
  bench.take_snapshot(Zxid{1}, "plain");
  bench.server_settings["snapshot.compression.method"] = "gz";
  bench.reopen();
  CHECK(bench.snapshot_body() == "plain");
  bench.take_snapshot(Zxid{2}, "gzipped");
  bench.server_settings["snapshot.compression.method"] = "snappy";
  bench.reopen();
  CHECK(bench.snapshot_body() == "gzipped");
  bench.append(Zxid{3}, Zxid{3});
  bench.take_snapshot(Zxid{3}, "snapped");
  bench.server_settings["snapshot.compression.method"] = "";
  bench.reopen();
  CHECK(bench.snapshot_body() == "snapped");
  CHECK(bench.names(FileBench::kData) ==
        Strings{"log.1", "log.3", "snapshot.1", "snapshot.2.gz", "snapshot.3.snappy"});
}

TEST_CASE("a snapshot may be there plain and compressed, and the one that is whole counts",
          "[file]") {
  FileBench bench;
  bench.open();
  bench.append(Zxid{1}, Zxid{1});
  bench.take_snapshot(Zxid{1}, "plain");
  bench.close();
  bench.put_file(FileBench::kData + "snapshot.1.gz",
                 packed(snapshot_bytes("gzipped"), file::Compression::gz));
  SECTION("the plain one, if both are") {
    CHECK(bench.open().damage.empty());
    CHECK(bench.snapshot_body() == "plain");
  }
  SECTION("the other, if that one is damaged") {
    bench.flip(FileBench::kData + "snapshot.1", 18);
    const OpenedLog opened = bench.open();
    CHECK(opened.snapshot->zxid == Zxid{1});
    REQUIRE(opened.damage.size() == 1);
    CHECK(opened.damage[0].harmless);
    CHECK(bench.snapshot_body() == "gzipped");
  }
}

TEST_CASE("an installed snapshot is not compressed, and none of its zxid stays beside it", "[file]") {
  const std::string method = any_method();
  PackedBench bench(method);
  bench.open();
  bench.append(Zxid{1}, Zxid{7});
  bench.take_snapshot(Zxid{7}, "before");
  bench.install(Zxid{7}, "installed");
  CHECK(bench.names(FileBench::kData) == Strings{"snapshot.7"});
  bench.reopen();
  CHECK(bench.snapshot_body() == "installed");
}

TEST_CASE("an unknown compression is refused with those that there are", "[file]") {
  PackedBench bench("lz4");
  CHECK_THROWS_WITH(bench.make(), Catch::Contains("snapshot.compression.method=lz4") &&
                                      Catch::Contains("gz or snappy"));
}

// --- Java's --------------------------------------------------------------------------------------

TEST_CASE("a compressed snapshot of a Java server is loaded, to the digest that it holds",
          "[file][java]") {
  const std::string method = any_method();
  FileBench bench;
  for (const std::string name : {"snapshot.0.", "snapshot.36."})
    bench.put_file(FileBench::kData + name + method, java_file(name + method));
  const OpenedLog opened = bench.open();
  REQUIRE(opened.snapshot);
  CHECK(opened.snapshot->zxid == Zxid{0x36});
  CHECK(opened.damage.empty());
  const auto body = bench.snapshot_body();
  REQUIRE(body);
  DatabaseLoader loader(1, false);
  REQUIRE(loader.feed(*body).has_value());
  const auto database = loader.finish(opened.snapshot->zxid);
  REQUIRE(database.has_value());
  REQUIRE(opened.snapshot->digest);
  CHECK((*database)->tree().digest() == *opened.snapshot->digest);
  const auto* big = (*database)->tree().find("/big");
  REQUIRE(big);
  CHECK(big->data()->size() == 90'000);
  CHECK((*database)->ephemeral_count() == 1);
}

// --- damaged and hostile -------------------------------------------------------------------------

TEST_CASE("a compressed snapshot with any bit flipped is the same one or is passed over",
          "[file][damage]") {
  for (const auto& [suffix, compression] : kMethods) {
    const std::string whole = packed(snapshot_bytes(mixed_body(400)), compression);
    int passed_over = 0;
    for (std::size_t offset = 0; offset < whole.size(); ++offset) {
      CAPTURE(suffix, offset);
      std::string bytes = whole;
      bytes[offset] = static_cast<char>(bytes[offset] ^ (1 << offset % 8));
      DamageBench bench("snapshot.4" + suffix, bytes);
      if (const auto complaint = bench.complaint(); complaint.empty()) {
        CHECK(bench.snapshot_body() == mixed_body(400));
      } else {
        CHECK_THAT(complaint, Catch::Contains(bench.path));
        CHECK(bench.snapshot_body() == "zero");
        ++passed_over;
      }
    }
    // A gzip header says when and where it was made: some bits of it mean nothing.
    CHECK(whole.size() - static_cast<std::size_t>(passed_over) <= 10);
  }
}

TEST_CASE("a compressed snapshot that is cut short, by any length, is passed over",
          "[file][damage]") {
  for (const auto& [suffix, compression] : kMethods) {
    const std::string whole = packed(snapshot_bytes(mixed_body(400)), compression);
    for (std::size_t size = 0; size < whole.size(); ++size) {
      CAPTURE(suffix, size);
      DamageBench bench("snapshot.4" + suffix, whole.substr(0, size));
      CHECK_THAT(bench.complaint(), Catch::Contains(bench.path));
    }
  }
}

TEST_CASE("what stands behind the end of a compressed snapshot is damage", "[file][damage]") {
  for (const auto& [suffix, compression] : kMethods) {
    DamageBench bench("snapshot.4" + suffix,
                      packed(snapshot_bytes("four"), compression) + "and more");
    CHECK_THAT(bench.complaint(), Catch::Contains("stream"));
  }
}

TEST_CASE("a gzip file of several streams is read as one", "[file]") {
  const auto bytes = snapshot_bytes("four");
  const auto in_two = packed(bytes.substr(0, 9), file::Compression::gz) +
                      packed(bytes.substr(9), file::Compression::gz);
  DamageBench bench("snapshot.4.gz", in_two);
  CHECK(bench.complaint().empty());
  CHECK(bench.snapshot_body() == "four");
}

TEST_CASE("no length in a snappy stream is believed", "[file][damage]") {
  using namespace std::string_literals;
  const std::string header = "\x82SNAPPY\0\0\0\0\1\0\0\0\1"s;
  const auto [bytes, what] = GENERATE(table<std::string, std::string>({
      {"\x7f\xff\xff\xff"s, "length 2147483647"},
      {"\xff\xff\xff\xff"s, "length -1"},
      {"\0\0\0\0"s, "length 0"},
      {"\0\x10\0\0"s + std::string(100, 'x'), "length 1048576"},  // More than the file has.
      {"\0\0\0\5\xff\xff\xff\xff\x0f"s, "no possible size"},      // 4 GiB - 1
      {"\0\0\0\5\x81\x80\x80\2x"s, "no possible size"},           // 4 MiB + 1
      {"\0\0\0\5\xff\xff\xff\xff\xff"s, "no possible size"},      // A number without an end.
      {"\0\0\0\4\x80\x80\2x"s, "cannot be unpacked"},
  }));
  DamageBench bench("snapshot.4.snappy", header + bytes);
  // The chunk's length stands at 16, its bytes at 20.
  CHECK_THAT(bench.complaint(), Catch::Contains(what) && Catch::Matches(".* at offset (16|20) .*"));
}

TEST_CASE("a snappy stream of another kind is refused", "[file][damage]") {
  using namespace std::string_literals;
  auto bytes = packed(snapshot_bytes("four"), file::Compression::snappy);
  SECTION("by its magic") {
    bytes[0] = 'x';
  }
  SECTION("by the oldest version that can read it") {
    bytes[15] = 2;
  }
  DamageBench bench("snapshot.4.snappy", bytes);
  CHECK_THAT(bench.complaint(), Catch::Contains("no header"));
}

TEST_CASE("a file that unpacks to very much is read in pieces all the same", "[file][damage]") {
  for (const auto& [suffix, compression] : kMethods) {
    const std::size_t size = std::size_t{64} << 20;
    FileBench bench;
    const file::NamedFile snapshot{Zxid{4}, FileBench::kData + "snapshot.4" + suffix};
    const auto bomb = packed(snapshot_bytes(std::string(size, '\0')), compression);
    CHECK(bomb.size() < size / 15);
    bench.put_file(snapshot.path, bomb);
    auto reader = file::SnapshotReader::open(bench.disk->blocking(), snapshot);
    REQUIRE(reader.has_value());
    std::size_t unpacked = 0, longest = 0;
    while (true) {
      const auto piece = reader->next();
      REQUIRE(piece.has_value());
      if (piece->empty()) break;
      unpacked += piece->size();
      longest = std::max(longest, piece->size());
    }
    CHECK(unpacked == size);
    CHECK(longest <= std::size_t{1} << 20);
  }
}
