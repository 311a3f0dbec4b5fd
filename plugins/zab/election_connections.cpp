#include "election_connections.hpp"

#include <vivarium/assert.hpp>
#include <vivarium/jute.hpp>

#include <algorithm>
#include <limits>
#include <span>
#include <utility>

namespace vivarium::zab {
namespace {

/// An observer that was given no id says so by this one.
constexpr ServerId kNameless{std::numeric_limits<std::int64_t>::max()};

Framing stream_framing() {
  // The first messages may arrive together with the handshake.
  return {Framing::Kind::stream, 2 * Notification::kBytesMax, {}};
}

Framing message_framing() {
  return {Framing::Kind::length_prefixed, Notification::kBytesMax, {}};
}

SharedBytes frame_of(const Notification& notification) {
  std::string frame;
  append_jute(frame, std::string_view(encode(notification)));
  return SharedBytes(std::move(frame));
}

std::string name_of(ServerId id) {
  return "server " + std::to_string(id.value);
}

}  // namespace

/// One connection. It outlives whoever made it until its channel has closed.
class ElectionConnections::Link final : public ChannelHandler {
 public:
  static Link& make(ElectionConnections& owner, Channel& channel) {
    auto link = std::make_shared<Link>(owner, channel);
    link->self_ = link;
    owner.links_.push_back(link.get());
    return *link;
  }
  Link(ElectionConnections& owner, Channel& channel)
      : channel(channel), opened(owner.parts_.loop.now()), owner_(&owner),
        loop_(owner.parts_.loop) {}

  /// Its owner wants no events of it any more.
  void leave() { owner_ = nullptr; }

  Channel& channel;
  const MonoTime opened;
  std::optional<ServerId> peer = {};  ///< Once that is known.

 private:
  std::size_t on_frames(Channel&, std::span<const std::string_view> frames) override {
    if (!owner_) return frames.size();
    if (!peer) return take_handshake(frames.front());
    for (const auto message : frames)
      if (owner_) owner_->on_message(*this, message);
    return frames.size();
  }
  void on_first_word(Channel&, std::uint32_t) override {}
  void on_low_water(Channel&) override {
    auto* found = owner_ && peer ? owner_->find(*peer) : nullptr;
    if (found) owner_->flush(*found);
  }
  void on_closed(Channel&, CloseReason, std::string_view detail) override {
    if (owner_) owner_->on_link_closed(*this, detail);
    loop_.post([self = std::move(self_)] {});
  }

  std::size_t take_handshake(std::string_view arrived) {
    const auto read = read_handshake(arrived);
    if (!read) {
      owner_->parts_.log.warn("election: " + channel.peer().remote_host + " began with " +
                              read.error().what);
      owner_->end(*this);
      return arrived.size();
    }
    if (!*read) return 0;
    if (owner_->on_handshake(*this, (*read)->handshake) == Next::end) {
      owner_->end(*this);
      return arrived.size();
    }
    channel.set_framing(message_framing());
    return (*read)->bytes;
  }

  ElectionConnections* owner_;
  Loop& loop_;
  std::shared_ptr<Link> self_;
};

class ElectionConnections::Dialler final : public Connector {
 public:
  Dialler(ElectionConnections& owner, Peer& peer) : owner_(owner), peer_(peer) {}

 private:
  ChannelHandler* on_connected(Channel& channel) override {
    return owner_.on_dialled(peer_, channel);
  }
  void on_connect_failed(const Error& error) override { owner_.on_dial_failed(peer_, error); }

  ElectionConnections& owner_;
  Peer& peer_;
};

/// A server that is a member, or that has said hello.
struct ElectionConnections::Peer {
  Peer(ElectionConnections& owner, ServerId id) : id(id), dialler(owner, *this) {}

  const ServerId id;
  bool member = false;
  Link* link = nullptr;
  std::optional<Address> offered = {};  ///< Where it has asked to be dialled.

  SharedBytes last = {};  ///< What it was told last, or waits to be told.
  bool waiting = false;

  std::optional<MonoTime> told_first = {};  ///< Since it is pursued.
  bool heard = false;                       ///< Since it is pursued.

  bool dialling = false;
  bool renewing = false;  ///< Dialled though there is a connection.
  bool awaited = false;  ///< It was asked to dial.
  int dials = 0;         ///< Since a connection that lasted.
  MonoTime last_dial{0};
  Dialler dialler;
  std::unique_ptr<Connecting> connecting = {};
  std::unique_ptr<Timer> redial = {};
};

ElectionConnections::ElectionConnections(const Parts& parts)
    : parts_(parts), listen_timer_(parts_.loop.timer([this] { on_listen_again(); })) {}

ElectionConnections::~ElectionConnections() { stop(); }

void ElectionConnections::stop() {
  stopped_ = true;
  alive_.reset();
  listener_.reset();
  listen_timer_.reset();
  peers_.clear();
  for (auto* link : std::exchange(links_, {})) {
    link->leave();
    link->channel.abort();
  }
}

void ElectionConnections::configure(const Ensemble& committed, const Ensemble& last_seen) {
  committed_ = committed;
  last_seen_ = last_seen;
  ServerIds members;
  for (const auto* ensemble : {&committed_, &last_seen_})
    for (const auto& [id, member] : ensemble->members()) members.insert(id);
  for (auto at = peers_.begin(); at != peers_.end();) {
    auto& peer = *(at++)->second;
    if (!peer.member || members.contains(peer.id)) continue;
    drop(peer);
    peers_.erase(peer.id);
  }
  for (const auto id : members) {
    if (id == parts_.self) continue;
    auto& peer = peers_[id];
    if (!peer) peer = std::make_unique<Peer>(*this, id);
    peer->member = true;
  }
  listen();
  reach_changed();
}

// --- listening -----------------------------------------------------------------------------------

void ElectionConnections::listen() {
  const auto* member = committed_.find(parts_.self);
  if (!member) member = last_seen_.find(parts_.self);
  const auto own = member ? std::optional(member->election) : std::nullopt;
  if (own == own_) return;
  own_ = own;
  listener_.reset();
  listen_timer_->cancel();
  listen_retries_left_ = kListenRetries;
  if (own_) on_listen_again();
}

void ElectionConnections::on_listen_again() {
  ListenSpec spec;
  spec.host = parts_.listen_host_instead.empty() ? own_->host : parts_.listen_host_instead;
  spec.port = own_->port;
  spec.framing = stream_framing();
  auto listener = parts_.transport.listen(spec, *this);
  if (listener) {
    listener_ = std::move(*listener);
    return;
  }
  parts_.log.warn("election: " + listener.error().what);
  // The last failure is told from a timer as well: nobody hears of it inside a call.
  if (listen_retries_left_-- > 0) return listen_timer_->arm(kListenRetryAfter);
  parts_.loop.post([alive = std::weak_ptr(alive_), error = listener.error()] {
    if (const auto self = alive.lock()) (*self)->parts_.events.on_listen_failed(error);
  });
}

ChannelHandler* ElectionConnections::on_accept(Channel& channel) {
  const auto unknown = std::count_if(links_.begin(), links_.end(),
                                     [](const Link* link) { return !link->peer; });
  if (stopped_ || static_cast<std::size_t>(unknown) >= kUnknownMax) return nullptr;
  channel.set_deadline(kHandshakeDeadline);
  return &Link::make(*this, channel);
}

void ElectionConnections::on_refused(const PeerIdentity& peer, std::string_view why) {
  parts_.log.info("election: " + peer.remote_host + " was refused: " + std::string(why));
}

// --- whom there is to talk to --------------------------------------------------------------------

ElectionConnections::Peer* ElectionConnections::find(ServerId id) {
  const auto found = peers_.find(id);
  return found == peers_.end() ? nullptr : found->second.get();
}

/// nullptr when there are too many that are not members.
ElectionConnections::Peer* ElectionConnections::find_or_add(ServerId id) {
  if (auto* known = find(id)) return known;
  if (strangers() >= kUnknownMax) return nullptr;
  return peers_.emplace(id, std::make_unique<Peer>(*this, id)).first->second.get();
}

std::size_t ElectionConnections::strangers() const {
  return static_cast<std::size_t>(std::count_if(
      peers_.begin(), peers_.end(), [](const auto& entry) { return !entry.second->member; }));
}

/// From the loop, since this is asked for inside the events of what would go.
void ElectionConnections::forget_if_useless(ServerId id) {
  parts_.loop.post([alive = std::weak_ptr(alive_), id] {
    const auto self = alive.lock();
    const auto* peer = self ? (*self)->find(id) : nullptr;
    if (peer && !peer->member && !peer->link && !peer->dialling) (*self)->peers_.erase(id);
  });
}

ServerIds ElectionConnections::connected() const {
  ServerIds ids;
  for (const auto& [id, peer] : peers_)
    if (peer->link) ids.insert(id);
  return ids;
}

ServerIds ElectionConnections::connecting() const {
  ServerIds ids;
  for (const auto& [id, peer] : peers_)
    if (!peer->link && (peer->dialling || peer->awaited)) ids.insert(id);
  return ids;
}

/// Told from the loop: several changes in one turn are one.
void ElectionConnections::reach_changed() {
  if (stopped_ || std::exchange(reach_posted_, true)) return;
  parts_.loop.post([alive = std::weak_ptr(alive_)] {
    const auto self = alive.lock();
    if (!self) return;
    (*self)->reach_posted_ = false;
    (*self)->parts_.events.on_reach();
  });
}

// --- saying something ----------------------------------------------------------------------------

void ElectionConnections::send(ServerId to, const Notification& notification) {
  auto* peer = find(to);
  if (!peer) return;
  peer->last = frame_of(notification);
  peer->waiting = true;
  if (!peer->told_first) peer->told_first = parts_.loop.now();
  renew_if_doubted(*peer);
  peer->link ? flush(*peer) : dial_soon(*peer);
}

void ElectionConnections::flush(Peer& peer) {
  if (!peer.waiting || !peer.link || peer.link->channel.queued_bytes() > 0) return;
  peer.waiting = false;
  peer.link->channel.send(peer.last);
  if (!pursuing_) peer.last = {};
}

void ElectionConnections::pursue() {
  pursuing_ = true;
  for (auto& [id, peer] : peers_) {
    peer->told_first.reset();
    peer->heard = false;
  }
}

void ElectionConnections::rest() {
  pursuing_ = false;
  for (auto& [id, peer] : peers_) {
    peer->waiting = peer->waiting && peer->link;
    if (!peer->waiting) peer->last = {};
  }
}

// --- dialling ------------------------------------------------------------------------------------

void ElectionConnections::dial_soon(Peer& peer) {
  if (peer.link || peer.dialling || stopped_) return;
  if (peer.dials == 0) return dial(peer);
  const auto doublings = std::min(peer.dials - 1, 16);
  const auto pause = std::min(kRedialFirst * (1 << doublings), kRedialLast);
  const auto wait = peer.last_dial + pause - parts_.loop.now();
  if (!peer.redial)
    peer.redial = parts_.loop.timer([this, &peer] {
      if (!peer.link && !peer.dialling) dial(peer);
    });
  peer.redial->arm(std::max(std::chrono::ceil<Micros>(wait), Micros(0)));
}

void ElectionConnections::dial(Peer& peer) {
  const auto* address = address_of(peer);
  if (!address) return forget_if_useless(peer.id);
  peer.dialling = true;
  peer.dials += 1;
  peer.last_dial = parts_.loop.now();
  ConnectSpec spec;
  spec.host = address->host;
  spec.port = address->port;
  spec.framing = message_framing();
  spec.deadline = kDialDeadline;
  peer.connecting = parts_.transport.connect(spec, peer.dialler);
  reach_changed();
}

void ElectionConnections::renew_if_doubted(Peer& peer) {
  const auto now = parts_.loop.now();
  if (!pursuing_ || !peer.link || peer.heard || peer.dialling) return;
  if (now - *peer.told_first < kDoubted || now - peer.link->opened < kYoung) return;
  parts_.log.info("election: " + name_of(peer.id) + " says nothing, and is dialled anew");
  peer.renewing = true;
  dial(peer);
}

const Address* ElectionConnections::address_of(const Peer& peer) const {
  if (peer.offered) return &*peer.offered;
  const auto* member = committed_.find(peer.id);
  if (!member) member = last_seen_.find(peer.id);
  return member ? &member->election : nullptr;
}

ChannelHandler* ElectionConnections::on_dialled(Peer& peer, Channel& channel) {
  peer.dialling = false;
  if (peer.link && !std::exchange(peer.renewing, false)) return nullptr;  // It has dialled meanwhile.
  auto& link = Link::make(*this, channel);
  Handshake handshake{parts_.self, {}};
  if (own_) handshake.addresses.push_back(*own_);
  channel.send(SharedBytes(encode(handshake)));
  if (peer.id < parts_.self) {
    adopt(peer, link);
    return &link;
  }
  link.peer = peer.id;
  end(link);
  peer.awaited = true;
  if (peer.waiting && pursuing_) dial_soon(peer);
  reach_changed();
  return &link;
}

void ElectionConnections::on_dial_failed(Peer& peer, const Error& error) {
  parts_.log.info("election: " + name_of(peer.id) + " cannot be reached: " + error.what);
  peer.dialling = peer.renewing = peer.awaited = false;
  const bool elsewhere = peer.offered && peer.member;
  peer.offered.reset();
  if (elsewhere || (peer.waiting && pursuing_))
    dial_soon(peer);
  else if (!pursuing_)
    peer.waiting = false;
  forget_if_useless(peer.id);
  reach_changed();
}

// --- connections ---------------------------------------------------------------------------------

ElectionConnections::Next ElectionConnections::on_handshake(Link& link,
                                                            const Handshake& handshake) {
  auto sid = handshake.sid;
  if (sid == kNameless) sid = {next_nameless_--};
  auto* peer = sid == parts_.self ? nullptr : find_or_add(sid);
  if (!peer) {
    parts_.log.warn("election: " + link.channel.peer().remote_host + " says that it is " +
                    name_of(sid) + " and is turned away");
    return Next::end;
  }
  if (sid > parts_.self) {
    adopt(*peer, link);
    return Next::messages;
  }
  dial_back(*peer, handshake);
  return Next::end;
}

void ElectionConnections::dial_back(Peer& peer, const Handshake& handshake) {
  const auto now = parts_.loop.now();
  if (peer.dialling) return;
  if (peer.link && now - peer.link->opened < kYoung) return;
  drop(peer);
  peer.offered.reset();
  if (!handshake.addresses.empty()) peer.offered = handshake.addresses.front();
  peer.dials = std::min(peer.dials, 1);  // It is up: no reason to wait long.
  dial_soon(peer);
}

void ElectionConnections::adopt(Peer& peer, Link& link) {
  drop(peer);
  peer.link = &link;
  peer.awaited = peer.renewing = false;
  peer.offered.reset();
  link.peer = peer.id;
  link.channel.set_deadline(std::nullopt);
  link.channel.set_low_water(0);
  peer.waiting = !peer.last.empty();
  flush(peer);
  reach_changed();
}

void ElectionConnections::drop(Peer& peer) {
  if (auto* link = std::exchange(peer.link, nullptr)) end(*link);
}

/// What was said on it still leaves.
void ElectionConnections::end(Link& link) {
  std::erase(links_, &link);
  link.leave();
  link.channel.close();
}

void ElectionConnections::on_message(Link& link, std::string_view message) {
  const auto notification = decode_notification(message);
  auto& peer = *find(*link.peer);
  peer.heard = true;
  if (notification) return parts_.events.on_notification(peer.id, *notification);
  parts_.log.warn("election: " + name_of(peer.id) + " sent " + notification.error().what);
  if (notification.error().is(Errc::unsupported)) return;
  end(link);
  on_link_closed(link, {});
}

void ElectionConnections::on_link_closed(Link& link, std::string_view why) {
  std::erase(links_, &link);
  auto* peer = link.peer ? find(*link.peer) : nullptr;
  if (!peer) return;
  if (!why.empty())
    parts_.log.info("election: the connection with " + name_of(peer->id) + " ended: " +
                    std::string(why));
  if (peer->link == &link) peer->link = nullptr;
  if (parts_.loop.now() - link.opened >= kYoung) peer->dials = 0;
  peer->waiting = pursuing_ && !peer->last.empty();
  if (peer->waiting) dial_soon(*peer);
  forget_if_useless(peer->id);
  reach_changed();
}

}  // namespace vivarium::zab
