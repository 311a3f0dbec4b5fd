#include "tests/fuzz/machine.hpp"

#include <utility>

#include <vivarium/assert.hpp>

namespace vivarium::fuzz {
namespace {

// Digests would refuse almost all that a fuzzer changes, and so hide what comes after them.
constexpr Recovery::Rules kRules = {.extended_types = true, .compare_digest = false};

void put(FileSystem& files, const std::string& path, const ImageFile& file) {
  const std::string folder = path.substr(0, path.rfind('/'));
  files.create_directories(folder).value();
  const auto open = files.open(path, OpenMode::create_empty).value();
  open->write_at(0, file.content).value();
  open->truncate(file.content.size() + file.zeros).value();
  open->sync().value();
  files.sync_directory(folder).value();
}

}  // namespace

Machine::Machine(const Image& image, const std::string& folder) {
  for (const ImageFile& file : image.files) put(files(), folder + "/" + file.name, file);
}

Machine::~Machine() {
  if (store_) store_->stop();
}

void Machine::on_failed(const Error& error) {
  VIVARIUM_ASSERT(false, "the store fails on a disk that works: " + error.what);
}

template <class T>
Result<T> Machine::await(const std::function<void(Done<T>)>& begin) {
  std::optional<Result<T>> outcome;
  begin([&](Result<T> result) { outcome.emplace(std::move(result)); });
  const bool came = loop_.run_until([&] { return outcome.has_value(); });
  VIVARIUM_ASSERT(came, "no outcome comes");
  return std::move(*outcome);
}

void Machine::make_store() {
  host_ = std::make_unique<test::FakeHost>(file::kFileOptions, test::Settings{{"prealloc", "64K"}},
                                           test::FakeDoors{&loop_, &disk_, nullptr});
  host_->server_settings["dataDir"] = kDataDir;
  store_ = std::make_unique<file::FileStore>(*host_);
}

Result<Recovered> Machine::start() {
  make_store();
  std::unique_ptr<Recovery> recovery;
  auto recovered = await<Recovered>([&](Done<Recovered> done) {
    recovery = std::make_unique<Recovery>(*store_, loop_, host_->fake_log, kRules, std::move(done));
    recovery->start(*this);
  });
  if (recovered) durable_ = recovered->opened.last_durable;
  return recovered;
}

void Machine::lose_power() {
  if (store_) store_->stop();
  store_.reset();
  disk_.files().crash(CrashLoss::everything);
  disk_.files().restart();
}

std::vector<LogEntry> Machine::entries(Zxid after) {
  constexpr std::size_t kEverything = std::size_t{1} << 40;
  auto slice = await<LogSlice>(
      [&](Done<LogSlice> done) { store_->read(after, kEverything, std::move(done)); });
  VIVARIUM_ASSERT(slice, "what was found at the start cannot be read: " + slice.error().what);
  VIVARIUM_ASSERT(slice->end, "a read of everything ends before the end");
  return std::move(slice->entries);
}

void Machine::append(const std::vector<LogEntry>& entries) {
  store_->append(entries);
  const bool durable = loop_.run_until([&] { return durable_ == entries.back().zxid; });
  VIVARIUM_ASSERT(durable, "what was appended does not become durable");
}

Result<void> Machine::truncate_after(Zxid zxid) {
  return await<void>([&](Done<void> done) { store_->truncate_after(zxid, std::move(done)); });
}

void Machine::set_epoch(EpochKind kind, Epoch epoch) {
  await<void>([&](Done<void> done) { store_->set_epoch(kind, epoch, std::move(done)); }).value();
}

void Machine::take_snapshot(Database& database) {
  const auto cursor = database.snapshot();
  const auto sink = store_->begin_snapshot(cursor->zxid()).value();
  constexpr std::size_t kPieceBytes = std::size_t{1} << 16;
  for (auto piece = cursor->next(kPieceBytes); !piece.empty(); piece = cursor->next(kPieceBytes))
    sink->write(piece);
  await<SnapshotInfo>([&](Done<SnapshotInfo> done) {
    sink->commit(cursor->digest(), std::move(done));
  }).value();
}

}  // namespace vivarium::fuzz
