#pragma once
// A file store on a simulated disk, with hands on its files: what a test does to a disk behind the
// back of the server.

#include "storage/file/format.hpp"
#include "tests/contract/log_store_bench.hpp"

#include <catch2/catch.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace vivarium::test {

struct FileBench : StoreBench<SimulatedDoors, FileKind> {
  static inline const std::string kData = "/data/version-2/";
  static inline const std::string kOwn = "/data/vivarium/";
  static inline const std::string kRecords = "/data/vivarium/acknowledged/";

  /// Bytes that one record of entry(zxid) takes.
  static constexpr std::size_t kRecordBytes = 32 + 20 + file::kRecordOverheadBytes;

  FileSystem& files() { return disk->blocking(); }

  std::string bytes_of(const std::string& path) {
    auto file = files().open(path, OpenMode::read);
    if (file.has_error()) FAIL(file.error().what);
    std::string content(static_cast<std::size_t>(*(*file)->size()), '?');
    REQUIRE(*(*file)->read_at(0, content.data(), content.size()) == content.size());
    return content;
  }

  /// Puts a file there, durably.
  void put_file(const std::string& path, std::string_view content) {
    const std::string folder = path.substr(0, path.rfind('/'));
    REQUIRE(files().create_directories(folder).has_value());
    auto file = files().open(path, OpenMode::create_empty);
    REQUIRE((*file)->write_at(0, content).has_value());
    REQUIRE((*file)->sync().has_value());
    REQUIRE(files().sync_directory(folder).has_value());
  }

  void overwrite(const std::string& path, std::size_t offset, std::string_view bytes) {
    auto content = bytes_of(path);
    REQUIRE(offset + bytes.size() <= content.size());
    put_file(path, content.replace(offset, bytes.size(), bytes));
  }

  void flip(const std::string& path, std::size_t offset, int bits = 1) {
    const auto byte = static_cast<unsigned char>(bytes_of(path).at(offset));
    overwrite(path, offset, std::string(1, static_cast<char>(byte ^ bits)));
  }

  void cut(const std::string& path, std::size_t size) {
    put_file(path, bytes_of(path).substr(0, size));
  }

  void remove(const std::string& path) { REQUIRE(files().remove(path).has_value()); }
  /// How far the logs were acknowledged is not known, as after a power failure, or of Java's logs.
  void forget_acknowledged() {
    for (const std::string& name : names(kRecords)) remove(kRecords + name);
  }

  std::vector<std::string> names(const std::string& folder) {
    std::vector<std::string> names;
    for (const DirectoryEntry& one : *files().list(folder.substr(0, folder.size() - 1)))
      names.push_back(one.name);
    return names;
  }

  /// Where the record of this zxid begins in a log whose name says `first`.
  static std::size_t offset_of(std::int64_t zxid, std::int64_t first) {
    return file::kFileHeaderBytes + static_cast<std::size_t>(zxid - first) * kRecordBytes;
  }

  static std::string record_of(const LogEntry& entry) {
    std::string bytes;
    file::append_record(bytes, entry.payload.view());
    return bytes;
  }

  static std::string log_of(Zxid first, Zxid last) {
    std::string bytes = file::log_header();
    for (Zxid zxid = first; zxid <= last; zxid = zxid.next()) bytes += record_of(entry(zxid));
    return bytes;
  }
};

}  // namespace vivarium::test
