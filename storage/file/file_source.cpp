#include "file_source.hpp"

#include <utility>

namespace vivarium::file {

FileSource::FileSource(FileStore& store, SnapshotInfo info, std::string path)
    : store_(store), store_alive_(store.alive_), counted_(store.sources_), info_(std::move(info)),
      reading_(std::make_shared<Reading>()) {
  reading_->snapshot = {info_.zxid, std::move(path)};
  // At once: the file may be removed before it is read, and stays readable once it is open.
  store_.disk_.submit(
      Lane::bulk,
      [reading = reading_](FileSystem& files) {
        reading->reader.emplace(SnapshotReader::open(files, reading->snapshot));
      },
      [] {});
}

void FileSource::read(Done<SharedBytes> done) {
  if (store_alive_.expired()) return;
  // A snapshot that cannot be read is no failure of the store: another server may have a good one.
  store_.attempt<SharedBytes>(
      Lane::bulk, [reading = reading_](FileSystem&) -> Result<SharedBytes> {
        auto& reader = *reading->reader;
        return reader.has_error() ? Result<SharedBytes>(reader.error()) : reader->next();
      },
      [done = std::move(done), alive = std::weak_ptr<void>(reading_)](Result<SharedBytes> piece) {
        if (!alive.expired()) done(std::move(piece));
      });
}

}  // namespace vivarium::file
