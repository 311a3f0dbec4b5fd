#pragma once
// A learner's office, a follower's or an observer's: discovery, synchronization, broadcast.
//
//     connecting   FOLLOWERINFO once the leader answers
//     discovery    LEADERINFO: the epoch is accepted, durably, then ACKEPOCH
//     syncing      DIFF, TRUNC or SNAP, and proposals; everything goes into the log as it comes
//     joining      NEWLEADER was read: history durable, then currentEpoch, then its ACK (finish_sync)
//     serving      from UPTODATE on: what is committed is applied, in order
//
// Source: sections F.2, F.4, F.5, F.7 and F.8 of the reference.

#include "ground.hpp"
#include "packet_link.hpp"

#include <vivarium/transport.hpp>

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace vivarium::zab {

class Following final : public Office, private Connector, private PacketLinkUser {
 public:
  /// Where the leader is reached, on the quorum port.
  Following(Ground& ground, Address leader);
  ~Following() override;

  // Office
  void begin() override;
  void end() override;
  void on_durable() override;
  void on_looking(ServerId leader) override;
  void on_submitted() override;
  void sync(SessionId session, std::int32_t cxid) override;
  void revalidate(SessionId session, std::int32_t timeout_ms, Claim claim,
                  Done<bool> done) override;
  void touch(SessionId session, std::int32_t timeout_ms) override;
  MonoTime confirmed() const override { return confirmed_; }
  std::vector<Broadcast::PeerStatus> peers() const override { return {}; }

 private:
  enum class Phase : std::uint8_t { connecting, discovery, syncing, joining, serving };
  /// What SNAP brings: the state aside, and its copy in the store.
  struct Incoming {
    Zxid zxid;
    std::unique_ptr<SnapshotLoader> loader;
    std::unique_ptr<SnapshotSink> sink;
    std::string signature;  ///< What has come of it behind the body.
  };

  void connect();
  ChannelHandler* on_connected(Channel& channel) override;
  void on_connect_failed(const Error& error) override;

  void on_packet(const QuorumPacket& packet) override;
  void on_batch_end() override;
  std::size_t on_raw(std::string_view bytes) override;
  void on_link_closed(std::string_view why) override;

  void on_leader_info(const QuorumPacket& packet);
  void send_ack_epoch(bool counts);
  void begin_sync(const QuorumPacket& packet);
  void truncate(Zxid zxid);
  void begin_snapshot(Zxid zxid);
  void take_signature(std::string_view bytes);
  void end_snapshot();
  void on_new_leader(const QuorumPacket& packet);
  void finish_sync();
  void acknowledge_new_leader();
  void on_up_to_date();
  void on_proposal(std::int64_t zxid, std::string_view transaction);
  void on_commit(Zxid zxid);
  void on_inform(const QuorumPacket& packet);
  void on_ping(std::int64_t zxid);
  void on_revalidated(std::string_view data);
  void on_synced();

  void acknowledge();
  void apply_committed();
  void note_lag();
  void pass_on_told();
  void send_request(const Submissions::Write& write);
  void send_sync(SessionId session, std::int32_t cxid);
  void arm_silence();
  void leave(std::string why);
  void refuse(const QuorumPacket& packet);
  bool observes() const;

  Ground& ground_;
  Address address_;
  Phase phase_ = Phase::connecting;
  int tries_ = 0;
  std::unique_ptr<Connecting> connecting_;
  std::shared_ptr<PacketLink> link_;
  std::unique_ptr<Timer> retry_timer_, silence_timer_;
  MonoTime heard_{};
  bool left_ = false;

  Epoch epoch_;                      ///< The leader's, from LEADERINFO on.
  BroadcastEvents::Doubt doubt_ = BroadcastEvents::Doubt::resolved;
  std::optional<Incoming> incoming_;
  std::optional<Zxid> sync_end_;     ///< What NEWLEADER found in the log: durable before its ACK.
  bool entering_ = false;            ///< currentEpoch is being written.
  bool joined_ = false;              ///< The ACK of NEWLEADER was sent.
  Zxid committed_, acknowledged_;
  /// What is committed and not applied yet, since it is not durable here.
  struct Lag {
    Zxid committed;
    MonoTime since;
  };
  std::deque<Lag> lag_;
  std::vector<LogEntry> late_;       ///< What a bug that was put back logs too late.
  std::string acks_;                 ///< Packets of a batch that leave together.

  std::map<SessionId, std::int32_t> touched_;
  std::map<SessionId, std::vector<Done<bool>>> revalidations_;
  std::deque<std::pair<SessionId, std::int32_t>> syncs_;  ///< Sent and not answered.
  /// What the leader has said waits for what it had committed before.
  struct Told {
    Zxid after;
    std::function<void()> tell;
    Done<bool> revalidation;  ///< Whose, if any.
  };
  std::deque<Told> told_;
  MonoTime sync_began_{}, confirmed_{}, last_ping_{};
};

}  // namespace vivarium::zab
