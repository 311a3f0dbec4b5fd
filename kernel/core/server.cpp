#include "kernel/core/server.hpp"

#include "kernel/core/access.hpp"
#include "kernel/core/clients.hpp"
#include "kernel/core/database.hpp"
#include "kernel/core/hex.hpp"
#include "kernel/core/inspection.hpp"
#include "kernel/core/log_timeline.hpp"
#include "kernel/core/memory_ceiling.hpp"
#include "kernel/core/namespaces.hpp"
#include "kernel/core/paths.hpp"
#include "kernel/core/preparer.hpp"
#include "kernel/core/recovery.hpp"
#include "kernel/core/session_tracker.hpp"
#include "kernel/core/slow_requests.hpp"
#include "kernel/core/snapshotter.hpp"
#include "kernel/core/timed_store.hpp"
#include "kernel/core/watches.hpp"

#include <vivarium/assert.hpp>

#include <algorithm>

namespace vivarium {
namespace {

std::int64_t micros(MonoTime time) { return std::chrono::duration_cast<Micros>(time).count(); }

Subject subject_of(const Viewer& viewer) {
  return {{}, viewer.address, viewer.encrypted, viewer.identities};
}

}  // namespace

class Server::Body final : public StateMachine,
                           public BroadcastEvents,
                           public ServerView,
                           private TreeEvents {
 public:
  Body(ServerSettings settings, ServerParts parts);

  void start(Done<void> serving);
  void stop(std::function<void()> stopped);
  void on_fatal(std::function<void(const Error&)> handler) { fatal_handler_ = std::move(handler); }
  std::vector<std::pair<std::string, std::string>> addresses() const;

  // StateMachine
  LogEntry prepare(const Request& request, Zxid zxid, std::int64_t wall_ms) override;
  void discard_pending() override { preparer_->pending().discard(); }
  void apply(std::span<const LogEntry> entries) override;
  Zxid last_applied() const override { return database_ ? database_->last_applied() : Zxid{}; }
  std::uint64_t digest() const override { return database_->tree().digest(); }
  std::unique_ptr<SnapshotCursor> snapshot() override;
  std::unique_ptr<SnapshotLoader> load() override;
  void reload(Done<void> done) override;
  void touch(SessionId session, std::int32_t timeout_ms, ServerId owner) override;
  bool revalidate(SessionId session, std::int32_t timeout_ms, ServerId owner,
                  Claim claim) override;
  std::optional<ServerId> owner(SessionId session) const override { return sessions_.owner(session); }
  bool closing(SessionId session) const override { return sessions_.closing(session); }
  std::string committed_config() const override { return committed_config_; }
  std::string last_seen_config() const override { return committed_config_; }
  void activate_config(std::string_view text, Zxid zxid) override;

  // BroadcastEvents
  void on_role(ServingRole role, Doubt doubt) override;
  void on_synced(SessionId session, std::int32_t cxid) override { clients_.on_synced(session, cxid); }
  void on_fatal(const Error& error) override;
  void on_space(bool low, std::uint64_t free_bytes) override;

  // ServerView
  ServingRole role() const override { return clients_.role(); }
  std::int64_t node_count() const override { return database_->tree().node_count(); }
  std::optional<NodeView> node(std::string_view path, const Viewer& viewer,
                               const NodeWindow& window) const override;
  std::optional<std::vector<AclEntryView>> acl(std::string_view path,
                                               const Viewer& viewer) const override;
  Authenticator* authenticator(std::string_view scheme) const override {
    return gate_.authenticator(scheme);
  }
  std::vector<Identity> identities_of(const PeerIdentity& peer) const override {
    return gate_.identities_of(peer);
  }

  /// Puts another state in the place of the present one.
  void adopt(std::unique_ptr<Database> database);
  /// While it serves: closes the connections, whose watches belong to the state that goes.
  void replace(std::unique_ptr<Database> database);

 private:
  class Loader;
  class StoreEvents;

  // TreeEvents
  void on_created(std::string_view path, Zxid zxid, AclNumber acl, AclNumber parent_acl) override;
  void on_deleted(std::string_view path, Zxid zxid, AclNumber acl, AclNumber parent_acl) override;
  void on_data_changed(std::string_view path, Zxid zxid, AclNumber acl) override;
  void on_written(std::string_view path, std::size_t bytes) override;
  void children_changed(std::string_view child, Zxid zxid, AclNumber acl);
  static void count_told(Summary& summary, std::size_t told);

  Result<void> run_services();
  void on_recovered(Result<Recovered> recovered);
  void count_load(const Recovered& recovered);
  void run_broadcast();
  void lead();
  void resign();
  void listen();
  void apply_one(const LogEntry& entry);
  void note_digest(const AppliedEntry& applied, Zxid zxid);
  void note_propagated(std::int64_t made_ms);
  void record_propagated();
  void count_waiting();
  void begin_preparing();
  void count_applied(std::int64_t entries, MonoTime took);
  void set_config();
  std::size_t handshakes() const;
  void take_snapshot();
  void expire_sessions();
  void reap();
  void ask(SessionId session, Op op, std::string_view body);
  std::vector<std::string> reapable() const;
  void list_children(std::string_view path, const Znode& node, const Subject& viewer,
                     const NodeWindow& window, NodeView& view) const;
  bool leads() const { return role() == ServingRole::standalone || role() == ServingRole::leader; }

  ServerSettings settings_;
  ServerParts parts_;
  ServerStats stats_;
  LogTimeline timeline_;
  TimedStore timed_store_;
  SlowRequests slow_requests_;
  /// What the log tells now came at this moment.
  std::optional<MonoTime> log_event_;
  std::int64_t batch_wall_ms_ = 0;  ///< When the batch at hand is applied.
  std::int64_t propagated_made_ms_ = 0;  ///< The last of its transactions were made then,
  std::int64_t propagated_ = 0;          ///< and so many are not recorded yet.
  Namespaces namespaces_;
  std::unique_ptr<Database> database_;
  AccessGate gate_;
  SessionTracker sessions_;
  std::unique_ptr<Preparer> preparer_;
  Watches watches_;
  MemoryCeiling memory_;
  Clients clients_;
  Snapshotter snapshotter_;
  Purger purger_;
  Inspection inspection_;
  std::unique_ptr<LogStoreEvents> store_events_;
  std::unique_ptr<Recovery> recovery_;
  bool broadcast_runs_ = false;
  OpenedLog opened_;
  std::string committed_config_;  ///< Empty: the server runs alone.
  Zxid config_version_;
  std::vector<std::pair<std::string, std::unique_ptr<Listener>>> listeners_;
  std::unique_ptr<Timer> expiry_timer_, reaper_timer_;
  std::vector<std::unique_ptr<CommandHandle>> commands_;
  std::vector<std::unique_ptr<MetricHandle>> metrics_, leader_metrics_;
  Done<void> serving_;
  std::function<void(const Error&)> fatal_handler_;
  bool digest_warned_ = false;
};

/// What the store tells goes to the broadcast, once that runs. Until then it is this server that has
/// to hear of a failure.
class Server::Body::StoreEvents final : public LogStoreEvents {
 public:
  explicit StoreEvents(Body& body) : body_(body), to_(body.parts_.broadcast.log_events()) {}
  void on_sync(const LogSync& sync) override {
    if (body_.settings_.stages) body_.timeline_.on_sync(sync);
  }
  void on_durable(Zxid zxid) override {
    body_.log_event_ = body_.parts_.loop.now();
    if (body_.settings_.stages) body_.timeline_.on_durable(zxid, *body_.log_event_);
    to_.on_durable(zxid);
    body_.log_event_.reset();
  }
  void on_failed(const Error& error) override {
    body_.broadcast_runs_ ? to_.on_failed(error) : body_.on_fatal(error);
  }
  void on_space(bool low, std::uint64_t free_bytes) override {
    body_.broadcast_runs_ ? to_.on_space(low, free_bytes) : body_.on_space(low, free_bytes);
  }

 private:
  Body& body_;
  LogStoreEvents& to_;
};

/// Collects a snapshot that a leader sends.
class Server::Body::Loader final : public SnapshotLoader {
 public:
  Loader(Body& body, std::uint64_t seed)
      : body_(body), loader_(seed, body.settings_.extended_types) {}
  Result<std::size_t> feed(std::string_view piece) override { return loader_.feed_part(piece); }
  bool complete() const override { return loader_.complete(); }
  Result<void> finish(Zxid zxid) override {
    auto database = loader_.finish(zxid);
    if (!database) return database.error();
    body_.replace(std::move(*database));
    return {};
  }

 private:
  Body& body_;
  DatabaseLoader loader_;
};

Server::Body::Body(ServerSettings settings, ServerParts parts)
    : settings_(std::move(settings)),
      parts_(std::move(parts)),
      timeline_(parts_.loop, stats_),
      timed_store_(parts_.loop, timeline_, parts_.store),
      slow_requests_(parts_.loop, parts_.log,
                     Millis(settings_.stages ? settings_.slow_request_ms : 0)),
      namespaces_(parts_.metrics),
      gate_(parts_.authenticators, parts_.policy, settings_.skip_acl, parts_.log),
      sessions_(parts_.loop, settings_.tick_time_ms),
      watches_(parts_.loop.random()),
      memory_(parts_.loop, parts_.log, settings_.memory_ceiling_bytes, parts_.memory_in_use),
      clients_({settings_, parts_.loop, parts_.log, parts_.commands, parts_.broadcast, gate_,
                watches_, stats_, timeline_, slow_requests_, memory_, namespaces_,
                [this]() -> Database& { return *database_; }}),
      snapshotter_(parts_.loop, parts_.log, parts_.store, stats_,
                   {settings_.snapshot_entries, settings_.snapshot_log_bytes},
                   [this] { take_snapshot(); }),
      purger_(parts_.loop, parts_.log, parts_.store, settings_.purge),
      inspection_{settings_,
                  parts_.loop,
                  parts_.store,
                  parts_.broadcast,
                  stats_,
                  clients_,
                  watches_,
                  sessions_,
                  slow_requests_,
                  [this]() -> const Database& { return *database_; },
                  [this] { return role(); },
                  [this] { return addresses(); },
                  parts_.loop.now(),
                  [this] { return handshakes(); },
                  &parts_.metrics},
      commands_(add_commands(parts_.commands, inspection_)),
      metrics_(add_metrics(parts_.metrics, inspection_)) {
  if (settings_.ensemble) committed_config_ = settings_.ensemble->config;
  if (settings_.ensemble) config_version_ = settings_.ensemble->version;
  adopt(std::make_unique<Database>(parts_.loop.random()));
}

void Server::Body::adopt(std::unique_ptr<Database> database) {
  snapshotter_.cancel();  // Its cursor stands in the state that goes.
  preparer_.reset();
  database_ = std::move(database);
  database_->set_extended_types(settings_.extended_types);
  // Each server puts its own there, also over that of a leader who sent the state (ZOOKEEPER-2819).
  if (!committed_config_.empty()) set_config();
  preparer_ = std::make_unique<Preparer>(
      *database_, sessions_, gate_,
      PrepareRules{settings_.id, settings_.digest_enabled, settings_.enforce_quota, settings_.reconfig_enabled,
                   settings_.frame_bytes_max},
      stats_.batches, namespaces_);
}

void Server::Body::set_config() {
  database_->set_config(committed_config_, config_version_, parts_.loop.wall_ms());
  on_written(paths::kConfig, committed_config_.size());
}

void Server::Body::replace(std::unique_ptr<Database> database) {
  adopt(std::move(database));
  clients_.close_all();
}

// --- beginning and end ----------------------------------------------------------------------------

void Server::Body::start(Done<void> serving) {
  serving_ = std::move(serving);
  if (auto run = run_services(); !run)
    return parts_.loop.post([this, run] { std::exchange(serving_, nullptr)(run); });
  recovery_ = std::make_unique<Recovery>(
      parts_.store, parts_.loop, parts_.log,
      Recovery::Rules{settings_.extended_types, settings_.digest_enabled},
      [this](Result<Recovered> recovered) { on_recovered(std::move(recovered)); });
  store_events_ = std::make_unique<StoreEvents>(*this);
  recovery_->start(*store_events_);
}

Result<void> Server::Body::run_services() {
  for (auto* service : parts_.services)
    if (auto runs = service->run(*this, *parts_.service_transport); !runs) return runs;
  return {};
}

void Server::Body::count_load(const Recovered& recovered) {
  const auto ms = [](MonoTime time) { return std::chrono::duration_cast<Millis>(time).count(); };
  stats_.snapshot_load_ms.record(ms(recovered.snapshot_took));
  stats_.log_load_ms.record(ms(recovered.log_took));
  stats_.log_entries_loaded.record(recovered.entries);
  stats_.load_ms.record(ms(recovered.snapshot_took + recovered.log_took));
}

void Server::Body::on_recovered(Result<Recovered> recovered) {
  if (!recovered) return std::exchange(serving_, nullptr)(recovered.error());
  opened_ = recovered->opened;
  count_load(*recovered);
  if (opened_.snapshot) stats_.last_snapshot.zxid = opened_.snapshot->zxid;
  adopt(std::move(recovered->database));
  parts_.log.info("recovered " + std::to_string(database_->tree().node_count()) +
                  " znodes and " + std::to_string(database_->sessions().size()) +
                  " sessions at 0x" + to_hex(last_applied().value) + " (" +
                  std::to_string(recovered->entries) + " transactions replayed)");
  if (!opened_.fresh) return run_broadcast();
  // A Java server refuses logs that have no snapshot before them.
  snapshotter_.start(database_->snapshot(), [this] { run_broadcast(); });
  if (!snapshotter_.running()) run_broadcast();
}

void Server::Body::run_broadcast() {
  if (opened_.fresh)
    if (const auto first = parts_.store.open_snapshot()) opened_.snapshot = (*first)->info();
  broadcast_runs_ = true;
  auto& log = settings_.stages ? static_cast<LogStore&>(timed_store_) : parts_.store;
  parts_.broadcast.run({settings_.id, *this, log, opened_, parts_.election,
                        parts_.election_transport, parts_.quorum, *this});
}

void Server::Body::on_role(ServingRole role, Doubt doubt) {
  if (leads()) resign();
  clients_.set_role(role, doubt);
  timeline_.set_role(role);
  if (role == ServingRole::none) return parts_.log.info("no leader: clients wait");
  parts_.log.info("now serving as " + std::string(name_of(role)));
  if (leads()) lead();
  clients_.revalidate_sessions();
  purger_.start();
  listen();
}

/// Each session has its full time, whatever part of it had passed while nobody led.
void Server::Body::lead() {
  for (const auto& [session, timeout] : database_->sessions()) sessions_.track(session, timeout);
  expiry_timer_ = parts_.loop.timer([this] { expire_sessions(); });
  expiry_timer_->arm(sessions_.until_next());
  reaper_timer_ = parts_.loop.timer([this] { reap(); });
  reaper_timer_->arm(Millis(settings_.container_check_ms));
  if (role() == ServingRole::leader) {
    inspection_.leading_since = parts_.loop.now();
    leader_metrics_ = add_leader_metrics(parts_.metrics, inspection_);
  }
  for (const auto session : database_->dead_owners()) ask(session, Op::close_session, {});
}

void Server::Body::resign() {
  expiry_timer_.reset();
  reaper_timer_.reset();
  leader_metrics_.clear();
  sessions_.forget_all();
}

/// Begins to serve, if it does not yet.
void Server::Body::listen() {
  if (!listeners_.empty()) return;
  for (const auto& address : parts_.addresses) {
    ListenSpec spec;
    spec.host = address.host;
    spec.port = address.port;
    spec.backlog = settings_.listen_backlog;
    spec.framing = Clients::first_framing(parts_.commands);
    auto listener = address.transport->listen(spec, clients_);
    if (!listener) {
      listeners_.clear();
      return std::exchange(serving_, nullptr)(listener.error());
    }
    listeners_.emplace_back(address.role, std::move(*listener));
  }
  if (serving_) std::exchange(serving_, nullptr)({});
}

void Server::Body::stop(std::function<void()> stopped) {
  listeners_.clear();
  expiry_timer_.reset();
  reaper_timer_.reset();
  clients_.close_all();
  snapshotter_.stop();
  purger_.stop();
  parts_.loop.post(std::move(stopped));
}

std::vector<std::pair<std::string, std::string>> Server::Body::addresses() const {
  std::vector<std::pair<std::string, std::string>> all;
  for (const auto& [role, listener] : listeners_) {
    const auto host = listener->host();
    const bool v6 = host.find(':') != std::string::npos;
    all.emplace_back(role, (v6 ? "[" + host + "]" : host) + ":" + std::to_string(listener->port()));
  }
  return all;
}

std::size_t Server::Body::handshakes() const {
  std::size_t all = 0;
  for (const auto& [role, listener] : listeners_) all += listener->opening();
  return all;
}

void Server::Body::on_fatal(const Error& error) {
  clients_.set_role(ServingRole::none, Doubt::resolved);
  if (serving_) return std::exchange(serving_, nullptr)(error);
  if (fatal_handler_) std::exchange(fatal_handler_, nullptr)(error);
}

void Server::Body::on_space(bool low, std::uint64_t free_bytes) {
  if (low) purger_.hurry();
  const auto before = clients_.log_room();
  const auto room = !low ? LogRoom::ample : free_bytes > 0 ? LogRoom::low : LogRoom::none;
  clients_.set_log_room(room);
  const auto left = std::to_string(free_bytes >> 20) + " MiB";
  if (room == LogRoom::ample)
    parts_.log.info("writes are accepted again: the log's disk has " + left + " left");
  else if (before == LogRoom::ample)
    parts_.log.error("writes are refused until the log's disk has more room (" + left +
                     " are left); reads go on, and sessions may end");
}

// --- transactions ---------------------------------------------------------------------------------

LogEntry Server::Body::prepare(const Request& request, Zxid zxid, std::int64_t wall_ms) {
  const bool timed = settings_.stages && static_cast<Op>(request.op) == Op::close_session;
  if (settings_.stages && !timeline_.preparing()) begin_preparing();
  const auto begun = timed ? parts_.loop.now() : MonoTime();
  auto entry = preparer_->prepare(request, zxid, wall_ms);
  if (timed) stats_.batches.close_session_us.record(micros(parts_.loop.now() - begun));
  stats_.batches.prepared.add();
  stats_.proposals.record(static_cast<std::int32_t>(entry.payload.size()));
  if (role() == ServingRole::leader) stats_.proposals_made.add();
  return entry;
}

void Server::Body::apply(std::span<const LogEntry> entries) {
  clients_.begin_batch(log_event_ ? *log_event_ : parts_.loop.now());
  batch_wall_ms_ = parts_.loop.wall_ms();
  stats_.apply_batch.record(static_cast<std::int64_t>(entries.size()));
  if (role() == ServingRole::leader) stats_.commits_made.add(static_cast<std::int64_t>(entries.size()));
  const auto begun = settings_.stages ? parts_.loop.now() : MonoTime();
  if (settings_.stages) count_waiting();
  for (const auto& entry : entries) apply_one(entry);
  if (snapshotter_.due(parts_.store.sizes())) take_snapshot();
  const auto applied = clients_.flush();
  if (settings_.stages) count_applied(static_cast<std::int64_t>(entries.size()), applied - begun);
}

void Server::Body::begin_preparing() {
  const auto now = parts_.loop.now();
  timeline_.on_prepare(now);
  clients_.note_preparing(now);
}

void Server::Body::apply_one(const LogEntry& entry) {
  if (settings_.stages) timeline_.on_applying(entry.zxid);
  const auto before = database_->tree().digest();
  const auto& applied = database_->apply(entry, this, DigestCheck::compare);
  VIVARIUM_ASSERT(!applied.malformed, "a committed transaction cannot be decoded");
  note_digest(applied, entry.zxid);
  if (settings_.stages) note_propagated(applied.header.time);
  if (settings_.digest_enabled) stats_.digests.record(entry.zxid, database_->tree().digest());
  if (applied.outcome.type == Op::close_session) sessions_.remove({applied.header.client_id});
  auto& pending = preparer_->pending();
  if (!pending.empty()) pending.settle(entry.zxid, before, database_->tree().digest());
  clients_.on_applied(applied);
}

void Server::Body::count_waiting() {
  const auto& waiting = clients_.outstanding();
  auto& stats = stats_.batches;
  stats.waiting_reads.record(waiting.requests - waiting.writes);
  stats.waiting_writes.record(waiting.writes);
  stats.waiting_sessions.record(waiting.sessions);
}

void Server::Body::count_applied(std::int64_t entries, MonoTime took) {
  record_propagated();
  auto& stats = stats_.batches;
  const auto us = micros(took);
  if (role() != ServingRole::standalone) stats.committed.add(entries);
  stats.apply_us.record(us);
  stats.transaction_us.record(us / entries, entries);
  if (const auto foreign = entries - clients_.take_own_applied(); foreign > 0)
    stats.foreign_us.record(us, foreign);
}

/// Most transactions of a batch were made in the same millisecond or two, and count at once.
void Server::Body::note_propagated(std::int64_t made_ms) {
  if (made_ms != propagated_made_ms_) record_propagated();
  propagated_made_ms_ = made_ms;
  ++propagated_;
}

void Server::Body::record_propagated() {
  const auto alike = std::exchange(propagated_, 0);
  if (alike == 0) return;
  const auto ms = std::max<std::int64_t>(batch_wall_ms_ - propagated_made_ms_, 0);
  stats_.propagated_ms.record(ms, alike);
  if (learns(role())) stats_.batches.committed_ms.record(ms, alike);
}

void Server::Body::note_digest(const AppliedEntry& applied, Zxid zxid) {
  if (!applied.digest_differs) return;
  stats_.digest_mismatches.add();
  if (!std::exchange(digest_warned_, true))
    parts_.log.error("the tree's digest differs from the leader's at 0x" + to_hex(zxid.value));
}

std::unique_ptr<SnapshotCursor> Server::Body::snapshot() {
  // The tree is walked once at a time, and a peer that waits comes first.
  snapshotter_.cancel();
  return database_->snapshot();
}

void Server::Body::take_snapshot() {
  if (!snapshotter_.running() && !database_->tree().walking())
    snapshotter_.start(database_->snapshot());
}

void Server::Body::count_told(Summary& summary, std::size_t told) {
  if (told > 0) summary.record(static_cast<std::int64_t>(told));
}

std::unique_ptr<SnapshotLoader> Server::Body::load() {
  return std::make_unique<Loader>(*this, parts_.loop.random());
}

void Server::Body::reload(Done<void> done) {
  recovery_ = std::make_unique<Recovery>(
      parts_.store, parts_.loop, parts_.log,
      Recovery::Rules{settings_.extended_types, settings_.digest_enabled},
      [this, done = std::move(done)](Result<Recovered> recovered) {
        if (!recovered) return done(recovered.error());
        count_load(*recovered);
        replace(std::move(recovered->database));
        done({});
      });
  recovery_->start_again();
}

void Server::Body::on_written(std::string_view path, std::size_t bytes) {
  if (settings_.stages) namespaces_.note_write(path, bytes);
}

void Server::Body::on_created(std::string_view path, Zxid zxid, AclNumber acl,
                              AclNumber parent_acl) {
  count_told(stats_.created_watches, watches_.trigger_created(path, zxid, acl));
  children_changed(path, zxid, parent_acl);
}

void Server::Body::on_deleted(std::string_view path, Zxid zxid, AclNumber acl,
                              AclNumber parent_acl) {
  count_told(stats_.deleted_watches, watches_.trigger_deleted(path, zxid, acl));
  children_changed(path, zxid, parent_acl);
}

void Server::Body::on_data_changed(std::string_view path, Zxid zxid, AclNumber acl) {
  count_told(stats_.changed_watches, watches_.trigger_data_changed(path, zxid, acl));
}

void Server::Body::children_changed(std::string_view child, Zxid zxid, AclNumber acl) {
  count_told(stats_.children_watches,
             watches_.trigger_children_changed(paths::parent(child), zxid, acl));
}

// --- sessions and what expires --------------------------------------------------------------------

void Server::Body::touch(SessionId session, std::int32_t timeout_ms, ServerId) {
  sessions_.touch(session, timeout_ms);
}

bool Server::Body::revalidate(SessionId session, std::int32_t timeout_ms, ServerId owner,
                              Claim claim) {
  if (claim == Claim::kept && sessions_.owner(session).value_or(owner) != owner) return false;
  if (!sessions_.touch(session, timeout_ms)) return false;
  sessions_.set_owner(session, owner);
  return true;
}

void Server::Body::ask(SessionId session, Op op, std::string_view body) {
  const Request request{session, 0, static_cast<std::int32_t>(op), body, {}, {}, false,
                        settings_.id};
  parts_.broadcast.submit(std::span(&request, 1));
}

void Server::Body::expire_sessions() {
  if (!leads()) return;
  for (const auto session : sessions_.expire()) {
    stats_.sessions_expired.add();
    ask(session, Op::close_session, {});
  }
  expiry_timer_->arm(sessions_.until_next());
}

std::vector<std::string> Server::Body::reapable() const {
  const auto now = parts_.loop.wall_ms();
  const auto& tree = database_->tree();
  std::vector<std::string> paths;
  for (const auto& path : database_->containers()) {
    const auto* node = tree.find(path);
    const bool never_used = node->cversion() == 0;
    const bool stale = settings_.container_never_used_ms > 0 &&
                       now - node->mtime > settings_.container_never_used_ms;
    if (node->child_count() == 0 && (!never_used || stale)) paths.push_back(path);
  }
  for (const auto& path : database_->ttl_nodes()) {
    const auto* node = tree.find(path);
    const auto ttl = ttl_of(node->owner(), settings_.extended_types);
    if (node->child_count() == 0 && ttl && now - node->mtime > *ttl) paths.push_back(path);
  }
  return paths;
}

void Server::Body::reap() {
  if (!leads()) return;
  auto paths = clients_.log_room() == LogRoom::ample ? reapable() : std::vector<std::string>();
  const auto most = std::max<std::int64_t>(
      1, settings_.container_max_per_minute * settings_.container_check_ms / 60000);
  if (std::cmp_greater(paths.size(), most)) paths.resize(static_cast<std::size_t>(most));
  for (const auto& path : paths)
    ask({0}, Op::delete_container, to_jute(records::PathRequest{path}));
  reaper_timer_->arm(Millis(settings_.container_check_ms));
}

void Server::Body::activate_config(std::string_view text, Zxid zxid) {
  committed_config_ = text;
  config_version_ = zxid;
  set_config();
}

// --- the view -------------------------------------------------------------------------------------

std::optional<NodeView> Server::Body::node(std::string_view path, const Viewer& viewer,
                                           const NodeWindow& window) const {
  const auto* node = database_->tree().find(path);
  const auto reader = clients_.reader();
  const auto subject = subject_of(viewer);
  if (!node || !reader.readable(Operation::get_data, path, node->acl, subject)) return {};
  NodeView view;
  view.stat = database_->stat_of(*node);
  view.data = node->data().value_or("").substr(0, window.data_bytes_max);
  view.lists_children = reader.readable(Operation::get_children, path, node->acl, subject);
  if (view.lists_children) list_children(path, *node, subject, window, view);
  return view;
}

void Server::Body::list_children(std::string_view path, const Znode& node, const Subject& viewer,
                                 const NodeWindow& window, NodeView& view) const {
  // One more than is wanted tells whether there are more.
  const auto wanted = std::min(window.children_max, NodeWindow::kAll - 1);
  const auto children = database_->tree().children(node, window.children_after, wanted + 1);
  const auto reader = clients_.reader();
  std::string below(path == "/" ? "" : path);
  below += '/';
  std::size_t name_bytes = 0;
  for (const auto* child : children) {
    const auto name = child->name();
    name_bytes += name.size();
    const bool fits = view.children.empty() || name_bytes <= window.name_bytes_max;
    if (view.children.size() == wanted || !fits) return void(view.more_children = true);
    const auto child_path = below + std::string(name);
    auto& shown = view.children.emplace_back(ChildView{std::string(name), {}});
    if (reader.readable(Operation::get_data, child_path, child->acl, viewer))
      shown.num_children = child->child_count();
  }
}

std::optional<std::vector<AclEntryView>> Server::Body::acl(std::string_view path,
                                                           const Viewer& viewer) const {
  const auto* node = database_->tree().find(path);
  if (!node) return {};
  return clients_.reader().acl_of(path, *node, subject_of(viewer));
}

// --- the handle -----------------------------------------------------------------------------------

Server::Server(ServerSettings settings, ServerParts parts)
    : body_(std::make_unique<Body>(std::move(settings), std::move(parts))) {}
Server::~Server() = default;
void Server::start(Done<void> serving) { body_->start(std::move(serving)); }
void Server::stop(std::function<void()> stopped) { body_->stop(std::move(stopped)); }
void Server::on_fatal(std::function<void(const Error&)> handler) {
  body_->on_fatal(std::move(handler));
}
std::vector<std::pair<std::string, std::string>> Server::addresses() const {
  return body_->addresses();
}
StateMachine& Server::state() { return *body_; }
const ServerView& Server::view() const { return *body_; }

}  // namespace vivarium
