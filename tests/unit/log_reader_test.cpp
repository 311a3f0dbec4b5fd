// Reading logs for inspection: what is whole comes in order, what is not is named, and a server that
// writes meanwhile is no damage.
#include "storage/file/format.hpp"
#include "storage/file/log_reader.hpp"
#include "tests/contract/log_store_bench.hpp"
#include "tests/support/forwarding_files.hpp"

#include "kernel/simulation/simulated_file_system.hpp"

#include <catch2/catch.hpp>

using namespace vivarium;
using namespace vivarium::file;
using vivarium::test::ForwardingFiles;
using vivarium::test::entry;
using vivarium::test::range;

namespace {

constexpr std::string_view kFolder = "/data/version-2";

struct Folder {
  SimulatedFileSystem files{[] { return 1; }};
  Folder() { REQUIRE(files.create_directories(std::string(kFolder)).has_value()); }

  NamedFile put(std::int64_t named, const std::string& bytes) {
    const NamedFile log{Zxid{named},
                        std::string(kFolder) + "/log." + text_of(Zxid{named}).substr(2)};
    auto file = files.open(log.path, OpenMode::create_empty);
    REQUIRE((*file)->write_at(0, bytes).has_value());
    return log;
  }
};

std::string some_records(std::int64_t first, std::int64_t last) {
  std::string bytes;
  for (const auto zxid : range(first, last)) append_record(bytes, entry(Zxid{zxid}).payload.view());
  return bytes;
}
std::string log_of(std::int64_t first, std::int64_t last) {
  return log_header() + some_records(first, last);
}

struct Seen {
  std::vector<std::int64_t> zxids;
  std::vector<LogFinding> findings;
};
Seen read_all(LogReader& reader) {
  Seen seen;
  while (*reader.next()) {
    CHECK(reader.payload() == entry(reader.zxid()).payload.view());
    seen.zxids.push_back(reader.zxid().value);
  }
  seen.findings = reader.findings();
  return seen;
}
Seen read_all(Folder& folder, std::vector<NamedFile> logs, std::vector<NamedFile> snapshots = {}) {
  LogReader reader(folder.files, std::move(logs), std::move(snapshots));
  return read_all(reader);
}

/// Files that a server appends to between any two reads.
class Growing final : public ForwardingFiles {
 public:
  Growing(FileSystem& files, std::function<void()> grow)
      : ForwardingFiles(files), grow_(std::move(grow)) {}

  Result<std::unique_ptr<File>> open(const std::string& path, OpenMode mode) override {
    auto file = ForwardingFiles::open(path, mode);
    if (file.has_error()) return file;
    return std::unique_ptr<File>(new GrowingFile(std::move(*file), grow_));
  }

 private:
  class GrowingFile final : public File {
   public:
    GrowingFile(std::unique_ptr<File> file, const std::function<void()>& grow)
        : file_(std::move(file)), grow_(grow) {}
    Result<std::size_t> read_at(std::uint64_t offset, char* into, std::size_t size) override {
      auto got = file_->read_at(offset, into, size);
      grow_();
      return got;
    }
    Result<void> write_at(std::uint64_t offset, std::string_view bytes) override {
      return file_->write_at(offset, bytes);
    }
    Result<void> allocate(std::uint64_t size) override { return file_->allocate(size); }
    Result<void> truncate(std::uint64_t size) override { return file_->truncate(size); }
    Result<void> sync() override { return file_->sync(); }
    Result<std::uint64_t> size() override { return file_->size(); }

   private:
    std::unique_ptr<File> file_;
    const std::function<void()>& grow_;
  };

  std::function<void()> grow_;
};

void check_only(const Seen& seen, LogFinding::Kind kind, std::uint64_t offset) {
  REQUIRE(seen.findings.size() == 1);
  CHECK(name_of(seen.findings[0].kind) == name_of(kind));
  CHECK(seen.findings[0].offset == offset);
}

}  // namespace

TEST_CASE("transactions of several logs come in order, preallocated zeros do not matter") {
  Folder folder;
  const auto seen = read_all(
      folder, {folder.put(1, log_of(1, 5) + std::string(5000, '\0')), folder.put(6, log_of(6, 9))});
  CHECK(seen.zxids == range(1, 9));
  CHECK(seen.findings.empty());
}

TEST_CASE("the end of an interrupted write is told, and is no damage") {
  Folder folder;
  const auto whole = log_of(1, 3);
  auto torn = whole + some_records(4, 4);
  torn.resize(torn.size() - 7);
  const auto seen = read_all(folder, {folder.put(1, torn + std::string(100, '\0'))});
  CHECK(seen.zxids == range(1, 3));
  check_only(seen, LogFinding::Kind::torn, whole.size());
  CHECK_FALSE(is_damage(seen.findings[0].kind));
  CHECK(seen.findings[0].after == Zxid{3});
}

TEST_CASE("a log that was torn is followed by one that wrote the rest again") {
  Folder folder;
  auto torn = log_of(1, 4);
  torn.resize(torn.size() - 7);
  const auto seen = read_all(folder, {folder.put(1, torn), folder.put(4, log_of(4, 6))});
  CHECK(seen.zxids == range(1, 6));
  check_only(seen, LogFinding::Kind::torn, log_of(1, 3).size());
}

TEST_CASE("a changed byte is damage, and reading goes on with the next file, where a gap shows") {
  Folder folder;
  auto bytes = log_of(1, 5);
  const auto offset = log_of(1, 2).size();
  bytes[offset + 40] ^= 1;
  const auto seen = read_all(folder, {folder.put(1, bytes), folder.put(6, log_of(6, 7))});
  CHECK(seen.zxids == std::vector<std::int64_t>{1, 2, 6, 7});
  REQUIRE(seen.findings.size() == 2);
  CHECK(seen.findings[0].kind == LogFinding::Kind::damage);
  CHECK(seen.findings[0].offset == offset);
  CHECK(seen.findings[1].kind == LogFinding::Kind::gap);
  CHECK(seen.findings[1].after == Zxid{2});
}

TEST_CASE("transactions that a snapshot brought are no gap") {
  Folder folder;
  const std::vector<NamedFile> logs = {folder.put(1, log_of(1, 3)), folder.put(9, log_of(9, 10))};
  check_only(read_all(folder, logs), LogFinding::Kind::gap, kFileHeaderBytes);
  check_only(read_all(folder, logs, {{Zxid{8}, "snapshot.8"}}), LogFinding::Kind::covered,
             kFileHeaderBytes);
}

TEST_CASE("the first transactions of a new epoch continue the old one") {
  Folder folder;
  const std::int64_t epoch = std::int64_t{1} << 32;
  const auto seen = read_all(
      folder, {folder.put(1, log_of(1, 3)), folder.put(epoch + 1, log_of(epoch + 1, epoch + 2))});
  CHECK(seen.findings.empty());
  CHECK(seen.zxids.size() == 5);
}

TEST_CASE("transactions that were logged twice are marked") {
  Folder folder;
  LogReader reader(folder.files, {folder.put(1, log_of(1, 5)), folder.put(4, log_of(4, 6))}, {});
  std::vector<std::int64_t> fresh;
  while (*reader.next())
    if (!reader.repeated()) fresh.push_back(reader.zxid().value);
  CHECK(fresh == range(1, 6));
  REQUIRE(reader.findings().size() == 1);
  CHECK(reader.findings()[0].kind == LogFinding::Kind::repeated);
}

TEST_CASE("a file without transactions, one without a header and one that is gone are told") {
  Folder folder;
  const NamedFile gone{Zxid{9}, std::string(kFolder) + "/log.9"};
  const auto seen = read_all(folder, {folder.put(1, log_of(1, 2)), folder.put(3, log_header()),
                                      folder.put(4, std::string(64, '\0')),
                                      folder.put(5, std::string(64, 'x')), gone});
  CHECK(seen.zxids == range(1, 2));
  REQUIRE(seen.findings.size() == 4);
  CHECK(seen.findings[0].kind == LogFinding::Kind::empty);
  CHECK(seen.findings[1].kind == LogFinding::Kind::empty);
  CHECK(seen.findings[2].kind == LogFinding::Kind::damage);
  CHECK(seen.findings[3].kind == LogFinding::Kind::vanished);
}

TEST_CASE("a file that is not named after its first transaction is told") {
  Folder folder;
  check_only(read_all(folder, {folder.put(2, log_of(1, 3))}), LogFinding::Kind::misnamed,
             kFileHeaderBytes);
}

TEST_CASE("a write that is completed while the log is read is read too") {
  Folder folder;
  auto bytes = log_of(1, 3);
  const auto half = bytes.size() - 20;
  const NamedFile log = folder.put(1, bytes.substr(0, half));
  LogReader reader(folder.files, {log}, {});
  REQUIRE(*reader.next());  // The size of the file is known by now.
  folder.put(1, bytes + some_records(4, 6));
  auto seen = read_all(reader);
  CHECK(seen.zxids == range(2, 6));
  CHECK(seen.findings.empty());
}

TEST_CASE("a log that grows whenever somebody looks is read as far as it was, and is no damage") {
  Folder folder;
  auto bytes = log_of(1, 2);
  const NamedFile log = folder.put(1, bytes + std::string(10'000, '\0'));
  Growing files(folder.files, [&, zxid = std::int64_t{2}]() mutable {
    bytes += some_records(zxid + 1, zxid + 3);
    zxid += 3;
    folder.put(1, bytes + std::string(10'000, '\0'));
  });
  LogReader reader(files, {log}, {});
  const auto seen = read_all(reader);
  CHECK(seen.findings.empty());
  CHECK(seen.zxids.size() >= 2);
  CHECK(seen.zxids == range(1, static_cast<std::int64_t>(seen.zxids.size())));
}

TEST_CASE("only the logs are named that may hold something above a zxid") {
  const std::vector<NamedFile> logs = {{Zxid{1}, "a"}, {Zxid{5}, "b"}, {Zxid{9}, "c"}};
  const auto paths = [&](std::int64_t zxid) {
    std::string names;
    for (const NamedFile& log : logs_above(logs, Zxid{zxid})) names += log.path;
    return names;
  };
  CHECK(paths(0) == "abc");
  CHECK(paths(3) == "abc");
  CHECK(paths(4) == "bc");
  CHECK(paths(8) == "c");
  CHECK(paths(100) == "c");
}
