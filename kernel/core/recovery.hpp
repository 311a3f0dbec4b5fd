#pragma once
// Brings the state to what the log store holds: newest snapshot, then every durable entry after it.
//
// In the end the tree must have the digest that was logged last, or it is refused: bytes were read that
// are not those that were written. Before the end a difference proves nothing, since a Java server's
// snapshot may hold some of what follows it.

#include "kernel/core/database.hpp"

#include <vivarium/log.hpp>
#include <vivarium/log_store.hpp>
#include <vivarium/loop.hpp>

#include <functional>
#include <memory>

namespace vivarium {

struct Recovered {
  OpenedLog opened;
  std::unique_ptr<Database> database;
  std::int64_t entries = 0;  ///< Replayed after the snapshot.
  MonoTime snapshot_took{}, log_took{};
};

/// One recovery; lives until `done` was called.
class Recovery {
 public:
  struct Rules {
    bool extended_types = false;
    bool compare_digest = true;
  };
  Recovery(LogStore& store, Loop& loop, Log& log, Rules rules, Done<Recovered> done);
  /// Opens the store; `events` as for LogStore::open.
  void start(LogStoreEvents& events);
  /// Of a store that is open, after its history was cut or replaced.
  void start_again();

 private:
  void on_opened(Result<OpenedLog> opened);
  void begin_empty();
  void read_snapshot();
  void read_pieces();
  void on_piece(Result<SharedBytes> piece);
  void replay();
  void on_slice(Result<LogSlice> slice);
  bool apply(const LogSlice& slice);
  void end();
  void fail_load(const Error& error);
  void fail(const Error& error);

  LogStore& store_;
  Loop& loop_;
  Log& log_;
  std::uint64_t seed_;  ///< Of the tree's hashing.
  MonoTime began_{};    ///< What is being read.
  Rules rules_;
  Done<Recovered> done_;
  Recovered recovered_;
  std::unique_ptr<SnapshotSource> source_;
  std::unique_ptr<DatabaseLoader> loader_;
  bool digest_warned_ = false;
  bool digest_differs_ = false;  ///< At the last place where one was found.
};

}  // namespace vivarium
