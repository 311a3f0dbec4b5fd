#pragma once
// A snapshot on its way from the disk. Core thread; the reading happens in jobs of the bulk lane.

#include "file_store.hpp"
#include "snapshot_reader.hpp"

namespace vivarium::file {

class FileSource final : public SnapshotSource {
 public:
  FileSource(FileStore& store, SnapshotInfo info, std::string path);

  const SnapshotInfo& info() const override { return info_; }
  void read(Done<SharedBytes> done) override;

 private:
  /// Used by one job at a time.
  struct Reading {
    NamedFile snapshot;
    std::optional<Result<SnapshotReader>> reader;
  };

  FileStore& store_;
  std::weak_ptr<void> store_alive_;
  std::shared_ptr<void> counted_;  ///< By the store.
  SnapshotInfo info_;
  std::shared_ptr<Reading> reading_;
};

}  // namespace vivarium::file
