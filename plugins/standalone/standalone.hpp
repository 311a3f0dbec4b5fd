#pragma once
// The broadcast of a server that is alone: what is durable in its own log is committed.
//
// Writes are prepared as they come and appended together; while a sync is under way the next ones
// collect behind it. A `sync` is an element of the same order.
//
// Where the counter of the zxids ends, an epoch begins as under a new leader: both epochs are durable
// before its first transaction, and what has come meanwhile is held. ZooKeeper's server counts on, into an
// epoch that nobody has entered; the ensemble that gets these data one day would stumble over it.

#include <vivarium/broadcast.hpp>
#include <vivarium/log.hpp>

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace vivarium {

class Standalone final : public Broadcast, private LogStoreEvents {
 public:
  explicit Standalone(PluginHost& host) : loop_(host.loop()), log_(host.log()) {}

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
  /// A sync that waits for everything submitted before it.
  struct Sync {
    Zxid after;
    SessionId session;
    std::int32_t cxid;
  };
  /// A request that owns what it views.
  struct Write {
    explicit Write(const Request& request);
    Request view() const;

    Request request;
    std::string body, client_address;
    std::vector<Identity> identities;
  };

  void on_durable(Zxid zxid) override;
  void on_failed(const Error& error) override;
  void on_space(bool low, std::uint64_t free_bytes) override;
  std::size_t prepare(std::span<const Request> requests);
  void begin_epoch();
  void keep(EpochKind kind, Epoch epoch, std::function<void()> then);
  void go_on(Epoch epoch);
  void answer_syncs();
  /// The first of the uncommitted and those up to `last`, which is where a sync is at most: what was
  /// asked between it and the write behind it sees the state between.
  void commit(Zxid last);
  /// Runs the task from the loop, unless this has stopped by then.
  void post(std::function<void(BroadcastParts&)> task);

  Loop& loop_;
  Log& log_;
  std::optional<BroadcastParts> parts_;
  std::shared_ptr<Standalone*> alive_ = std::make_shared<Standalone*>(this);
  Zxid last_prepared_, last_committed_;
  Epoch accepted_;
  bool beginning_ = false;  ///< An epoch.
  std::deque<std::variant<Write, Sync>> held_;  ///< What has come meanwhile, in order.
  std::deque<LogEntry> uncommitted_;
  std::vector<LogEntry> batch_;
  std::deque<Sync> syncs_;
};

}  // namespace vivarium
