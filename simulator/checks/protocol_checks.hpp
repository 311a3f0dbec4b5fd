#pragma once
// The invariants of the protocol, I-1 to I-14 and S-1 to S-9, checked at every event that can touch them,
// each in constant or logarithmic time.
//
// Two tables carry most of it. `proposals`: what each zxid stands for and which zxid its primary had before
// it, fixed by the primary; a log in which every entry is the primary's, with the primary's predecessor, is
// the primary's log up to there, so that two logs with the same last zxid are the same (I-2, I-5, I-10,
// S-6). `committed`: the one order of all, fixed by whoever applies a transaction first; everybody else's
// order is compared with it, and a transaction enters it only when a majority has it on disk (I-3 to I-9).

#include "simulator/checks/quorum_wire.hpp"
#include "simulator/checks/server_watcher.hpp"
#include "simulator/checks/verdict.hpp"
#include "simulator/probes.hpp"
#include "simulator/trace.hpp"

#include <vivarium/bytes.hpp>
#include <vivarium/ids.hpp>
#include <vivarium/loop.hpp>

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

namespace vivarium::simulator {

class ProtocolChecks {
 public:
  enum class Votes : std::uint8_t { yes, no };
  ProtocolChecks(Verdict& verdict, Probes& probes, Trace& trace);
  ~ProtocolChecks();

  /// The watcher of a server, for as long as this object lives.
  ServerWatcher& add_server(ServerId id, Votes votes);
  /// The last counter of an epoch, when it is lower than usual.
  void end_counters_at(std::uint32_t last) { last_counter_ = last; }
  /// Its disk was replaced: what it had promised is gone, and nobody may count on it.
  void on_wiped(ServerId id);
  /// Bytes on a connection between two servers' quorum ports; `from_connector`: by whoever has connected.
  void on_quorum_bytes(std::uint64_t line, ServerId from, ServerId to, bool from_connector,
                       std::string_view bytes);

  struct Committed {
    Zxid zxid;
    SharedBytes payload;
    /// What its leader had applied when it prepared it: quotas are judged by that.
    Zxid applied = {};
    MonoTime when = {};  ///< When the first server applied it.
  };
  /// The history of all, oldest first; but for what was forgotten.
  const std::vector<Committed>& committed() const { return committed_; }
  /// Everybody has all that was committed on disk, and nothing else. But for the last transaction, what it was
  /// is forgotten, and not looked at any more when somebody is brought up to date with it.
  void forget_history();
  /// The last transaction on disk that the server has reported.
  Zxid durable(ServerId id) const;
  /// Up to where its history is certainly there, also while it is being cut or replaced.
  Zxid certain(ServerId id) const;
  ServingRole role(ServerId id) const;
  /// As it is on disk.
  std::optional<Epoch> current_epoch(ServerId id) const;
  std::uint64_t established_leaders() const { return leaders_; }
  /// What a primary has proposed as this; nullptr: nothing.
  const SharedBytes* proposed(Zxid zxid) const;
  /// The tree's digest behind a transaction, as its primary foresaw it.
  std::optional<std::uint64_t> foreseen(Zxid zxid) const;
  /// Which server's term an epoch was.
  std::optional<ServerId> primary(Epoch epoch) const;

 private:
  struct Item {
    Zxid zxid;
    SharedBytes payload;
  };
  class Server;
  struct Proposal {
    Zxid before;
    SharedBytes payload;
    Zxid applied;  ///< By its primary, when it was prepared.
  };
  struct Talk;  ///< One connection on the quorum port.

  void check_epoch_of(Epoch epoch, ServerId primary, const char* what);
  void commit(Server& server, const LogEntry& entry);
  void add_committed(const Item& item, const Server& server);
  void check_majority(const Item& item);
  const Committed* find_committed(Zxid zxid) const;
  std::size_t committed_up_to(Zxid zxid) const;
  void trace(const Server& from, const Server& to, const QuorumPacket& packet) const;
  void check_phase_of_learner(Talk& talk, const Server& from, const QuorumPacket& packet);
  void check_phase_of_leader(Talk& talk, const Server& from, const Server& to,
                             const QuorumPacket& packet);
  void check_acknowledgement(Talk& talk, const Server& from, Zxid zxid);
  void check_content(const Server& from, const QuorumPacket& packet);
  void on_learner_packet(Talk& talk, Server& from, const QuorumPacket& packet);
  void check_brought(const Server& leader, const Server& learner, Zxid brought, Zxid new_leader);
  void on_leader_packet(Talk& talk, Server& from, Server& to, const QuorumPacket& packet);
  void object(const char* rule, const std::string& sentence) { verdict_.object(rule, sentence); }

  Verdict& verdict_;
  Probes& probes_;
  Trace& trace_;
  std::map<ServerId, std::unique_ptr<Server>> servers_;
  std::size_t voters_ = 0;
  std::unordered_map<std::int64_t, Proposal> proposals_;
  std::vector<Committed> committed_;
  Zxid forgotten_;  ///< The last one of what was forgotten.
  std::map<Epoch, ServerId> primaries_;
  std::map<std::uint64_t, std::unique_ptr<Talk>> talks_;
  std::uint64_t leaders_ = 0;
  std::optional<std::uint32_t> last_counter_;
};

}  // namespace vivarium::simulator
