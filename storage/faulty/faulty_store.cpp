#include "faulty_store.hpp"

#include "faulty_snapshot.hpp"

#include <algorithm>
#include <stdexcept>
#include <utility>

#include <vivarium/assert.hpp>
#include <vivarium/log.hpp>

namespace vivarium {
namespace {

std::unique_ptr<LogStore> inner_of(PluginHost& host) {
  auto plugin = host.take_inner();
  auto* store = dynamic_cast<LogStore*>(plugin.get());
  if (!store) throw std::runtime_error("the option inner must name the storage that is wrapped");
  static_cast<void>(plugin.release());
  return std::unique_ptr<LogStore>(store);
}

}  // namespace

FaultyStore::FaultyStore(PluginHost& host)
    : host_(host), loop_(host.loop()), inner_(inner_of(host)), outcomes_(loop_) {
  if (const auto taken = take_over(host.options().text("faults")); !taken)
    throw std::runtime_error(host.options().origin("faults") + ": " + taken.error().what);
  host.log().warn("this storage fails on command: it is for tests");
  CommandSpec spec;
  spec.name = "faults";
  spec.permission = CommandPermission::admin;
  spec.when_not_serving = true;
  spec.help = "The faults of the storage that are still to strike; script=... replaces them.";
  spec.run = [this](const Value::Fields& arguments) { return command(arguments); };
  command_ = host.commands().add(std::move(spec));
}

FaultyStore::~FaultyStore() { stop(); }

void FaultyStore::stop() {
  ended_ = true;
  alive_.reset();
  events_ = nullptr;
  outcomes_.clear();
  command_.reset();
  inner_->stop();
}

// --- the script ----------------------------------------------------------------------------------

Result<void> FaultyStore::take_over(const std::string& script) {
  auto faults = Faults::parse(script);
  if (!faults) return faults.error();
  faults_ = std::move(*faults);
  script_ = script;
  tell_space();
  return {};
}

Result<void> FaultyStore::reload() {
  const std::string script = host_.options().text("faults");
  if (const auto parsed = Faults::parse(script); !parsed) return parsed.error();
  if (const auto reloaded = inner_->reload(); !reloaded) return reloaded;
  // Any other reload leaves the count of steps as it is.
  return script == script_ ? Result<void>() : take_over(script);
}

Value FaultyStore::command(const Value::Fields& arguments) {
  for (const auto& [name, value] : arguments) {
    const auto* script = std::get_if<std::string>(&value.content());
    if (name != "script" || !script) continue;
    if (const auto taken = take_over(*script); !taken)
      return Value::Fields{{"error", taken.error().what}, {"faults", orders()}};
  }
  return Value::Fields{{"error", Value()}, {"faults", orders()}};
}

Value FaultyStore::orders() const {
  Value::List orders;
  for (const FaultOrder& order : faults_.orders()) orders.emplace_back(order.text());
  return orders;
}

bool FaultyStore::strikes(FaultAction action, FaultStep step) {
  if (!faults_.strikes(action, step)) return false;
  host_.log().warn("the script of faults strikes: " + std::string(name_of(action)) + " " +
                   std::string(name_of(step)));
  return true;
}

// --- failing -------------------------------------------------------------------------------------

bool FaultyStore::ends_at(FaultStep step) {
  if (!ended_ && strikes(FaultAction::fail, step)) fail(step);
  return ended_;
}

void FaultyStore::fail(FaultStep step) {
  ended_ = true;
  const Error error(Errc::io_failed,
                    "the storage failed at a step of the kind \"" + std::string(name_of(step)) +
                        "\": so the script of faults wants it");
  loop_.post([this, error, alive = std::weak_ptr<void>(alive_)] {
    if (!alive.expired()) end(error);
  });
}

/// What was delayed is never said: a server that lost its log learns nothing more from it.
void FaultyStore::end(const Error& error) {
  ended_ = true;
  outcomes_.clear();
  inner_->stop();
  events_->on_failed(error);
}

// --- passing on ----------------------------------------------------------------------------------

void FaultyStore::deliver(FaultStep step, Task outcome) {
  if (ended_) return;
  const FaultOrder delay = faults_.delay_of(step);
  const auto spread = static_cast<std::uint64_t>((delay.most - delay.least).count());
  const Micros extra(spread == 0 ? 0 : static_cast<std::int64_t>(loop_.random() % (spread + 1)));
  outcomes_.push(delay.least + extra, std::move(outcome));
}

/// Goes with the on_durable that follows.
void FaultyStore::on_sync(const LogSync& sync) {
  tell_sync_ = [this, told = LogSync(sync), file = std::string(sync.file)]() mutable {
    told.file = file;
    events_->on_sync(told);
  };
}

void FaultyStore::on_durable(Zxid zxid) {
  if (ends_at(FaultStep::durable)) return;
  deliver(FaultStep::durable, [this, zxid, tell_sync = std::exchange(tell_sync_, nullptr)] {
    if (tell_sync) tell_sync();
    events_->on_durable(zxid);
  });
}

void FaultyStore::on_failed(const Error& error) {
  if (!ended_) outcomes_.push(Micros(0), [this, error] { end(error); });
}

void FaultyStore::on_space(bool low, std::uint64_t free_bytes) {
  space_low_ = low;
  free_bytes_ = free_bytes;
  tell_space();
}

void FaultyStore::tell_space() {
  const bool low = space_low_ || faults_.low();
  const std::pair now(low, low && free_bytes_ == 0);
  if (!events_ || ended_ || now == std::exchange(space_told_, now)) return;
  loop_.post([this, low, alive = std::weak_ptr<void>(alive_)] {
    if (alive.expired() || ended_) return;
    events_->on_space(low, free_bytes_);
  });
}

void FaultyStore::open(LogStoreEvents& events, Done<OpenedLog> done) {
  VIVARIUM_ASSERT(!events_, "open is called once");
  events_ = &events;
  const bool fails = strikes(FaultAction::fail, FaultStep::open);
  inner_->open(*this, [this, fails, done = std::move(done)](Result<OpenedLog> opened) {
    if (fails)
      opened = Error(Errc::io_failed,
                     "the storage cannot be opened: so the script of faults wants it");
    deliver(FaultStep::open, [done, opened] { done(opened); });
    tell_space();
  });
}

void FaultyStore::append(std::span<const LogEntry> entries) {
  VIVARIUM_ASSERT(events_ || ended_, "append comes after open");
  if (ended_ || entries.empty() || ends_at(FaultStep::append)) return;
  inner_->append(entries);
}

void FaultyStore::read(Zxid after, std::size_t bytes_max, Done<LogSlice> done) {
  if (ends_at(FaultStep::read)) return;
  inner_->read(after, bytes_max, [this, done = std::move(done)](Result<LogSlice> slice) {
    if (slice && !slice->entries.empty() && strikes(FaultAction::corrupt, FaultStep::read)) {
      auto& entry = slice->entries[loop_.random() % slice->entries.size()];
      entry.payload = flipped(entry.payload);
    }
    deliver(FaultStep::read, [done, slice = std::move(slice)] { done(slice); });
  });
}

/// With one bit changed.
SharedBytes FaultyStore::flipped(const SharedBytes& bytes) {
  std::string changed(bytes.view());
  char& at = changed[loop_.random() % changed.size()];
  at = static_cast<char>(at ^ (1 << loop_.random() % 8));
  return SharedBytes(std::move(changed));
}

void FaultyStore::truncate_after(Zxid zxid, Done<void> done) {
  if (ends_at(FaultStep::truncate)) return;
  inner_->truncate_after(zxid, delivered(FaultStep::truncate, std::move(done)));
}

void FaultyStore::purge(unsigned snapshots_kept, Done<PurgeReport> done) {
  if (ends_at(FaultStep::purge)) return;
  inner_->purge(snapshots_kept, delivered(FaultStep::purge, std::move(done)));
}

void FaultyStore::set_epoch(EpochKind kind, Epoch epoch, Done<void> done) {
  if (ends_at(FaultStep::epoch)) return;
  inner_->set_epoch(kind, epoch, delivered(FaultStep::epoch, std::move(done)));
}

// --- snapshots -----------------------------------------------------------------------------------

Result<std::unique_ptr<SnapshotSink>> FaultyStore::wrap(Result<std::unique_ptr<SnapshotSink>> sink,
                                                        FaultStep commit) {
  if (!sink) return sink;
  return std::unique_ptr<SnapshotSink>(new FaultySink(*this, std::move(*sink), commit));
}

Result<std::unique_ptr<SnapshotSink>> FaultyStore::begin_snapshot(Zxid zxid) {
  if (ended_) return Error(Errc::closed, "the storage has failed or was stopped");
  return wrap(inner_->begin_snapshot(zxid), FaultStep::snapshot);
}

Result<std::unique_ptr<SnapshotSink>> FaultyStore::install_snapshot(Zxid zxid) {
  if (ended_) return Error(Errc::closed, "the storage has failed or was stopped");
  return wrap(inner_->install_snapshot(zxid), FaultStep::install);
}

Result<std::unique_ptr<SnapshotSource>> FaultyStore::open_snapshot() {
  if (ended_) return Error(Errc::closed, "the storage has failed or was stopped");
  auto source = inner_->open_snapshot();
  if (!source) return source;
  return std::unique_ptr<SnapshotSource>(new FaultySource(*this, std::move(*source)));
}

}  // namespace vivarium
