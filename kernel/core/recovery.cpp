#include "kernel/core/recovery.hpp"

#include "kernel/core/hex.hpp"

namespace vivarium {
namespace {
constexpr std::size_t kSliceBytes = 4u << 20;
}

Recovery::Recovery(LogStore& store, Loop& loop, Log& log, Rules rules, Done<Recovered> done)
    : store_(store),
      loop_(loop),
      log_(log),
      seed_(loop.random()),
      rules_(rules),
      done_(std::move(done)) {}

void Recovery::start(LogStoreEvents& events) {
  store_.open(events, [this](Result<OpenedLog> opened) { on_opened(std::move(opened)); });
}

void Recovery::start_again() {
  auto source = store_.open_snapshot();
  if (!source && source.error().is(Errc::not_found)) return begin_empty();
  if (!source) return fail(source.error());
  recovered_.opened.snapshot = (*source)->info();
  source_ = std::move(*source);
  read_pieces();
}

void Recovery::fail(const Error& error) {
  const auto done = std::move(done_);
  done(error);
}

void Recovery::on_opened(Result<OpenedLog> opened) {
  if (!opened) return fail(opened.error());
  recovered_.opened = std::move(*opened);
  for (const auto& damage : recovered_.opened.damage) {
    log_.warn(damage.message);
    if (!damage.harmless) return fail(Error(Errc::corrupt, damage.message));
  }
  recovered_.opened.snapshot ? read_snapshot() : begin_empty();
}

void Recovery::begin_empty() {
  recovered_.database = std::make_unique<Database>(seed_);
  recovered_.database->set_extended_types(rules_.extended_types);
  began_ = loop_.now();
  replay();
}

void Recovery::read_snapshot() {
  auto source = store_.open_snapshot();
  if (!source) return fail(source.error());
  source_ = std::move(*source);
  read_pieces();
}

void Recovery::read_pieces() {
  began_ = loop_.now();
  loader_ = std::make_unique<DatabaseLoader>(seed_, rules_.extended_types);
  source_->read([this](Result<SharedBytes> piece) { on_piece(std::move(piece)); });
}

void Recovery::on_piece(Result<SharedBytes> piece) {
  if (!piece) return fail(piece.error());
  if (!piece->empty()) {
    if (const auto fed = loader_->feed(piece->view()); !fed) return fail_load(fed.error());
    return source_->read([this](Result<SharedBytes> next) { on_piece(std::move(next)); });
  }
  auto database = loader_->finish(recovered_.opened.snapshot->zxid);
  if (!database) return fail_load(database.error());
  recovered_.database = std::move(*database);
  const auto& digest = recovered_.opened.snapshot->digest;
  const bool compared = recovered_.opened.snapshot->zxid != Zxid{};  // ZooKeeper leaves it empty at 0.
  digest_differs_ = compared && digest && *digest != recovered_.database->tree().digest();
  if (digest_differs_)
    log_.info("the snapshot's digest differs from its tree: it was written while writes went on");
  source_.reset();
  loader_.reset();
  recovered_.snapshot_took = loop_.now() - began_;
  began_ = loop_.now();
  replay();
}

/// The loader knows no files.
void Recovery::fail_load(const Error& error) {
  const std::string& file = recovered_.opened.snapshot->file;
  fail(Error(Errc::corrupt, file.empty() ? error.what : file + ": " + error.what));
}

void Recovery::replay() {
  store_.read(recovered_.database->last_applied(), kSliceBytes,
              [this](Result<LogSlice> slice) { on_slice(std::move(slice)); });
}

void Recovery::on_slice(Result<LogSlice> slice) {
  if (!slice) return fail(slice.error());
  if (!apply(*slice)) return;
  slice->end ? end() : replay();
}

void Recovery::end() {
  if (digest_differs_ && rules_.compare_digest)
    return fail(Error(
        Errc::corrupt,
        "the tree at 0x" + to_hex(recovered_.database->last_applied().value) +
            " has another digest than the log records there: what was read is not what was written; "
            "`vivarium log --verify` on the data directory tells from where on; read the disk "
            "again by another start, or restore a backup, or, in an ensemble, move the data "
            "directory away and let this server be filled by the others; digest.enabled=false "
            "takes the tree as it is"));
  recovered_.log_took = loop_.now() - began_;
  const auto done = std::move(done_);
  done(std::move(recovered_));
}

bool Recovery::apply(const LogSlice& slice) {
  const auto consistent = recovered_.opened.snapshot.value_or(SnapshotInfo{}).consistent_from;
  for (const auto& entry : slice.entries) {
    const auto check = entry.zxid < consistent ? DigestCheck::ignore : DigestCheck::compare;
    const auto& applied = recovered_.database->apply(entry, nullptr, check);
    ++recovered_.entries;
    if (applied.malformed) {
      const std::string zxid = "0x" + to_hex(entry.zxid.value);
      fail(Error(Errc::corrupt,
                 "the transaction " + zxid +
                     " in the log cannot be decoded, though its checksum is right: `vivarium log "
                     "--json --from " +
                     zxid +
                     "` on the data directory tells file and offset; restore a backup that ends "
                     "before it, or, in an ensemble, move the data directory away and let this "
                     "server be filled by the others"));
      return false;
    }
    digest_differs_ = applied.digest_differs;
    if (applied.digest_differs && !std::exchange(digest_warned_, true))
      log_.warn("the tree's digest differs from the one logged with 0x" + to_hex(entry.zxid.value) +
                ": harmless after a snapshot that was written while writes went on");
  }
  return true;
}

}  // namespace vivarium
