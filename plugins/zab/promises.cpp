#include "promises.hpp"

namespace vivarium::zab {

Promises::Promises(LogStore& log, const OpenedLog& opened)
    : log_(log), ever_kept_(opened.epochs.current.has_value()) {
  // ZooKeeper's own default where a file is missing, as with data that a lone server wrote.
  current_ = opened.epochs.current.value_or(opened.last_durable.epoch());
  accepted_ = std::max(opened.epochs.accepted.value_or(current_), current_);
}

void Promises::accept(Epoch epoch, Done<void> done) {
  log_.set_epoch(EpochKind::accepted, epoch, [this, epoch, done = std::move(done)](Result<void> kept) {
    if (kept) accepted_ = std::max(accepted_, epoch);
    done(kept);
  });
}

void Promises::enter(Epoch epoch, Done<void> done) {
  log_.set_epoch(EpochKind::current, epoch, [this, epoch, done = std::move(done)](Result<void> kept) {
    if (kept) current_ = std::max(current_, epoch);
    if (kept) ever_kept_ = true;
    done(kept);
  });
}

}  // namespace vivarium::zab
