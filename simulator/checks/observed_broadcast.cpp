#include "simulator/checks/observed_broadcast.hpp"

#include "simulator/machine_loop.hpp"

#include <utility>

namespace vivarium::simulator {
namespace {

constexpr std::size_t kPieceBytes = 256u << 10;

ServerWatcher& watcher_of(PluginHost& host) {
  auto* watcher = machine_loop(host).watcher();
  if (!watcher) throw std::runtime_error("nobody looks on at this machine");
  return *watcher;
}

std::unique_ptr<Broadcast> inner_of(PluginHost& host) {
  auto plugin = host.take_inner();
  auto* broadcast = dynamic_cast<Broadcast*>(plugin.get());
  if (!broadcast) throw std::runtime_error("`inner` names no broadcast");
  (void)plugin.release();
  return std::unique_ptr<Broadcast>(broadcast);
}

}  // namespace

class ObservedBroadcast::LogEvents final : public LogStoreEvents {
 public:
  LogEvents(ServerWatcher& watcher, LogStoreEvents& to) : watcher_(watcher), to_(to) {}
  void on_durable(Zxid zxid) override {
    watcher_.on_durable(zxid);
    to_.on_durable(zxid);
  }
  void on_failed(const Error& error) override {
    first_act_ ? first_act_->on_fatal(error) : to_.on_failed(error);
  }
  void on_space(bool low, std::uint64_t free_bytes) override { to_.on_space(low, free_bytes); }
  /// Who hears of a failure before the inner one runs; nullptr from then on.
  void set_first_act(BroadcastEvents* events) { first_act_ = events; }

 private:
  ServerWatcher& watcher_;
  LogStoreEvents& to_;
  BroadcastEvents* first_act_ = nullptr;
};

class ObservedBroadcast::State final : public StateMachine {
 public:
  State(ServerWatcher& watcher, StateMachine& to) : watcher_(watcher), to_(to) {}

  LogEntry prepare(const Request& request, Zxid zxid, std::int64_t wall_ms) override {
    auto entry = to_.prepare(request, zxid, wall_ms);
    watcher_.on_prepared(entry, to_.last_applied());
    return entry;
  }
  void discard_pending() override { to_.discard_pending(); }
  void apply(std::span<const LogEntry> entries) override {
    const auto before = to_.last_applied();
    to_.apply(entries);
    watcher_.on_applied(entries, before, to_.last_applied(), to_.digest());
  }
  Zxid last_applied() const override { return to_.last_applied(); }
  std::uint64_t digest() const override { return to_.digest(); }
  std::unique_ptr<SnapshotCursor> snapshot() override { return to_.snapshot(); }
  std::unique_ptr<SnapshotLoader> load() override {
    return std::make_unique<Loader>(*this, to_.load());
  }
  void reload(Done<void> done) override {
    to_.reload([this, done = std::move(done)](Result<void> reloaded) {
      if (reloaded) replaced();
      done(reloaded);
    });
  }
  void touch(SessionId session, std::int32_t timeout_ms, ServerId owner) override {
    to_.touch(session, timeout_ms, owner);
  }
  bool revalidate(SessionId session, std::int32_t timeout_ms, ServerId owner,
                  Claim claim) override {
    return to_.revalidate(session, timeout_ms, owner, claim);
  }
  std::optional<ServerId> owner(SessionId session) const override { return to_.owner(session); }
  bool closing(SessionId session) const override { return to_.closing(session); }
  std::string committed_config() const override { return to_.committed_config(); }
  std::string last_seen_config() const override { return to_.last_seen_config(); }
  void activate_config(std::string_view text, Zxid zxid) override {
    to_.activate_config(text, zxid);
  }

 private:
  class Loader final : public SnapshotLoader {
   public:
    Loader(State& state, std::unique_ptr<SnapshotLoader> to) : state_(state), to_(std::move(to)) {}
    Result<std::size_t> feed(std::string_view piece) override { return to_->feed(piece); }
    bool complete() const override { return to_->complete(); }
    Result<void> finish(Zxid zxid) override {
      auto finished = to_->finish(zxid);
      if (finished) state_.replaced();
      return finished;
    }

   private:
    State& state_;
    std::unique_ptr<SnapshotLoader> to_;
  };

  void replaced() { watcher_.on_replaced(to_.last_applied(), to_.digest()); }

  ServerWatcher& watcher_;
  StateMachine& to_;
};

class ObservedBroadcast::Log final : public LogStore {
 public:
  Log(ServerWatcher& watcher, LogStore& to) : watcher_(watcher), to_(to) {}

  bool durable() const override { return to_.durable(); }
  void open(LogStoreEvents& events, Done<OpenedLog> done) override {
    to_.open(events, std::move(done));
  }
  void append(std::span<const LogEntry> entries) override {
    watcher_.on_append(entries);
    to_.append(entries);
  }
  void read(Zxid after, std::size_t bytes_max, Done<LogSlice> done) override {
    to_.read(after, bytes_max, std::move(done));
  }
  Zxid first_contiguous() const override { return to_.first_contiguous(); }
  void truncate_after(Zxid zxid, Done<void> done) override {
    watcher_.on_truncate(zxid);
    to_.truncate_after(zxid, [this, zxid, done = std::move(done)](Result<void> truncated) {
      if (truncated) watcher_.on_truncated(zxid);
      done(truncated);
    });
  }
  Result<std::unique_ptr<SnapshotSink>> begin_snapshot(Zxid zxid) override {
    return to_.begin_snapshot(zxid);
  }
  Result<std::unique_ptr<SnapshotSink>> install_snapshot(Zxid zxid) override {
    auto sink = to_.install_snapshot(zxid);
    if (!sink) return sink;
    return std::unique_ptr<SnapshotSink>(std::make_unique<Sink>(watcher_, zxid, std::move(*sink)));
  }
  Result<std::unique_ptr<SnapshotSource>> open_snapshot() override { return to_.open_snapshot(); }
  void purge(unsigned snapshots_kept, Done<PurgeReport> done) override {
    to_.purge(snapshots_kept, std::move(done));
  }
  void set_epoch(EpochKind kind, Epoch epoch, Done<void> done) override {
    watcher_.on_set_epoch(kind, epoch);
    to_.set_epoch(kind, epoch, [this, kind, epoch, done = std::move(done)](Result<void> set) {
      if (set) watcher_.on_epoch_set(kind, epoch);
      done(set);
    });
  }
  Sizes sizes() const override { return to_.sizes(); }

 private:
  class Sink final : public SnapshotSink {
   public:
    Sink(ServerWatcher& watcher, Zxid zxid, std::unique_ptr<SnapshotSink> to)
        : watcher_(watcher), zxid_(zxid), to_(std::move(to)) {}
    void write(SharedBytes piece) override { to_->write(std::move(piece)); }
    std::size_t queued_bytes() const override { return to_->queued_bytes(); }
    void on_drained(std::function<void()> callback) override {
      to_->on_drained(std::move(callback));
    }
    void commit(std::optional<std::uint64_t> digest, Done<SnapshotInfo> done) override {
      watcher_.on_install(zxid_);
      to_->commit(digest, [&watcher = watcher_, zxid = zxid_,
                           done = std::move(done)](Result<SnapshotInfo> installed) {
        if (installed) watcher.on_installed(zxid);
        done(std::move(installed));
      });
    }

   private:
    ServerWatcher& watcher_;
    Zxid zxid_;
    std::unique_ptr<SnapshotSink> to_;
  };

  ServerWatcher& watcher_;
  LogStore& to_;
};

class ObservedBroadcast::Events final : public BroadcastEvents {
 public:
  Events(ServerWatcher& watcher, BroadcastEvents& to) : watcher_(watcher), to_(to) {}
  void on_role(ServingRole role, Doubt doubt) override {
    watcher_.on_role(role);
    to_.on_role(role, doubt);
  }
  void on_synced(SessionId session, std::int32_t cxid) override { to_.on_synced(session, cxid); }
  void on_fatal(const Error& error) override { to_.on_fatal(error); }
  void on_space(bool low, std::uint64_t free_bytes) override { to_.on_space(low, free_bytes); }

 private:
  ServerWatcher& watcher_;
  BroadcastEvents& to_;
};

class ObservedBroadcast::Elections final : public Election {
 public:
  Elections(ServerWatcher& watcher, Election& to) : watcher_(watcher), to_(to) {}
  void run(const ElectionParts& parts) override { to_.run(parts); }
  void look(const Candidacy& candidacy) override {
    watcher_.on_look(candidacy);
    to_.look(candidacy);
  }
  void settle(Role role, ServerId leader, Epoch epoch) override {
    watcher_.on_settle(role, leader, epoch);
    to_.settle(role, leader, epoch);
  }

 private:
  ServerWatcher& watcher_;
  Election& to_;
};

ObservedBroadcast::ObservedBroadcast(PluginHost& host)
    : watcher_(watcher_of(host)),
      snapshots_at_start_(host.options().boolean("snapshots_at_start")),
      inner_(inner_of(host)) {}

ObservedBroadcast::~ObservedBroadcast() { inner_.reset(); }

LogStoreEvents& ObservedBroadcast::log_events() {
  if (!log_events_) log_events_ = std::make_unique<LogEvents>(watcher_, inner_->log_events());
  return *log_events_;
}

void ObservedBroadcast::run(const BroadcastParts& parts) {
  watcher_.on_run(parts.opened, parts.state.last_applied(), parts.state.digest());
  if (!snapshots_at_start_ || parts.opened.last_durable == Zxid{}) return run_inner(parts);
  log_events_->set_first_act(&parts.events);
  write_snapshot(parts, [this, parts] {
    log_events_->set_first_act(nullptr);
    run_inner(parts);
  });
}

/// One that fails leaves things as they were.
void ObservedBroadcast::write_snapshot(const BroadcastParts& parts, std::function<void()> then) {
  auto cursor = parts.state.snapshot();
  auto begun = parts.log.begin_snapshot(cursor->zxid());
  if (!begun) return then();
  std::shared_ptr<SnapshotSink> sink = std::move(*begun);
  for (auto piece = cursor->next(kPieceBytes); !piece.empty(); piece = cursor->next(kPieceBytes))
    sink->write(std::move(piece));
  sink->commit(cursor->digest(),
               [sink, alive = std::weak_ptr(alive_), then = std::move(then)](const auto&) {
                 if (!alive.expired()) then();
               });
}

void ObservedBroadcast::run_inner(const BroadcastParts& parts) {
  state_ = std::make_unique<State>(watcher_, parts.state);
  log_ = std::make_unique<Log>(watcher_, parts.log);
  events_ = std::make_unique<Events>(watcher_, parts.events);
  if (parts.election) election_ = std::make_unique<Elections>(watcher_, *parts.election);
  inner_->run({parts.self, *state_, *log_, parts.opened, election_.get(), parts.election_transport,
               parts.quorum, *events_});
}

}  // namespace vivarium::simulator
