#include "standalone.hpp"

#include <algorithm>
#include <utility>

namespace vivarium {
namespace {

/// As with ZooKeeper's leaders, none has all 32 bits set.
constexpr std::uint32_t kLastCounter = 0xFFFFFFFE;
constexpr Epoch kLastEpoch{0x7FFFFFFF};  // The upper half of a zxid is signed.

}  // namespace

Standalone::Write::Write(const Request& asked)
    : request(asked),
      body(asked.body),
      client_address(asked.client_address),
      identities(asked.identities.begin(), asked.identities.end()) {}

Request Standalone::Write::view() const {
  auto viewed = request;
  viewed.body = body;
  viewed.client_address = client_address;
  viewed.identities = identities;
  return viewed;
}

void Standalone::run(const BroadcastParts& parts) {
  parts_.emplace(parts);
  last_prepared_ = last_committed_ = parts.state.last_applied();
  const auto& epochs = parts.opened.epochs;
  accepted_ = std::max(epochs.accepted.value_or(Epoch{}), epochs.current.value_or(Epoch{}));
  post([](BroadcastParts& lent) { lent.events.on_role(ServingRole::standalone, BroadcastEvents::Doubt::resolved); });
}

void Standalone::stop() {
  alive_.reset();
  parts_.reset();
}

void Standalone::post(std::function<void(BroadcastParts&)> task) {
  loop_.post([alive = std::weak_ptr(alive_), task = std::move(task)] {
    const auto self = alive.lock();
    if (self && (*self)->parts_) task(*(*self)->parts_);
  });
}

void Standalone::submit(std::span<const Request> requests) {
  if (!parts_) return;
  const auto rest = requests.subspan(beginning_ ? 0 : prepare(requests));
  for (const auto& request : rest) held_.emplace_back(Write(request));
  if (!rest.empty() && !beginning_) begin_epoch();
}

/// Gives how many of them there was a zxid for.
std::size_t Standalone::prepare(std::span<const Request> requests) {
  batch_.clear();
  const auto now = loop_.wall_ms();
  for (const auto& request : requests) {
    if (last_prepared_.counter() >= kLastCounter) break;
    last_prepared_ = last_prepared_.next();
    batch_.push_back(parts_->state.prepare(request, last_prepared_, now));
  }
  uncommitted_.insert(uncommitted_.end(), batch_.begin(), batch_.end());
  if (!batch_.empty()) parts_->log.append(batch_);
  return batch_.size();
}

void Standalone::begin_epoch() {
  beginning_ = true;
  const auto last = std::max(accepted_, last_prepared_.epoch());
  if (last >= kLastEpoch)
    return post([](BroadcastParts& parts) {
      parts.events.on_fatal({Errc::out_of_range, "the zxids of the last epoch are used up"});
    });
  const Epoch epoch{last.value + 1};
  log_.info("the zxids of epoch " + std::to_string(last_prepared_.epoch().value) +
            " are used up: epoch " + std::to_string(epoch.value) + " begins");
  keep(EpochKind::accepted, epoch, [this, epoch] {
    keep(EpochKind::current, epoch, [this, epoch] { go_on(epoch); });
  });
}

void Standalone::keep(EpochKind kind, Epoch epoch, std::function<void()> then) {
  parts_->log.set_epoch(kind, epoch, [alive = std::weak_ptr(alive_),
                                      then = std::move(then)](Result<void> kept) {
    const auto self = alive.lock();
    if (!self || !(*self)->parts_) return;
    if (!kept) return (*self)->parts_->events.on_fatal(kept.error());
    then();
  });
}

void Standalone::go_on(Epoch epoch) {
  beginning_ = false;
  accepted_ = epoch;
  last_prepared_ = Zxid::of(epoch, 0);
  for (const auto& held : std::exchange(held_, {})) {
    if (const auto* write = std::get_if<Write>(&held)) {
      const auto request = write->view();
      submit(std::span(&request, 1));
    } else {
      const auto& asked = std::get<Sync>(held);
      sync(asked.session, asked.cxid);
    }
  }
}

void Standalone::on_durable(Zxid zxid) {
  if (!parts_) return;
  answer_syncs();
  while (parts_ && !uncommitted_.empty() && uncommitted_.front().zxid <= zxid) {
    commit(syncs_.empty() ? zxid : std::min(zxid, syncs_.front().after));
    answer_syncs();
  }
}

void Standalone::commit(Zxid last) {
  std::vector<LogEntry> committed;
  do {
    committed.push_back(std::move(uncommitted_.front()));
    uncommitted_.pop_front();
  } while (!uncommitted_.empty() && uncommitted_.front().zxid <= last);
  last_committed_ = committed.back().zxid;
  parts_->state.apply(committed);  // May submit more; this object's state is complete by now.
}

void Standalone::sync(SessionId session, std::int32_t cxid) {
  if (!parts_) return;
  if (beginning_) return void(held_.emplace_back(Sync{{}, session, cxid}));
  syncs_.push_back({last_prepared_, session, cxid});
  if (last_committed_ == last_prepared_)
    post([this](BroadcastParts&) { answer_syncs(); });
}

void Standalone::answer_syncs() {
  while (parts_ && !syncs_.empty() && syncs_.front().after <= last_committed_) {
    const auto sync = syncs_.front();
    syncs_.pop_front();
    parts_->events.on_synced(sync.session, sync.cxid);
  }
}

void Standalone::revalidate(SessionId session, std::int32_t timeout_ms, Claim claim,
                            Done<bool> done) {
  post([=](BroadcastParts& parts) {
    done(parts.state.revalidate(session, timeout_ms, parts.self, claim));
  });
}

void Standalone::touch(SessionId session, std::int32_t timeout_ms) {
  if (parts_) parts_->state.touch(session, timeout_ms, parts_->self);
}

void Standalone::on_failed(const Error& error) {
  if (parts_) parts_->events.on_fatal(error);
}

void Standalone::on_space(bool low, std::uint64_t free_bytes) {
  if (parts_) parts_->events.on_space(low, free_bytes);
}

}  // namespace vivarium
