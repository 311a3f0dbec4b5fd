#include "faulty_snapshot.hpp"

namespace vivarium {

void FaultySink::commit(std::optional<std::uint64_t> digest, Done<SnapshotInfo> done) {
  if (store_alive_.expired() || store_.ends_at(commit_)) return;
  inner_->commit(digest, store_.delivered(commit_, std::move(done)));
}

void FaultySource::read(Done<SharedBytes> done) {
  if (store_alive_.expired() || store_.ended_) return;
  const bool fails = store_.strikes(FaultAction::fail, FaultStep::load);
  inner_->read([this, fails, done = std::move(done),
                alive = std::weak_ptr<void>(alive_)](Result<SharedBytes> piece) {
    if (fails)
      piece = Error(Errc::corrupt, "a snapshot cannot be read: so the script of faults wants it");
    else if (piece && !piece->empty() && store_.strikes(FaultAction::corrupt, FaultStep::load))
      piece = store_.flipped(*piece);
    store_.deliver(FaultStep::load, [piece, done, alive] {
      if (!alive.expired()) done(piece);
    });
  });
}

}  // namespace vivarium
