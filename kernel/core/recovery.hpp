#pragma once
// Brings the state to what the log store holds: newest snapshot, then every durable entry after it.

#include "kernel/core/database.hpp"

#include <vivarium/log.hpp>
#include <vivarium/log_store.hpp>

#include <functional>
#include <memory>

namespace vivarium {

struct Recovered {
  OpenedLog opened;
  std::unique_ptr<Database> database;
  std::int64_t entries = 0;  ///< Replayed after the snapshot.
};

/// One recovery; lives until `done` was called.
class Recovery {
 public:
  Recovery(LogStore& store, Log& log, std::uint64_t seed, bool extended_types,
           Done<Recovered> done);
  /// Opens the store; `events` as for LogStore::open.
  void start(LogStoreEvents& events);

 private:
  void on_opened(Result<OpenedLog> opened);
  void read_snapshot();
  void on_piece(Result<SharedBytes> piece);
  void replay();
  void on_slice(Result<LogSlice> slice);
  bool apply(const LogSlice& slice);
  void fail(const Error& error);

  LogStore& store_;
  Log& log_;
  std::uint64_t seed_;
  bool extended_types_;
  Done<Recovered> done_;
  Recovered recovered_;
  std::unique_ptr<SnapshotSource> source_;
  std::unique_ptr<DatabaseLoader> loader_;
  bool digest_warned_ = false;
};

}  // namespace vivarium
