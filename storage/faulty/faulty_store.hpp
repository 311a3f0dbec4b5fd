#pragma once
// A LogStore that wraps another one, and fails, delays or corrupts on command (faults.hpp).
//
// Without an order it passes everything through unchanged. What it does to the inner store's
// outcomes keeps the contract of a store: they stay in order, a failure is the last event, and a
// corruption changes bytes and nothing else. Chance comes from the loop, so a run can be repeated.
//
// A failed append, truncation, commit or epoch write never reaches the inner store; a failed
// `durable` has happened in it, and a restart may find the entries.

#include "faults.hpp"
#include "outcome_queue.hpp"

#include <vivarium/commands.hpp>
#include <vivarium/log_store.hpp>
#include <vivarium/options.hpp>

#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace vivarium {

inline constexpr OptionSpec kFaultyOptions[] = {
    {"inner", OptionType::text, "", 0, -1, "", "The storage that is wrapped.", false, false, false},
    {"faults", OptionType::text, "", 0, -1, "",
     "What goes wrong, such as \"fail append 3, delay durable 20ms..80ms, corrupt read, low\".",
     false, false, true},
};

class FaultyStore final : public LogStore, private LogStoreEvents {
 public:
  explicit FaultyStore(PluginHost& host);
  ~FaultyStore() override;

  Result<void> start() override { return inner_->start(); }
  Result<void> reload() override;
  void stop() override;

  bool durable() const override { return inner_->durable(); }
  void open(LogStoreEvents& events, Done<OpenedLog> done) override;
  void append(std::span<const LogEntry> entries) override;
  void read(Zxid after, std::size_t bytes_max, Done<LogSlice> done) override;
  Zxid first_contiguous() const override { return inner_->first_contiguous(); }
  void truncate_after(Zxid zxid, Done<void> done) override;
  Result<std::unique_ptr<SnapshotSink>> begin_snapshot(Zxid zxid) override;
  Result<std::unique_ptr<SnapshotSink>> install_snapshot(Zxid zxid) override;
  Result<std::unique_ptr<SnapshotSource>> open_snapshot() override;
  void purge(unsigned snapshots_kept, Done<PurgeReport> done) override;
  void set_epoch(EpochKind kind, Epoch epoch, Done<void> done) override;
  Sizes sizes() const override { return inner_->sizes(); }

 private:
  friend class FaultySink;
  friend class FaultySource;

  // LogStoreEvents of the inner store
  void on_sync(const LogSync& sync) override;
  void on_durable(Zxid zxid) override;
  void on_failed(const Error& error) override;
  void on_space(bool low, std::uint64_t free_bytes) override;

  Result<void> take_over(const std::string& script);
  Value command(const Value::Fields& arguments);
  Value orders() const;
  bool strikes(FaultAction action, FaultStep step);
  /// Whether the call is to be swallowed: the store has ended, or ends with this step.
  bool ends_at(FaultStep step);
  void fail(FaultStep step);
  void end(const Error& error);
  void tell_space();
  void deliver(FaultStep step, Task outcome);
  template <class T>
  Done<T> delivered(FaultStep step, Done<T> done);
  Result<std::unique_ptr<SnapshotSink>> wrap(Result<std::unique_ptr<SnapshotSink>> sink,
                                             FaultStep commit);
  SharedBytes flipped(const SharedBytes& bytes);

  PluginHost& host_;
  Loop& loop_;
  std::unique_ptr<LogStore> inner_;
  LogStoreEvents* events_ = nullptr;
  std::string script_;  ///< As the option has it.
  Faults faults_;
  OutcomeQueue outcomes_;
  Task tell_sync_;  ///< What is told with the next on_durable.
  bool ended_ = false;  ///< Stopped, failed, or about to say that it has failed.
  bool space_low_ = false;
  std::uint64_t free_bytes_ = 1;
  /// Low, and with nothing free: what was told last.
  std::pair<bool, bool> space_told_;
  std::unique_ptr<CommandHandle> command_;
  /// Posted tasks, sinks and sources hold it weakly, so that none calls back after stop().
  std::shared_ptr<void> alive_ = std::make_shared<int>();
};

template <class T>
Done<T> FaultyStore::delivered(FaultStep step, Done<T> done) {
  return [this, step, done = std::move(done)](Result<T> outcome) {
    deliver(step, [done, outcome = std::move(outcome)] { done(outcome); });
  };
}

}  // namespace vivarium
