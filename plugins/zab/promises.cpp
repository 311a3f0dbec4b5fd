#include "promises.hpp"

namespace vivarium::zab {

Promises::Promises(LogStore& log, const OpenedLog& opened)
    : log_(log), ever_kept_(opened.epochs.current.has_value()) {
  // ZooKeeper's own default where a file is missing, as with data that a lone server wrote.
  current_ = opened.epochs.current.value_or(opened.last_durable.epoch());
  // Zxids that have run over into an epoch use it up, whoever had it: the next leader's is above.
  accepted_ = std::max({opened.epochs.accepted.value_or(current_), current_, opened.last_durable.epoch()});
  accepting_ = accepted_;
}

void Promises::keep(EpochKind kind, Epoch epoch, Epoch& kept_in, Done<void> done) {
  log_.set_epoch(kind, epoch, [this, alive = std::weak_ptr(alive_), kind, epoch, &kept_in,
                               done = std::move(done)](Result<void> kept) {
    if (alive.expired()) return;
    if (kept) kept_in = std::max(kept_in, epoch);
    if (kept && kind == EpochKind::current) ever_kept_ = true;
    done(kept);
  });
}

void Promises::accept(Epoch epoch, Done<void> done) {
  accepting_ = std::max(accepting_, epoch);
  keep(EpochKind::accepted, epoch, accepted_, std::move(done));
}

void Promises::enter(Epoch epoch, Done<void> done) {
  keep(EpochKind::current, epoch, current_, std::move(done));
}

}  // namespace vivarium::zab
