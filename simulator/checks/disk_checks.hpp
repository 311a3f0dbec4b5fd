#pragma once
// Looks at what lies on the disks: S-9 at each snapshot, at each end of a process and in the end, S-10
// whenever a snapshot or a log is removed. Looking is no operation of a disk, so that nobody can tell.

#include "simulator/checks/disk_image.hpp"
#include "simulator/checks/model.hpp"
#include "simulator/checks/protocol_checks.hpp"
#include "simulator/machine.hpp"
#include "simulator/probes.hpp"

#include <memory>
#include <string>
#include <vector>

namespace vivarium::simulator {

class DiskChecks {
 public:
  /// `machines[i]` is server i + 1; all are borrowed.
  DiskChecks(const std::vector<std::unique_ptr<Machine>>& machines, const ProtocolChecks& protocol,
             unsigned snapshots_kept, Verdict& verdict, Probes& probes);
  ~DiskChecks();

  /// Behind each event.
  void settle();
  /// When all servers have applied what the model has: each history on a disk gives that state, with its ACLs
  /// and sessions, which the digest does not cover.
  void check_end(const Model& model, Zxid last);

 private:
  struct Seen {
    bool running = false;
    bool new_snapshot = false;
  };

  void on_operation(std::size_t machine, const std::string& what);
  void check_removal(std::size_t machine, const std::string& path);
  void check_history(std::size_t machine, const char* when);
  void check_state(const Database& database, const Model& model, const std::string& whose);
  bool changes_history(std::size_t machine) const;
  DiskImage image(std::size_t machine, SimulatedFileSystem::View view) const;
  bool is_proposal(const LogEntry& entry) const;
  const std::string& name(std::size_t machine) const { return machines_[machine]->spec().name; }

  const std::vector<std::unique_ptr<Machine>>& machines_;
  const ProtocolChecks& protocol_;
  unsigned snapshots_kept_;
  Verdict& verdict_;
  Probes& probes_;
  std::vector<Seen> seen_;
};

}  // namespace vivarium::simulator
