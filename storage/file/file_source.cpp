#include "file_source.hpp"

#include "try.hpp"

namespace vivarium::file {

FileSource::FileSource(FileStore& store, SnapshotInfo info)
    : store_(store), store_alive_(store.alive_), info_(std::move(info)),
      reading_(std::make_shared<Reading>()) {
  reading_->snapshot = {info_.zxid, store.on_disk_->directories.snapshot_path(info_.zxid)};
}

Result<SharedBytes> FileSource::Reading::next(FileSystem& files) {
  if (!reader) {
    TRY_LET(opened, SnapshotReader::open(files, snapshot));
    reader.emplace(std::move(opened));
  }
  return reader->next();
}

void FileSource::read(Done<SharedBytes> done) {
  if (store_alive_.expired()) return;
  // A snapshot that cannot be read is no failure of the store: another server may have a good one.
  store_.attempt<SharedBytes>(
      Lane::bulk, [reading = reading_](FileSystem& files) { return reading->next(files); },
      [done = std::move(done), alive = std::weak_ptr<void>(reading_)](Result<SharedBytes> piece) {
        if (!alive.expired()) done(std::move(piece));
      });
}

}  // namespace vivarium::file
