#include "simulator/checks/protocol_checks.hpp"

#include <vivarium/jute.hpp>
#include <vivarium/opcodes.hpp>
#include <vivarium/records.hpp>

#include <algorithm>

namespace vivarium::simulator {
namespace {

constexpr std::size_t kDigestBytes = 12;

std::string hex(Zxid zxid) {
  char text[24];
  std::snprintf(text, sizeof text, "0x%llx", static_cast<unsigned long long>(zxid.value));
  return text;
}
std::string text(Epoch epoch) { return std::to_string(epoch.value); }
std::string text(ServerId id) { return "server " + std::to_string(id.value); }

/// The tree's digest behind a transaction, as its leader has predicted it.
std::optional<std::uint64_t> digest_in(std::string_view payload) {
  if (payload.size() < kDigestBytes) return std::nullopt;
  std::uint64_t value = 0;
  for (std::size_t i = payload.size() - kDigestBytes; i < payload.size(); ++i) {
    if (i == payload.size() - 8) {
      if (value != 2) return std::nullopt;
      value = 0;
    }
    value = value << 8 | static_cast<unsigned char>(payload[i]);
  }
  return value;
}

std::string text(const Candidacy& candidacy) {
  constexpr const char* kVotes[] = {"a vote", "no vote", "an empty server's vote"};
  return hex(candidacy.last_durable) + " in epoch " + text(candidacy.current_epoch) + " and " +
         kVotes[static_cast<std::size_t>(candidacy.vote)];
}

std::string what_of(const LogEntry& entry) {
  records::TxnHeader header;
  JuteIn in(entry.payload.view());
  in(header);
  return hex(entry.zxid) + ": session " + hex({header.client_id}).substr(2) + " #" +
         std::to_string(header.cxid) + " type " + std::to_string(header.type);
}

/// Of a REQUEST: behind session and cxid.
std::int32_t operation_in(std::string_view request) {
  std::int64_t session = 0;
  std::int32_t cxid = 0, op = 0;
  JuteIn in(request);
  in(session, cxid, op);
  return op;
}

bool follows(Zxid before, Zxid zxid) {
  if (zxid.epoch() == before.epoch()) return zxid == before.next();
  return zxid.epoch() > before.epoch() && zxid.counter() == 1;
}

}  // namespace

/// What is known of one server, over all its incarnations.
class ProtocolChecks::Server final : public ServerWatcher {
 public:
  Server(ProtocolChecks& all, ServerId id, Votes votes) : all_(all), id_(id), votes_(votes) {}

  ServerId id() const { return id_; }
  bool votes() const { return votes_ == Votes::yes; }
  Zxid durable() const { return disk_.durable; }
  Zxid certain() const {
    if (installing_) return {};
    return truncating_ ? std::min(disk_.durable, *truncating_) : disk_.durable;
  }
  std::optional<Epoch> durable_epoch(EpochKind kind) const { return epoch(kind).durable; }
  ServingRole role() const { return role_; }
  std::string name() const { return text(id_); }

  /// What it has acknowledged before still counts for what was committed by that.
  void wipe() {
    former_ = std::exchange(disk_, {});
    accepted_ = current_ = {};
    truncating_ = installing_ = {};
  }

  void forget_up_to(Zxid zxid) {
    std::erase_if(disk_.log, [zxid](const Item& item) { return item.zxid <= zxid; });
    disk_.base = std::max(disk_.base, zxid);
    former_ = {};
  }

  /// What it was sent before NEWLEADER of this epoch.
  void must_have(Epoch epoch, Zxid zxid) { must_have_[epoch] = zxid; }

  /// The last transaction of its log from before this epoch.
  Zxid last_before(Epoch epoch) const {
    const auto& log = disk_.log;
    const auto end = std::lower_bound(log.begin(), log.end(), Zxid::of(epoch, 0),
                                      [](const Item& item, Zxid z) { return item.zxid < z; });
    return end == log.begin() ? disk_.base : std::prev(end)->zxid;
  }
  const Item* find(Zxid zxid) const { return disk_.find(zxid); }
  bool holds_durably(const Item& item) const { return disk_.holds(item) || former_.holds(item); }
  const std::vector<Item>& log() const { return disk_.log; }
  Zxid last_logged() const { return disk_.last(); }

  void on_run(const OpenedLog& opened, Zxid last_applied, std::uint64_t digest) override {
    role_ = ServingRole::none;
    check_survival(opened);
    take_up(opened.last_durable);
    check_epochs(opened.epochs);
    if (last_applied != opened.last_durable)
      all_.object("S-9", name() + " begins at " + hex(last_applied) + " with a log down to " +
                             hex(opened.last_durable));
    check_digest(last_applied, digest, "recovered");
  }

  void on_prepared(const LogEntry& entry, Zxid applied) override {
    const auto before = std::max(last_prepared_, last_logged());
    last_prepared_ = entry.zxid;
    if (all_.trace_.on()) all_.trace_.add(name(), "prepares " + what_of(entry));
    all_.check_epoch_of(entry.zxid.epoch(), id_, "broadcasts");
    if (entry.zxid.counter() == all_.last_counter_)
      all_.probes_.met("a leader's counter comes to its end");
    if (before.value != 0 && !follows(before, entry.zxid))
      all_.object("S-6", name() + " prepares " + hex(entry.zxid) + " behind " + hex(before));
    if (before.epoch() < entry.zxid.epoch()) check_complete(entry.zxid.epoch(), "broadcasts");
    const auto [at, fresh] =
        all_.proposals_.try_emplace(entry.zxid.value, Proposal{before, entry.payload, applied});
    if (!fresh && at->second.payload.view() != entry.payload.view())
      all_.object("I-2", name() + " prepares another transaction as " + hex(entry.zxid));
  }

  void on_applied(std::span<const LogEntry> entries, Zxid before, Zxid after,
                  std::uint64_t digest) override {
    for (const auto& entry : entries) {
      if (entry.zxid <= before) continue;  // Over a fuzzy snapshot.
      if (entry.zxid > disk_.durable)
        all_.object("F-1", name() + " applies " + hex(entry.zxid) + ", and has " + hex(disk_.durable) +
                               " on disk");
      if (entry.zxid > all_.forgotten_) {
        check_next(before, entry);
        all_.commit(*this, entry);
      }
      before = entry.zxid;
    }
    check_digest(after, digest, "applied");
  }

  void on_replaced(Zxid last_applied, std::uint64_t digest) override {
    all_.probes_.met("a server's state is replaced");
    if (installing_ || truncating_ || disk_.log.empty()) return check_digest(last_applied, digest, "loaded");
    check_digest(last_applied, digest, "reloaded");
  }

  void on_append(std::span<const LogEntry> entries) override {
    for (const auto& entry : entries) append(entry);
  }
  void on_durable(Zxid zxid) override {
    if (zxid > last_logged())
      all_.object("S-8", name() + " has " + hex(zxid) + " durable and only " + hex(last_logged()) +
                             " logged");
    disk_.durable = zxid;
  }
  void on_truncate(Zxid zxid) override {
    truncating_ = zxid;
    all_.probes_.met("a log is truncated");
  }
  void on_truncated(Zxid zxid) override {
    truncating_.reset();
    cut(zxid);
    // What has been committed meanwhile, or without this server, comes again; a majority must not miss it.
    for (auto at = all_.committed_.rbegin(); at != all_.committed_.rend() && at->zxid > zxid; ++at)
      all_.check_majority({at->zxid, at->payload});
  }
  void on_install(Zxid zxid) override {
    installing_ = zxid;
    all_.probes_.met("a snapshot replaces a history");
  }
  void on_installed(Zxid zxid) override {
    installing_.reset();
    disk_.log.clear();
    disk_.base = disk_.durable = zxid;
  }

  void on_set_epoch(EpochKind kind, Epoch wanted) override {
    epoch(kind).asked = wanted;
    if (kind == EpochKind::accepted) return;
    if (accepted_.durable.value_or(Epoch{}) < wanted)
      all_.object("S-2", name() + " writes currentEpoch " + text(wanted) +
                             " before its acceptedEpoch is durable");
    if (disk_.durable < must_have_[wanted] || truncating_ || installing_)
      all_.object("S-4", name() + " writes currentEpoch " + text(wanted) + " with " +
                             hex(disk_.durable) + " on disk, and was sent " + hex(must_have_[wanted]));
  }
  void on_epoch_set(EpochKind kind, Epoch set) override { epoch(kind).durable = set; }

  void on_role(ServingRole role) override {
    role_ = role;
    if (role == ServingRole::none) last_prepared_ = {};
    if (role != ServingRole::leader) return;
    ++all_.leaders_;
    all_.probes_.met("a leader is established");
    const auto epoch = current_.durable.value_or(Epoch{});
    check_complete(epoch, "leads");
    if (current_.durable) all_.check_epoch_of(epoch, id_, "leads");
  }
  void on_look(const Candidacy& candidacy) override {
    last_prepared_ = {};
    if (all_.trace_.on()) all_.trace_.add(name(), "looks with " + text(candidacy));
    if (candidacy.last_durable > disk_.durable)
      all_.object("S-7", name() + " stands for election with " + hex(candidacy.last_durable) +
                             ", and has " + hex(disk_.durable) + " on disk");
    if (candidacy.vote == Candidacy::Vote::none) all_.probes_.met("a server looks without a vote");
    if (candidacy.vote == Candidacy::Vote::empty) all_.probes_.met("an empty server looks");
  }
  void on_settle(Role, ServerId, Epoch) override {}

 private:
  struct Promise {
    std::optional<Epoch> asked, durable;
  };
  struct DiskContent {
    Zxid base;  ///< Of the snapshot below the log, which holds everything up to it.
    std::vector<Item> log;
    Zxid durable;

    Zxid last() const { return log.empty() ? base : log.back().zxid; }
    const Item* find(Zxid zxid) const {
      const auto found = std::lower_bound(log.begin(), log.end(), zxid,
                                          [](const Item& item, Zxid z) { return item.zxid < z; });
      return found != log.end() && found->zxid == zxid ? &*found : nullptr;
    }
    bool holds(const Item& item) const {
      if (item.zxid > durable) return false;
      if (item.zxid <= base) return true;
      const auto* mine = find(item.zxid);
      return mine && mine->payload.view() == item.payload.view();
    }
  };
  Promise& epoch(EpochKind kind) { return kind == EpochKind::accepted ? accepted_ : current_; }
  const Promise& epoch(EpochKind kind) const {
    return kind == EpochKind::accepted ? accepted_ : current_;
  }

  /// What was reported durable is there again, unless it was being cut off or replaced.
  void check_survival(const OpenedLog& opened) {
    const auto there = opened.last_durable;
    const bool cut_short = truncating_ && there == *truncating_;
    const bool replaced = installing_ && there == *installing_;
    if (there < disk_.durable && !cut_short && !replaced)
      all_.object("C-10", name() + " begins with " + hex(there) + " and had " + hex(disk_.durable) +
                              " on disk");
    if (!replaced && there > last_logged())
      all_.object("S-7", name() + " begins with " + hex(there) + ", and had never logged more than " +
                             hex(last_logged()));
    if (replaced) {
      disk_.log.clear();
      disk_.base = there;
    }
    truncating_.reset();
    installing_.reset();
  }

  void take_up(Zxid last_durable) {
    cut(last_durable);
    disk_.durable = last_durable;
    last_prepared_ = {};
  }

  void cut(Zxid zxid) {
    while (!disk_.log.empty() && disk_.log.back().zxid > zxid) disk_.log.pop_back();
    disk_.base = std::min(disk_.base, zxid);
    disk_.durable = std::min(disk_.durable, zxid);
  }

  void check_epochs(const Epochs& there) {
    check_promise("acceptedEpoch", accepted_, there.accepted);
    check_promise("currentEpoch", current_, there.current);
    if (there.accepted.value_or(Epoch{}) < there.current.value_or(Epoch{}))
      all_.object("S-2", name() + " begins with a currentEpoch above its acceptedEpoch");
  }
  void check_promise(const char* what, Promise& promise, std::optional<Epoch> there) {
    if (there < promise.durable)
      all_.object("S-2", name() + " has lost its " + what + " " + text(*promise.durable));
    // A history that was brought down to a later epoch, and the crash before that epoch was written.
    const bool follows_from_history = there && *there == disk_.last().epoch();
    if (there > promise.asked && there > promise.durable && !follows_from_history)
      all_.object("S-2", name() + " has " + what + " " + text(*there) + ", and had written " +
                             (promise.asked ? text(*promise.asked) : "none"));
    promise = {there, there};
  }

  void append(const LogEntry& entry) {
    const auto last = last_logged();
    const auto known = all_.proposals_.find(entry.zxid.value);
    if (entry.zxid <= all_.forgotten_) return disk_.log.push_back({entry.zxid, entry.payload});
    if (known == all_.proposals_.end())
      all_.object("I-2", name() + " logs " + hex(entry.zxid) + ", which nobody has proposed");
    else if (known->second.payload.view() != entry.payload.view())
      all_.object("I-2", name() + " logs something else as " + hex(entry.zxid));
    else if (known->second.before != last)
      all_.object("I-10", name() + " logs " + hex(entry.zxid) + " behind " + hex(last) +
                              ", its primary had " + hex(known->second.before));
    if (accepted_.durable && entry.zxid.epoch() > *accepted_.durable)
      all_.object("S-2", name() + " logs " + hex(entry.zxid) + " of an epoch that it has not accepted");
    disk_.log.push_back({entry.zxid, entry.payload});
  }

  /// Between two transactions that a server applies nothing is left out.
  void check_next(Zxid before, const LogEntry& entry) {
    const auto& committed = all_.committed_;
    const auto next = all_.committed_up_to(before);
    if (before.value != 0 && next > 0 && committed[next - 1].zxid != before && next < committed.size())
      all_.object("I-9", name() + " applies " + hex(entry.zxid) + " on top of " + hex(before) +
                             ", which was never committed");
    if (next < committed.size() && committed[next].zxid != entry.zxid)
      all_.object("I-4", name() + " applies " + hex(entry.zxid) + " where " +
                             hex(committed[next].zxid) + " comes next");
  }

  void check_digest(Zxid zxid, std::uint64_t digest, const char* what) {
    const auto wanted = all_.foreseen(zxid);
    if (wanted && *wanted != digest)
      all_.object("S-9", name() + " has " + what + " " + hex(zxid) +
                             " and another tree than its leader foresaw");
  }

  /// Whoever leads has all that was ever committed before its epoch. It may be a late one: others may have
  /// a later leader already.
  void check_complete(Epoch epoch, const char* what) {
    const auto before = all_.committed_up_to(Zxid::of(epoch, 0));
    if (before == 0) return;
    const auto& last = all_.committed_[before - 1];
    const auto* mine = find(last.zxid);
    const bool there = mine ? mine->payload.view() == last.payload.view() : disk_.base >= last.zxid;
    if (!there)
      all_.object("I-7", name() + " " + what + " with a log down to " + hex(last_logged()) +
                             ", without the committed " + hex(last.zxid));
  }

  ProtocolChecks& all_;
  ServerId id_;
  Votes votes_;
  ServingRole role_ = ServingRole::none;
  DiskContent disk_;
  DiskContent former_;  ///< Of a disk that was replaced.
  Zxid last_prepared_;
  Promise accepted_, current_;
  std::map<Epoch, Zxid> must_have_;
  std::optional<Zxid> truncating_, installing_;
};

/// What was said on one connection between a learner and its leader.
struct ProtocolChecks::Talk {
  QuorumWire wire[2];               ///< From the learner, from the leader.
  std::optional<Epoch> offered;     ///< LEADERINFO
  bool positioned = false;          ///< It is known what the next proposal has to follow.
  // How far each has come in what it has sent.
  bool informed = false, epoch_acknowledged = false, sync_begun = false, new_leader = false,
       joined = false, up_to_date = false, observes = false;
  std::int64_t pings = 0, requests_to_sync = 0, revalidations = 0;  ///< Not answered yet.
  Zxid claimed;                     ///< By ACKEPOCH.
  Zxid last_proposed, last_committed, last_acknowledged;
  Zxid committed_before_new_leader;
  std::vector<Zxid> proposed;       ///< Not committed yet.
  std::vector<Zxid> all_proposed;
};

ProtocolChecks::ProtocolChecks(Verdict& verdict, Probes& probes, Trace& trace)
    : verdict_(verdict), probes_(probes), trace_(trace) {}
ProtocolChecks::~ProtocolChecks() = default;

ServerWatcher& ProtocolChecks::add_server(ServerId id, Votes votes) {
  if (votes == Votes::yes) ++voters_;
  return *(servers_[id] = std::make_unique<Server>(*this, id, votes));
}

void ProtocolChecks::on_wiped(ServerId id) { servers_.at(id)->wipe(); }
Zxid ProtocolChecks::durable(ServerId id) const { return servers_.at(id)->durable(); }
Zxid ProtocolChecks::certain(ServerId id) const { return servers_.at(id)->certain(); }
ServingRole ProtocolChecks::role(ServerId id) const { return servers_.at(id)->role(); }
std::optional<Epoch> ProtocolChecks::current_epoch(ServerId id) const {
  return servers_.at(id)->durable_epoch(EpochKind::current);
}

void ProtocolChecks::forget_history() {
  if (committed_.empty()) return;
  const auto last = committed_.back();
  for (const auto& [id, server] : servers_) server->forget_up_to(last.zxid);
  std::erase_if(proposals_, [&](const auto& entry) { return entry.first < last.zxid.value; });
  committed_ = {last};
  forgotten_ = Zxid{last.zxid.value - 1};
}

const SharedBytes* ProtocolChecks::proposed(Zxid zxid) const {
  const auto found = proposals_.find(zxid.value);
  return found == proposals_.end() ? nullptr : &found->second.payload;
}

std::optional<std::uint64_t> ProtocolChecks::foreseen(Zxid zxid) const {
  const auto* payload = proposed(zxid);
  return payload ? digest_in(payload->view()) : std::nullopt;
}

std::optional<ServerId> ProtocolChecks::primary(Epoch epoch) const {
  const auto found = primaries_.find(epoch);
  return found == primaries_.end() ? std::nullopt : std::optional(found->second);
}

void ProtocolChecks::check_epoch_of(Epoch epoch, ServerId primary, const char* what) {
  const auto [at, fresh] = primaries_.try_emplace(epoch, primary);
  if (at->second != primary)
    object("I-1", text(primary) + " " + what + " in epoch " + text(epoch) + ", which was that of " +
                      text(at->second));
}

// --- the one order -------------------------------------------------------------------------------

std::size_t ProtocolChecks::committed_up_to(Zxid zxid) const {
  // Nearly always it is the end that is asked for.
  if (committed_.empty() || committed_.back().zxid <= zxid) return committed_.size();
  const auto above = std::upper_bound(committed_.begin(), committed_.end(), zxid,
                                      [](Zxid z, const Committed& item) { return z < item.zxid; });
  return static_cast<std::size_t>(above - committed_.begin());
}

const ProtocolChecks::Committed* ProtocolChecks::find_committed(Zxid zxid) const {
  const auto up_to = committed_up_to(zxid);
  return up_to > 0 && committed_[up_to - 1].zxid == zxid ? &committed_[up_to - 1] : nullptr;
}

void ProtocolChecks::commit(Server& server, const LogEntry& entry) {
  const auto last = committed_.empty() ? Zxid{} : committed_.back().zxid;
  if (entry.zxid <= last) {
    const auto* known = find_committed(entry.zxid);
    if (!known)
      object("I-3", server.name() + " applies " + hex(entry.zxid) +
                        ", which is not among what others have applied");
    else if (known->payload.view() != entry.payload.view())
      object("I-2", server.name() + " applies something else as " + hex(entry.zxid));
    return;
  }
  // What lies between the two in its primary's history is committed with it, applied by nobody so far: a
  // leader's history from before its term. The log here may begin behind that, with a snapshot.
  std::vector<Item> with_it{{entry.zxid, entry.payload}};
  for (auto at = proposals_.find(entry.zxid.value); at != proposals_.end() && at->second.before > last;) {
    const auto before = at->second.before;
    at = proposals_.find(before.value);
    if (at != proposals_.end()) with_it.push_back({before, at->second.payload});
  }
  for (auto item = with_it.rbegin(); item != with_it.rend(); ++item) add_committed(*item, server);
  check_majority({entry.zxid, entry.payload});
}

void ProtocolChecks::add_committed(const Item& item, const Server& server) {
  if (!committed_.empty() && !follows(committed_.back().zxid, item.zxid))
    object("I-6", server.name() + " is the first to apply " + hex(item.zxid) + ", behind " +
                      hex(committed_.back().zxid));
  const auto known = proposals_.find(item.zxid.value);
  const auto applied = known == proposals_.end() ? Zxid{} : known->second.applied;
  committed_.push_back({item.zxid, item.payload, applied, trace_.now()});
}

void ProtocolChecks::check_majority(const Item& item) {
  std::size_t holding = 0;
  for (const auto& [id, server] : servers_)
    if (server->votes() && server->holds_durably(item)) ++holding;
  if (2 * holding <= voters_)
    object("I-8", hex(item.zxid) + " is applied and only " + std::to_string(holding) + " of " +
                      std::to_string(voters_) + " voters have it on disk");
}

// --- the wire ------------------------------------------------------------------------------------

void ProtocolChecks::on_quorum_bytes(std::uint64_t line, ServerId from, ServerId to,
                                     bool from_connector, std::string_view bytes) {
  auto& talk = talks_[line];
  if (!talk) talk = std::make_unique<Talk>();
  auto& sender = *servers_.at(from);
  auto& receiver = *servers_.at(to);
  const bool whole = talk->wire[from_connector ? 0 : 1].feed(
      bytes, [&](const QuorumPacket& packet) {
        if (trace_.on()) trace(sender, receiver, packet);
        from_connector ? on_learner_packet(*talk, sender, packet)
                       : on_leader_packet(*talk, sender, receiver, packet);
      });
  if (!whole) object("I-11", sender.name() + " sends what is no packet to " + receiver.name());
}

void ProtocolChecks::trace(const Server& from, const Server& to, const QuorumPacket& packet) const {
  if (packet.type == PacketType::ping) return;
  auto what = std::string(simulator::name_of(packet.type)) + " " + hex(packet.zxid) + " to " + to.name();
  if (packet.type == PacketType::request || packet.type == PacketType::revalidate) {
    std::int64_t session = 0;
    JuteIn in(packet.data);
    in(session);
    what += " of session " + hex({session}).substr(2);
  }
  trace_.add(from.name(), what);
}

/// What a learner says has its place in the conversation, by what its leader has said until then: F.2, F.4
/// and F.7 of the reference.
void ProtocolChecks::check_phase_of_learner(Talk& talk, const Server& from,
                                            const QuorumPacket& packet) {
  bool expected = true;
  switch (packet.type) {
    case PacketType::follower_info:
    case PacketType::observer_info:
      expected = !talk.informed;
      talk.informed = true;
      talk.observes = packet.type == PacketType::observer_info;
      break;
    case PacketType::ack_epoch:
      expected = talk.offered && !talk.epoch_acknowledged;
      talk.epoch_acknowledged = true;
      talk.claimed = packet.zxid;
      break;
    case PacketType::ack:
      expected = talk.new_leader;
      break;
    case PacketType::ping:
      expected = talk.pings-- > 0;
      break;
    case PacketType::request:
      expected = talk.up_to_date;
      if (operation_in(packet.data) == static_cast<std::int32_t>(Op::sync)) ++talk.requests_to_sync;
      break;
    case PacketType::revalidate:
      expected = talk.up_to_date;
      ++talk.revalidations;
      break;
    default: expected = false;
  }
  if (!expected)
    object("I-11", from.name() + " sends " + std::string(simulator::name_of(packet.type)) + " " +
                       hex(packet.zxid) + " where nobody expects it");
}

void ProtocolChecks::check_phase_of_leader(Talk& talk, const Server& from, const Server& to,
                                           const QuorumPacket& packet) {
  bool expected = true;
  switch (packet.type) {
    case PacketType::leader_info:
      expected = talk.informed && !talk.offered;
      break;
    case PacketType::diff:
    case PacketType::trunc:
    case PacketType::snap:
      expected = talk.epoch_acknowledged && !talk.sync_begun;
      talk.sync_begun = true;
      break;
    case PacketType::new_leader:
      expected = talk.sync_begun && !talk.new_leader && talk.offered == packet.zxid.epoch();
      talk.new_leader = true;
      break;
    case PacketType::up_to_date:
      expected = talk.joined && !talk.up_to_date;
      talk.up_to_date = true;
      break;
    // A learner of ZooKeeper's before 3.9 cannot take a commit between NEWLEADER and UPTODATE.
    case PacketType::commit:
      expected = talk.sync_begun && talk.new_leader == talk.up_to_date;
      break;
    case PacketType::proposal:
      expected = talk.sync_begun && !(talk.observes && talk.new_leader);
      break;
    case PacketType::inform:
      expected = talk.up_to_date && talk.observes;
      break;
    case PacketType::ping:
      expected = talk.up_to_date;
      ++talk.pings;
      break;
    case PacketType::sync:
      expected = talk.requests_to_sync-- > 0;
      break;
    case PacketType::revalidate:
      expected = talk.revalidations-- > 0;
      break;
    default: expected = false;
  }
  if (!expected)
    object("I-11", from.name() + " sends " + std::string(simulator::name_of(packet.type)) + " " +
                       hex(packet.zxid) + " to " + to.name() + " where it does not expect it");
}

/// The first is that of NEWLEADER; then each proposal from some one on, and none is left out.
void ProtocolChecks::check_acknowledgement(Talk& talk, const Server& from, Zxid zxid) {
  if (zxid.counter() == 0) {
    if (!talk.offered || zxid.epoch() != *talk.offered)
      object("I-12", from.name() + " acknowledges " + hex(zxid) + ", which is not its leader's NEWLEADER");
    talk.joined = true;
    return;
  }
  if (!talk.joined)
    object("I-12", from.name() + " acknowledges " + hex(zxid) + " before NEWLEADER");
  const auto& all = talk.all_proposed;
  const auto found = std::lower_bound(all.begin(), all.end(), zxid);
  if (found == all.end() || *found != zxid)
    object("I-12", from.name() + " acknowledges " + hex(zxid) + ", which it was not sent");
  else if (talk.last_acknowledged.value != 0 && found != all.begin() &&
           *std::prev(found) > talk.last_acknowledged)
    object("I-12", from.name() + " acknowledges " + hex(zxid) + " behind " +
                       hex(talk.last_acknowledged) + ", and not what is between");
}

/// What is sent as a transaction is what its primary has made of it.
void ProtocolChecks::check_content(const Server& from, const QuorumPacket& packet) {
  const auto* known = proposed(packet.zxid);
  if (!known || known->view() != packet.data)
    object("I-13", from.name() + " sends something else as " + hex(packet.zxid));
}

void ProtocolChecks::on_learner_packet(Talk& talk, Server& from, const QuorumPacket& packet) {
  check_phase_of_learner(talk, from, packet);
  if (packet.type == PacketType::ack) check_acknowledgement(talk, from, packet.zxid);
  const auto accepted = from.durable_epoch(EpochKind::accepted);
  switch (packet.type) {
    case PacketType::ack_epoch:
      if (!talk.offered || accepted < talk.offered)
        object("S-2", from.name() + " sends ACKEPOCH before the epoch is durable");
      if (packet.zxid > from.durable())
        object("S-7", from.name() + " sends ACKEPOCH with " + hex(packet.zxid) + " and has " +
                          hex(from.durable()) + " on disk");
      return;
    case PacketType::ack:
      if (packet.zxid.counter() == 0) {
        if (from.durable_epoch(EpochKind::current) < packet.zxid.epoch())
          object("S-3", from.name() + " acknowledges NEWLEADER " + text(packet.zxid.epoch()) +
                            " before its currentEpoch is durable");
        if (talk.committed_before_new_leader > from.durable())
          object("S-4", from.name() + " acknowledges NEWLEADER with " + hex(from.durable()) +
                            " on disk, and was sent " + hex(talk.committed_before_new_leader));
        return;
      }
      if (packet.zxid > from.durable())
        object("S-8", from.name() + " acknowledges " + hex(packet.zxid) + " and has " +
                          hex(from.durable()) + " on disk");
      if (packet.zxid <= talk.last_acknowledged)
        object("S-8", from.name() + " acknowledges " + hex(packet.zxid) + " after " +
                          hex(talk.last_acknowledged));
      talk.last_acknowledged = packet.zxid;
      return;
    default: return;
  }
}

/// Who acknowledges NEWLEADER is taken to have all that its leader had when its term began.
void ProtocolChecks::check_brought(const Server& leader, const Server& learner, Zxid brought,
                                   Zxid new_leader) {
  const auto wanted = leader.last_before(new_leader.epoch());
  if (learner.votes() && brought < wanted)
    object("I-10", leader.name() + " sends NEWLEADER " + text(new_leader.epoch()) + " to " +
                       learner.name() + ", which it has brought to " + hex(brought) + " and not to " +
                       hex(wanted));
}

void ProtocolChecks::on_leader_packet(Talk& talk, Server& from, Server& to,
                                      const QuorumPacket& packet) {
  check_phase_of_leader(talk, from, to, packet);
  switch (packet.type) {
    case PacketType::leader_info:
      talk.offered = packet.zxid.epoch();
      if (from.durable_epoch(EpochKind::accepted) < packet.zxid.epoch())
        object("S-1", from.name() + " sends LEADERINFO " + text(packet.zxid.epoch()) +
                          " before the epoch is durable");
      return;  // Several may offer themselves; whoever is first at a majority leads.
    case PacketType::diff:
      probes_.met("a learner gets a DIFF");
      // It goes on from where the learner says that it is.
      talk.last_proposed = talk.claimed;
      talk.positioned = true;
      return;
    case PacketType::trunc:
      probes_.met("a learner gets a TRUNC");
      talk.last_proposed = talk.last_committed = packet.zxid;
      talk.positioned = true;
      return;
    case PacketType::snap:
      probes_.met("a learner gets a SNAP");
      talk.last_proposed = talk.last_committed = packet.zxid;
      talk.positioned = true;
      return;
    case PacketType::new_leader:
      talk.committed_before_new_leader = talk.last_committed;
      check_brought(from, to, talk.positioned ? talk.last_proposed : to.last_logged(), packet.zxid);
      to.must_have(packet.zxid.epoch(), talk.last_proposed);
      return check_epoch_of(packet.zxid.epoch(), from.id(), "leads");
    case PacketType::proposal:
    case PacketType::inform:
      check_content(from, packet);
      if (talk.positioned && !follows(talk.last_proposed, packet.zxid))
        object("S-5", from.name() + " proposes " + hex(packet.zxid) + " behind " +
                          hex(talk.last_proposed));
      talk.all_proposed.push_back(packet.zxid);
      talk.last_proposed = packet.zxid;
      talk.positioned = true;
      if (packet.type == PacketType::inform) talk.last_committed = packet.zxid;
      else talk.proposed.push_back(packet.zxid);
      return;
    case PacketType::commit:
      if (talk.proposed.empty() || talk.proposed.front() != packet.zxid) {
        object("I-14", from.name() + " commits " + hex(packet.zxid) +
                           ", which is not the oldest that it has proposed");
      } else {
        talk.proposed.erase(talk.proposed.begin());
      }
      talk.last_committed = packet.zxid;
      return;
    default: return;
  }
}

}  // namespace vivarium::simulator
