#pragma once
// The leader's side of one learner's connection: what it was told, what it has acknowledged, and the
// stream that brings its history up to the leader's.
//
//     fresh        nothing was heard
//     informed     FOLLOWERINFO came; LEADERINFO goes out once the epoch is chosen
//     greeted      LEADERINFO is out
//     acknowledged ACKEPOCH came
//     syncing      DIFF, TRUNC or SNAP is out, and entries follow, from the disk
//     live         it has all that was proposed, hears everything from now on, and NEWLEADER is out
//     joined       its ACK of NEWLEADER came
//     serving      UPTODATE is out
//
// Source: sections F.2 to F.4, F.6 and F.7 of the reference.

#include "ground.hpp"
#include "packet_link.hpp"

#include <vivarium/state_machine.hpp>

#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace vivarium::zab {

class LearnerHandler;

/// What the leader implements for its handlers.
class LearnerHandlerUser {
 public:
  virtual void on_informed(LearnerHandler& learner) = 0;
  virtual void on_epoch_acknowledged(LearnerHandler& learner) = 0;
  /// It has everything on the disk up to `sent`: the rest of what was proposed is in memory. Appends it
  /// and counts the learner among the live ones, in this call, so that nothing falls between.
  virtual void on_caught_up(LearnerHandler& learner, Zxid sent) = 0;
  virtual void on_joined(LearnerHandler& learner) = 0;
  virtual void on_request(LearnerHandler& learner, const QuorumPacket& packet) = 0;
  /// Its client has come with a session: `tell` says whether it lives, once that is certain.
  virtual void on_revalidate(LearnerHandler& learner, SessionId session, std::int32_t timeout_ms, Claim claim,
                             std::function<void(bool)> tell) = 0;
  virtual void on_progress(LearnerHandler& learner) = 0;  ///< ACKs, or the answer to a ping.
  virtual void on_learner_batch_end() = 0;
  /// It is gone, or has broken the protocol. Destroyed later, by the leader.
  virtual void on_learner_gone(LearnerHandler& learner, std::string_view why) = 0;
  /// Up to where all is committed.
  virtual Zxid committed() const = 0;
  /// The tree is walked for one learner at a time.
  virtual bool may_send_snapshot() const = 0;

 protected:
  ~LearnerHandlerUser() = default;
};

class LearnerHandler final : private PacketLinkUser {
 public:
  enum class Stage : std::uint8_t {
    fresh, informed, greeted, acknowledged, syncing, live, joined, serving, gone
  };
  LearnerHandler(Ground& ground, LearnerHandlerUser& user, Channel& channel);
  ~LearnerHandler();

  ChannelHandler* link() { return link_.get(); }
  std::string peer() const { return link_->peer(); }
  ServerId id() const { return id_; }
  Stage stage() const { return stage_; }
  bool voter() const { return ground_.ensemble.is_voter(id_); }
  Epoch accepted_epoch() const { return accepted_; }
  /// What ACKEPOCH said; no current epoch: it must not be counted.
  std::optional<Epoch> current_epoch() const { return current_; }
  Zxid last_zxid() const { return last_zxid_; }
  Zxid acknowledged() const { return acknowledged_; }
  bool sends_snapshot() const { return cursor_ != nullptr; }
  MonoTime heard() const { return heard_; }
  /// When the last ping left that it has answered.
  MonoTime confirmed() const { return confirmed_; }

  void greet(Epoch epoch);
  void begin_sync(Epoch epoch);
  /// After a snapshot of another learner has ended.
  void go_on();
  void set_up_to_date();
  /// Packets that bring it up to date.
  void send(const SharedBytes& packets) { link_->send(packets); }
  /// So many entries, which end with `last`.
  void propose(const SharedBytes& packets, std::int64_t entries, Zxid last);
  /// COMMIT packets; held between NEWLEADER and UPTODATE, where learners before 3.9.3 fail over them.
  void commit(const SharedBytes& packets);
  /// Unless the last one is still unanswered.
  void ping(Zxid last_proposed);
  void ping_now(Zxid last_proposed);
  void answer(PacketType type, std::int64_t zxid, std::optional<std::string_view> data = std::nullopt) {
    link_->send(type, zxid, data);
  }
  std::size_t queued_bytes() const { return link_->queued_bytes(); }
  void drop(std::string_view why);

 private:
  void on_packet(const QuorumPacket& packet) override;
  void on_batch_end() override;
  void on_drained() override;
  void on_link_closed(std::string_view why) override { drop(why); }

  void on_info(const QuorumPacket& packet);
  void on_ack_epoch(const QuorumPacket& packet);
  void on_ack(Zxid zxid);
  void on_ping_answer(std::string_view data);
  void on_revalidate(const QuorumPacket& packet);

  void count_ack(Zxid zxid);
  std::int64_t micros_since(MonoTime time) const;
  void count_sync(Syncs& kind);
  void end_sync();

  void choose_sync();
  void find_end_of_epoch(Epoch epoch, std::uint32_t low, std::uint32_t high);
  void truncate_and_send(Zxid zxid);
  void send_diff();
  void send_snapshot();
  void pump_snapshot();
  void read_on();
  Zxid end_of_disk() const;
  void on_slice(const LogSlice& slice);
  void append_late_commits(std::string& packets);
  void finish();
  void send_new_leader();
  void read(Zxid after, std::size_t bytes, std::function<void(Result<LogSlice>)> then);

  Ground& ground_;
  LearnerHandlerUser& user_;
  std::shared_ptr<PacketLink> link_;
  Stage stage_ = Stage::fresh;
  ServerId id_{-1};
  Epoch accepted_, epoch_;
  std::optional<Epoch> current_;
  Zxid last_zxid_, sent_, acknowledged_;
  MonoTime heard_, confirmed_{};
  std::deque<MonoTime> pings_;  ///< Sent and not answered.
  /// Proposed and not acknowledged; there once it serves.
  struct Proposed {
    Zxid last;
    std::int64_t entries;
    MonoTime at;
  };
  std::deque<Proposed> proposed_;
  std::int64_t under_way_ = 0;  ///< The entries of all these.
  LearnerMetrics* metrics_ = nullptr;  ///< There from its information on.
  Syncs* sync_ = nullptr;              ///< While it is brought up to date.
  std::unique_ptr<SnapshotCursor> cursor_;
  bool waits_for_snapshot_ = false, reading_waits_ = false, new_leader_sent_ = false;
  std::deque<Zxid> uncommitted_;  ///< Sent before they were: their COMMITs are to follow.
  std::vector<SharedBytes> held_commits_;
  std::shared_ptr<char> alive_ = std::make_shared<char>();
};

}  // namespace vivarium::zab
