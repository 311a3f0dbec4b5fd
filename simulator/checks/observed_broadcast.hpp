#pragma once
// The broadcast `observed`: a decorator that hands every call on, in both directions, and tells the
// machine's ServerWatcher of it.
//
//     vivarium.broadcast=observed
//     vivarium.broadcast.observed.inner=zab
//
// With `snapshots_at_start`, the server's first act is to write a snapshot of what it has loaded, with all
// that is in its log, committed or not. A Java server does that, and may have left its directory so.

#include "simulator/checks/server_watcher.hpp"

#include <vivarium/broadcast.hpp>
#include <vivarium/options.hpp>
#include <vivarium/plugin.hpp>

#include <functional>
#include <memory>
#include <optional>

namespace vivarium::simulator {

inline constexpr OptionSpec kObservedOptions[] = {
    {"inner", OptionType::text, "", 0, -1, "", "the broadcast that is looked at", true, false, false},
    {"snapshots_at_start", OptionType::boolean, "false", 0, -1, "",
     "whether what was loaded is written as a snapshot first", false, false, false},
};

class ObservedBroadcast final : public Broadcast {
 public:
  explicit ObservedBroadcast(PluginHost& host);
  ~ObservedBroadcast() override;

  Result<void> start() override { return inner_->start(); }
  Result<void> reload() override { return inner_->reload(); }
  void stop() override { inner_->stop(); }

  LogStoreEvents& log_events() override;
  void run(const BroadcastParts& parts) override;
  void submit(std::span<const Request> requests) override { inner_->submit(requests); }
  void withdraw(SessionId session) override { inner_->withdraw(session); }
  void sync(SessionId session, std::int32_t cxid) override { inner_->sync(session, cxid); }
  void revalidate(SessionId session, std::int32_t timeout_ms, Claim claim,
                  Done<bool> done) override {
    inner_->revalidate(session, timeout_ms, claim, std::move(done));
  }
  void touch(SessionId session, std::int32_t timeout_ms) override {
    inner_->touch(session, timeout_ms);
  }
  MonoTime confirmed() const override { return inner_->confirmed(); }
  std::vector<PeerStatus> peers() const override { return inner_->peers(); }

 private:
  class LogEvents;
  class State;
  class Log;
  class Events;
  class Elections;

  void run_inner(const BroadcastParts& parts);
  void write_snapshot(const BroadcastParts& parts, std::function<void()> then);

  ServerWatcher& watcher_;
  const bool snapshots_at_start_;
  std::unique_ptr<Broadcast> inner_;
  // What the inner one borrows outlives it.
  std::unique_ptr<LogEvents> log_events_;
  std::unique_ptr<State> state_;
  std::unique_ptr<Log> log_;
  std::unique_ptr<Events> events_;
  std::unique_ptr<Elections> election_;
  std::shared_ptr<char> alive_ = std::make_shared<char>();
};

}  // namespace vivarium::simulator
