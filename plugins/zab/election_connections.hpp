#pragma once
// The connections of the election port: one with each server, kept from election to election.
//
// Whoever wants to say something dials. Of two servers the one with the larger id has the say: what
// it dials stays; what the other dials is a request to be dialled, closed after its handshake. To
// each server one message waits at most, the newest, and the last one is said again on a new
// connection, since a server that comes back has heard nothing yet.
//
// Garbage costs its sender the connection and nobody else anything. Dialling backs off, to each
// server by itself, so that no failure becomes a flood.
//
// All on the core thread. Events come from the loop, never inside a call.
// Source: section E.1 of the reference.

#include <vivarium/bytes.hpp>
#include <vivarium/log.hpp>
#include <vivarium/loop.hpp>
#include <vivarium/transport.hpp>

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ensemble.hpp"
#include "notification.hpp"

namespace vivarium::zab {

class ElectionConnectionsEvents {
 public:
  virtual ~ElectionConnectionsEvents() = default;
  virtual void on_notification(ServerId from, const Notification& notification) = 0;
  /// connected() or connecting() has changed.
  virtual void on_reach() = 0;
  /// The own address cannot be listened on. The last event.
  virtual void on_listen_failed(const Error& error) = 0;
};

class ElectionConnections final : private Acceptor {
 public:
  static constexpr Millis kDialDeadline{5'000};
  static constexpr Millis kHandshakeDeadline{10'000};
  static constexpr int kListenRetries = 3;
  static constexpr Millis kListenRetryAfter{1'000};
  /// Between two dials to one server: the first, then twice as long each time, up to the last.
  static constexpr Millis kRedialFirst{100}, kRedialLast{5'000};
  /// A connection that is no older is not doubted because the other server dials too, since both
  /// may have begun at once; and its end is no success that would let the next dial follow at once.
  static constexpr Millis kYoung{1'000};
  /// Somebody who was told something while it is pursued, and has not said anything since for that long, may
  /// never have heard it: connections are idle between elections, and may be dead without anybody knowing.
  /// It is dialled anew, and until that succeeds the old connection stays.
  static constexpr Millis kDoubted{200};
  /// Accepted connections that have not said who they are, and servers that are not members: more
  /// are turned away.
  static constexpr std::size_t kUnknownMax = 64;

  struct Parts {
    Loop& loop;
    Log& log;
    Transport& transport;
    ElectionConnectionsEvents& events;
    ServerId self;
    /// Listen on every interface instead of the host of the own address (`quorumListenOnAllIPs`).
    std::string listen_host_instead;
  };
  explicit ElectionConnections(const Parts& parts);
  ~ElectionConnections() override;
  ElectionConnections(const ElectionConnections&) = delete;
  ElectionConnections& operator=(const ElectionConnections&) = delete;

  /// Who the members are from now on. Listens on the own address, unless it does already;
  /// connections with servers that are no longer members end.
  void configure(const Ensemble& committed, const Ensemble& last_seen);
  /// To anyone who can be reached, member or not; never to self. Dials when there is no connection.
  void send(ServerId to, const Notification& notification);
  /// From now on a message that waits for a connection makes it dial again and again.
  void pursue();
  /// What was said is out of date: nothing waits any more, and nobody is dialled but for a new
  /// message.
  void rest();
  /// Nothing calls back any more.
  void stop();

  ServerIds connected() const;
  /// Those who are dialled, or were just asked to dial.
  ServerIds connecting() const;

 private:
  class Link;
  class Dialler;
  struct Peer;

  ChannelHandler* on_accept(Channel& channel) override;
  void on_refused(const PeerIdentity& peer, std::string_view why) override;

  // --- listening
  void listen();
  void on_listen_again();

  // --- whom there is to talk to
  Peer* find(ServerId id);
  Peer* find_or_add(ServerId id);
  void forget_if_useless(ServerId id);
  std::size_t strangers() const;

  // --- dialling
  void dial_soon(Peer& peer);
  void renew_if_doubted(Peer& peer);
  void dial(Peer& peer);
  const Address* address_of(const Peer& peer) const;
  ChannelHandler* on_dialled(Peer& peer, Channel& channel);
  void on_dial_failed(Peer& peer, const Error& error);

  // --- connections
  /// How a link goes on after its handshake.
  enum class Next : std::uint8_t { messages, end };
  Next on_handshake(Link& link, const Handshake& handshake);
  void dial_back(Peer& peer, const Handshake& handshake);
  void adopt(Peer& peer, Link& link);
  void drop(Peer& peer);
  void flush(Peer& peer);
  void on_message(Link& link, std::string_view message);
  void on_link_closed(Link& link, std::string_view why);
  void end(Link& link);
  void reach_changed();

  Parts parts_;
  std::optional<Address> own_;
  Ensemble committed_, last_seen_;
  std::unique_ptr<Listener> listener_;
  std::unique_ptr<Timer> listen_timer_;
  int listen_retries_left_ = kListenRetries;
  bool pursuing_ = false, stopped_ = false;

  std::map<ServerId, std::unique_ptr<Peer>> peers_;
  std::vector<Link*> links_;  ///< In the order in which they opened; each owns itself.
  std::int64_t next_nameless_ = -1;
  bool reach_posted_ = false;
  std::shared_ptr<ElectionConnections*> alive_ = std::make_shared<ElectionConnections*>(this);
};

}  // namespace vivarium::zab
