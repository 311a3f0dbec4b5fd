#include "tests/contract/fake_ensemble.hpp"

#include <vivarium/records.hpp>

#include <algorithm>

namespace vivarium::test {

struct FakeEnsemble::Peer final : ChannelHandler {
  Peer(FakeEnsemble& owner, Channel& channel) : owner(owner), channel(&channel) {}
  std::size_t on_frames(Channel&, std::span<const std::string_view> frames) override {
    for (const auto frame : frames) {
      JuteIn in(frame);
      std::int32_t kind = 0;
      Message message;
      Text bytes;
      in(kind, message.number, message.small, message.op, message.sender, bytes);
      message.kind = static_cast<Kind>(kind);
      message.bytes = bytes;
      owner.receive(*this, message);
    }
    return frames.size();
  }
  void on_first_word(Channel&, std::uint32_t) override {}
  void on_low_water(Channel&) override {}
  void on_closed(Channel&, CloseReason, std::string_view) override { channel = nullptr; }

  FakeEnsemble& owner;
  Channel* channel;
};

FakeEnsemble::FakeEnsemble(Loop& loop, std::size_t servers,
                           std::function<std::string(ServerId)> address)
    : loop_(loop), servers_(servers), address_(std::move(address)) {}

FakeEnsemble::~FakeEnsemble() = default;

void FakeEnsemble::run(const BroadcastParts& parts) {
  parts_.emplace(parts);
  last_prepared_ = last_committed_ = parts.state.last_applied();
  parts_->election->run({parts.self, *parts.election_transport, *this});
  parts_->election->look({parts.opened.last_durable, {}});
}

void FakeEnsemble::stop() {
  listener_.reset();
  connecting_.reset();
  for (auto& peer : peers_)
    if (peer->channel) peer->channel->abort();
  parts_.reset();
}

void FakeEnsemble::on_advice(ServerId leader, Candidacy::Vote) {
  leader_ = leader;
  if (leading()) {
    ListenSpec spec;
    spec.host = address_(leader);
    spec.port = kPort;
    listener_ = std::move(parts_->quorum->listen(spec, *this).value());
  } else {
    ConnectSpec spec;
    spec.host = address_(leader);
    spec.port = kPort;
    connecting_ = parts_->quorum->connect(spec, *this);
  }
  parts_->election->settle(leading() ? Role::leading : Role::following, leader, {1});
  serve_when_complete();
}

void FakeEnsemble::serve_when_complete() {
  if (leading() && peers_.size() == servers_ - 1)
    parts_->events.on_role(ServingRole::leader, BroadcastEvents::Doubt::resolved);
}

ChannelHandler* FakeEnsemble::on_accept(Channel& channel) {
  peers_.push_back(std::make_unique<Peer>(*this, channel));
  serve_when_complete();
  return peers_.back().get();
}

ChannelHandler* FakeEnsemble::on_connected(Channel& channel) {
  peers_.push_back(std::make_unique<Peer>(*this, channel));
  parts_->events.on_role(ServingRole::follower, BroadcastEvents::Doubt::resolved);
  return peers_.back().get();
}

void FakeEnsemble::on_connect_failed(const Error&) {  // Not there yet.
  on_advice(leader_, Candidacy::Vote::counts);
}

void FakeEnsemble::tell(Channel& channel, const Message& message) {
  std::string payload;
  append_jute(payload, static_cast<std::int32_t>(message.kind), message.number, message.small,
              message.op, message.sender, std::string_view(message.bytes));
  channel.send(SharedBytes(to_jute(std::string_view(payload))));
}

void FakeEnsemble::tell_leader(const Message& message) {
  if (!peers_.empty() && peers_.front()->channel) tell(*peers_.front()->channel, message);
}

void FakeEnsemble::submit(std::span<const Request> requests) {
  for (const auto& request : requests) {
    if (leading())
      prepare(request);
    else
      tell_leader({Kind::request, request.session.value, request.cxid, request.op,
                   parts_->self.value, std::string(request.body)});
  }
}

void FakeEnsemble::prepare(const Request& request) {
  last_prepared_ = last_prepared_.next();
  const auto entry = parts_->state.prepare(request, last_prepared_, loop_.wall_ms());
  uncommitted_.push_back(entry);
  parts_->log.append(std::span(&entry, 1));
  for (auto& peer : peers_)
    if (peer->channel)
      tell(*peer->channel, {Kind::propose, entry.zxid.value, 0, 0, 0,
                            std::string(entry.payload.view())});
}

void FakeEnsemble::on_durable(Zxid zxid) {
  if (!parts_) return;
  if (leading())
    acknowledged(parts_->self, zxid);
  else
    tell_leader({Kind::acknowledge, zxid.value, 0, 0, parts_->self.value, ""});
}

void FakeEnsemble::on_failed(const Error& error) {
  if (parts_) parts_->events.on_fatal(error);
}

void FakeEnsemble::acknowledged(ServerId server, Zxid zxid) {
  durable_at_[server.value] = zxid;
  std::vector<Zxid> all;
  for (const auto& [id, at] : durable_at_) all.push_back(at);
  const auto majority = servers_ / 2 + 1;
  if (all.size() < majority) return;
  std::sort(all.rbegin(), all.rend());
  const auto quorum_has = all[majority - 1];
  if (quorum_has <= last_committed_) return;
  for (auto& peer : peers_)
    if (peer->channel) tell(*peer->channel, {Kind::commit, quorum_has.value, 0, 0, 0, ""});
  committed(quorum_has);
}

void FakeEnsemble::committed(Zxid zxid) {
  std::vector<LogEntry> entries;
  while (!uncommitted_.empty() && uncommitted_.front().zxid <= zxid) {
    entries.push_back(std::move(uncommitted_.front()));
    uncommitted_.pop_front();
  }
  last_committed_ = zxid;
  parts_->state.apply(entries);
  answer_syncs();
}

void FakeEnsemble::sync(SessionId session, std::int32_t cxid) {
  if (!leading()) return tell_leader({Kind::sync, session.value, cxid, 0, parts_->self.value, ""});
  syncs_.push_back({last_prepared_, nullptr, session, cxid});
  loop_.post([this] { answer_syncs(); });
}

void FakeEnsemble::answer_syncs() {
  while (parts_ && !syncs_.empty() && syncs_.front().after <= last_committed_) {
    const auto sync = syncs_.front();
    syncs_.pop_front();
    if (sync.channel)
      tell(*sync.channel, {Kind::synced, sync.session.value, sync.cxid, 0, 0, ""});
    else
      parts_->events.on_synced(sync.session, sync.cxid);
  }
}

void FakeEnsemble::revalidate(SessionId session, std::int32_t timeout_ms, Claim claim,
                              Done<bool> done) {
  if (leading()) {
    loop_.post([=, this] {
      if (parts_) done(parts_->state.revalidate(session, timeout_ms, parts_->self, claim));
    });
    return;
  }
  revalidations_.push_back(std::move(done));
  tell_leader({Kind::revalidate, session.value, timeout_ms, 0, parts_->self.value, ""});
}

void FakeEnsemble::touch(SessionId session, std::int32_t timeout_ms) {
  if (leading()) return parts_->state.touch(session, timeout_ms, parts_->self);
  tell_leader({Kind::touch, session.value, timeout_ms, 0, parts_->self.value, ""});
}

void FakeEnsemble::receive(Peer& peer, const Message& message) {
  if (!parts_) return;
  const SessionId session{message.number};
  const ServerId sender{message.sender};
  switch (message.kind) {
    case Kind::request:
      return prepare({session, message.small, message.op, message.bytes, {}, {}, false, sender});
    case Kind::sync:
      syncs_.push_back({last_prepared_, peer.channel, session, message.small});
      return answer_syncs();
    case Kind::revalidate: {
      const bool valid = parts_->state.revalidate(session, message.small, sender, Claim::fresh);
      return tell(*peer.channel, {Kind::revalidated, session.value, valid, 0, 0, ""});
    }
    case Kind::touch:
      return parts_->state.touch(session, message.small, sender);
    case Kind::acknowledge:
      return acknowledged(sender, {message.number});
    case Kind::propose: {
      const LogEntry entry{{message.number}, SharedBytes::copy_of(message.bytes)};
      uncommitted_.push_back(entry);
      return parts_->log.append(std::span(&entry, 1));
    }
    case Kind::commit:
      return committed({message.number});
    case Kind::synced:
      return parts_->events.on_synced(session, message.small);
    case Kind::revalidated: {
      const auto done = std::move(revalidations_.front());
      revalidations_.pop_front();
      return done(message.small != 0);
    }
  }
}

}  // namespace vivarium::test
