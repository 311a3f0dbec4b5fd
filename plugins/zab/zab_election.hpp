#pragma once
// The Election of ZooKeeper's ensembles: fast leader election, over connections on the election
// port.
//
// This object reads candidacies, moves events between the two, and keeps the one timer.
// Source: section E of the reference.

#include <vivarium/election.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "election_connections.hpp"
#include "fast_leader_election.hpp"

namespace vivarium::zab {

class ZabElection final : public Election, private ElectionConnectionsEvents {
 public:
  explicit ZabElection(PluginHost& host) : host_(host) {}
  ~ZabElection() override { ZabElection::stop(); }
  ZabElection(const ZabElection&) = delete;
  ZabElection& operator=(const ZabElection&) = delete;

  void run(const ElectionParts& parts) override;
  void look(const Candidacy& candidacy) override;
  void settle(Role role, ServerId leader, Epoch epoch) override;
  void stop() override;

 private:
  /// What there is from run() to stop().
  struct Running {
    ElectionEvents& events;
    FastLeaderElection election;
    ElectionConnections connections;
    std::unique_ptr<Timer> timer;
  };

  void on_notification(ServerId from, const Notification& notification) override;
  void on_reach() override;
  void on_listen_failed(const Error& error) override;

  void carry_out();
  void advise(ServerId leader);
  void fail(const Error& error);
  /// Runs the task from the loop, unless this has stopped by then.
  void post(std::function<void(Running&)> task);

  PluginHost& host_;
  std::string config_;  ///< What notifications carry.
  std::unique_ptr<Running> running_;
  std::shared_ptr<ZabElection*> alive_ = std::make_shared<ZabElection*>(this);
  std::uint64_t looks_ = 0;  ///< An advice is void after the next look() or settle().
  bool failed_ = false;
};

}  // namespace vivarium::zab
