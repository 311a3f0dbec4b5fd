#pragma once
// What can be seen of a server at the doors of its broadcast, without a word in the code of production.

#include <vivarium/broadcast.hpp>
#include <vivarium/election.hpp>
#include <vivarium/log_store.hpp>

#include <cstdint>
#include <span>

namespace vivarium::simulator {

class ServerWatcher {
 public:
  virtual ~ServerWatcher() = default;

  /// The server's state is loaded, down to the last durable transaction.
  virtual void on_run(const OpenedLog& opened, Zxid last_applied, std::uint64_t digest) = 0;

  // --- the state ---------------------------------------------------------------------------------
  /// `applied`: what the leader had applied when it prepared the transaction.
  virtual void on_prepared(const LogEntry& entry, Zxid applied) = 0;
  /// `before` and `after`: what was applied last; `digest` is of the tree now.
  virtual void on_applied(std::span<const LogEntry> entries, Zxid before, Zxid after,
                          std::uint64_t digest) = 0;
  /// The state was replaced as a whole.
  virtual void on_replaced(Zxid last_applied, std::uint64_t digest) = 0;

  // --- the log -----------------------------------------------------------------------------------
  virtual void on_append(std::span<const LogEntry> entries) = 0;
  virtual void on_durable(Zxid zxid) = 0;
  virtual void on_truncate(Zxid zxid) = 0;
  virtual void on_truncated(Zxid zxid) = 0;
  /// A snapshot is about to replace the history; it has done so.
  virtual void on_install(Zxid zxid) = 0;
  virtual void on_installed(Zxid zxid) = 0;
  virtual void on_set_epoch(EpochKind kind, Epoch epoch) = 0;
  virtual void on_epoch_set(EpochKind kind, Epoch epoch) = 0;

  // --- roles -------------------------------------------------------------------------------------
  virtual void on_role(ServingRole role) = 0;
  virtual void on_look(const Candidacy& candidacy) = 0;
  virtual void on_settle(Role role, ServerId leader, Epoch epoch) = 0;
};

}  // namespace vivarium::simulator
