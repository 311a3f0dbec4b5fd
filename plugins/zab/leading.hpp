#pragma once
// The leader's office.
//
//     gathering      until a quorum has come: then the new epoch is above all that it accepted
//     accepting      that epoch is being accepted here, durably, before anybody hears of it
//     asking         LEADERINFO is out, until a quorum has answered with ACKEPOCH
//     entering       currentEpoch is being written
//     synchronizing  until a quorum has acknowledged NEWLEADER
//     serving        broadcast
//
// What is in the log here when the office begins is the history of the epoch: committed once NEWLEADER
// is acknowledged by a quorum.
//
// The office ends with the counter of its zxids, which must not run over into the epoch of another leader
// (ZOOKEEPER-1277): nothing is taken on behind the last one, and once that is committed, a new leader is
// looked for. Who had asked for more asks that one, as after every election.
// Source: sections F.2 to F.4, F.7 and F.8 of the reference.

#include "ground.hpp"
#include "learner_handler.hpp"

#include <vivarium/transport.hpp>

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace vivarium::zab {

class Leading final : public Office, private Acceptor, private LearnerHandlerUser {
 public:
  explicit Leading(Ground& ground);
  ~Leading() override;

  // Office
  void begin() override;
  void end() override;
  void on_durable() override;
  void on_looking(ServerId who) override;
  void on_submitted() override;
  void submit_own(std::span<const Request> requests) override;
  void sync(SessionId session, std::int32_t cxid) override;
  void revalidate(SessionId session, std::int32_t timeout_ms, Claim claim,
                  Done<bool> done) override;
  void touch(SessionId session, std::int32_t timeout_ms) override;
  MonoTime confirmed() const override;
  std::vector<Broadcast::PeerStatus> peers() const override;

 private:
  enum class Phase : std::uint8_t {
    gathering, accepting, asking, entering, synchronizing, serving
  };
  using Stage = LearnerHandler::Stage;
  /// Proposed in this epoch and not committed.
  struct Outstanding {
    Zxid zxid;
    MonoTime proposed;
  };
  /// What is told when all before it is committed, and a quorum has said since it was asked that this is
  /// still its leader: a deposed one would tell an old state (ZOOKEEPER-1675).
  struct Awaited {
    Zxid after;
    MonoTime asked;
    LearnerHandler* learner;  ///< nullptr: of this server itself.
    std::function<void()> tell;
    Done<bool> revalidation;  ///< Of this server's own client, which hears when the office ends before.
  };

  ChannelHandler* on_accept(Channel& channel) override;
  void on_refused(const PeerIdentity&, std::string_view) override {}

  // LearnerHandlerUser
  void on_informed(LearnerHandler& learner) override;
  void on_epoch_acknowledged(LearnerHandler& learner) override;
  void on_caught_up(LearnerHandler& learner, Zxid sent) override;
  void on_joined(LearnerHandler& learner) override;
  void on_request(LearnerHandler& learner, const QuorumPacket& packet) override;
  void on_revalidate(LearnerHandler& learner, SessionId session, std::int32_t timeout_ms, Claim claim,
                     std::function<void(bool)> tell) override;
  void on_progress(LearnerHandler&) override { progress_ = true; }
  void on_learner_batch_end() override;
  void on_learner_gone(LearnerHandler& learner, std::string_view why) override;
  Zxid committed() const override { return committed_; }
  bool may_send_snapshot() const override { return snapshots_under_way() == 0; }

  void listen();
  void choose_epoch();
  void on_accepted();
  void count_epochs();
  void synchronize();
  void establish();
  void serve();

  bool claim_session(SessionId session, std::int32_t timeout_ms, ServerId owner, Claim claim);
  void prepare(const Request& request);
  bool used_up() const { return last_prepared_.counter() >= ground_.counter_max; }
  void propose();
  void advance();
  void commit(Zxid zxid);
  void await(LearnerHandler* learner, std::function<void()> tell, Done<bool> revalidation = {});
  void tell_awaited();
  bool covers(Zxid zxid) const;
  void ask_whether_in_office();

  void tick();
  void drop_the_silent();
  bool has_synced_quorum() const;
  void sweep();
  bool may_go_on() const;
  std::size_t snapshots_under_way() const;
  ServerIds ids_with(const std::function<bool(const LearnerHandler&)>& holds) const;
  bool is_quorum_with_self(ServerIds ids) const;
  void leave(std::string why);

  Ground& ground_;
  Phase phase_ = Phase::gathering;
  std::unique_ptr<Listener> listener_;
  std::vector<std::unique_ptr<LearnerHandler>> learners_;
  std::unique_ptr<Timer> tick_timer_, sweep_timer_;
  MonoTime phase_end_{};
  bool left_ = false;

  Epoch epoch_;
  Zxid started_at_;  ///< The end of the history that the office began with.
  Epoch current_before_;
  Zxid last_prepared_, committed_;
  std::vector<LogEntry> batch_;  ///< Prepared and not proposed.
  std::deque<Outstanding> outstanding_;
  bool progress_ = false;
  std::deque<Awaited> awaited_;
  std::unique_ptr<MetricHandle> pending_syncs_;
  std::deque<Done<bool>> revalidations_;  ///< Of this server's own clients.
  MonoTime asked_{-1};           ///< When the last round that asks all was sent.
};

}  // namespace vivarium::zab
