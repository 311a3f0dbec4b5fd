#pragma once
// A broadcast over three servers, for the contract suite: enough of an ensemble to try the interfaces on
// more than one server, and nothing more. The leader is whom the Election advises; it never changes, and
// nobody recovers. Followers forward writes, the leader proposes, a majority of durable logs commits.

#include <vivarium/broadcast.hpp>
#include <vivarium/jute.hpp>

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace vivarium::test {

/// Always advises the same leader.
class StaticElection final : public Election {
 public:
  StaticElection(Loop& loop, ServerId leader) : loop_(loop), leader_(leader) {}
  void run(const ElectionParts& parts) override { events_ = &parts.events; }
  void look(const Candidacy&) override {
    loop_.post([this] { events_->on_advice(leader_, Candidacy::Vote::counts); });
  }
  void settle(Role, ServerId, Epoch) override {}
  void tell_that_looks(ServerId who) { events_->on_looking(who); }

 private:
  Loop& loop_;
  ServerId leader_;
  ElectionEvents* events_ = nullptr;
};

class FakeEnsemble final : public Broadcast,
                           private LogStoreEvents,
                           private ElectionEvents,
                           private Acceptor,
                           private Connector {
 public:
  /// `address(id)` is the host that the server's quorum transport answers to; all use one port.
  FakeEnsemble(Loop& loop, std::size_t servers, std::function<std::string(ServerId)> address);
  ~FakeEnsemble() override;

  LogStoreEvents& log_events() override { return *this; }
  void run(const BroadcastParts& parts) override;
  void stop() override;
  void submit(std::span<const Request> requests) override;
  void withdraw(SessionId) override {}
  void sync(SessionId session, std::int32_t cxid) override;
  void revalidate(SessionId session, std::int32_t timeout_ms, Claim claim,
                  Done<bool> done) override;
  void touch(SessionId session, std::int32_t timeout_ms) override;
  MonoTime confirmed() const override { return loop_.now(); }

 private:
  static constexpr std::uint16_t kPort = 2888;
  enum class Kind : std::int32_t {
    request, sync, revalidate, touch, acknowledge,  // To the leader.
    propose, commit, synced, revalidated,           // To a follower.
  };
  /// One kind of frame for everything; each uses the fields it needs.
  struct Message {
    Kind kind{};
    std::int64_t number = 0;   ///< Session or zxid.
    std::int32_t small = 0;    ///< Cxid, timeout or a truth value.
    std::int32_t op = 0;
    std::int64_t sender = 0;
    std::string bytes;
  };
  struct Peer;

  void on_durable(Zxid zxid) override;
  void on_failed(const Error& error) override;
  void on_space(bool, std::uint64_t) override {}
  void on_advice(ServerId leader, Candidacy::Vote vote) override;
  void on_election_failed(const Error& error) override { parts_->events.on_fatal(error); }
  ChannelHandler* on_accept(Channel& channel) override;
  void on_refused(const PeerIdentity&, std::string_view) override {}
  ChannelHandler* on_connected(Channel& channel) override;
  void on_connect_failed(const Error& error) override;

  bool leading() const { return leader_ == parts_->self; }
  void tell(Channel& channel, const Message& message);
  void tell_leader(const Message& message);
  void receive(Peer& peer, const Message& message);
  void prepare(const Request& request);
  void acknowledged(ServerId server, Zxid zxid);
  void committed(Zxid zxid);
  void answer_syncs();
  void serve_when_complete();

  struct Sync {
    Zxid after;
    Channel* channel;  ///< nullptr: of this server itself.
    SessionId session;
    std::int32_t cxid;
  };

  Loop& loop_;
  std::size_t servers_;
  std::function<std::string(ServerId)> address_;
  std::optional<BroadcastParts> parts_;
  ServerId leader_{-1};
  std::unique_ptr<Listener> listener_;
  std::unique_ptr<Connecting> connecting_;
  std::vector<std::unique_ptr<Peer>> peers_;  ///< The leader's followers, or a follower's leader.
  std::map<std::int64_t, Zxid> durable_at_;   ///< Leader: by server.
  std::deque<LogEntry> uncommitted_;
  Zxid last_prepared_, last_committed_;
  std::deque<Sync> syncs_;
  std::deque<Done<bool>> revalidations_;
};

}  // namespace vivarium::test
