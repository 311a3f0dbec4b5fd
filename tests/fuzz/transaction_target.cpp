// The state machine applies the transactions of a log, whatever they hold: without a disk around
// it, so that many are tried.
#include <vivarium/assert.hpp>

#include "kernel/core/database.hpp"
#include "tests/fuzz/log_parts.hpp"
#include "tests/fuzz/memory_gauge.hpp"
#include "tests/fuzz/mutation.hpp"
#include "tests/fuzz/target.hpp"
#include "tests/fuzz/tree_text.hpp"

using namespace vivarium;
using namespace vivarium::fuzz;

namespace {

constexpr std::uint64_t kSeed = 1;
constexpr std::size_t kMemoryPerByte = 64;
constexpr std::size_t kMemoryFixed = std::size_t{1} << 20;

/// Loads the database's own snapshot.
std::unique_ptr<Database> reloaded(Database& database) {
  const auto cursor = database.snapshot();
  DatabaseLoader loader(kSeed, true);
  constexpr std::size_t kPieceBytes = 100;
  for (auto piece = cursor->next(kPieceBytes); !piece.empty(); piece = cursor->next(kPieceBytes))
    loader.feed(piece.view()).value();
  return loader.finish(cursor->zxid()).value();
}

void apply_all(Database& database, const std::vector<std::string>& payloads) {
  std::int64_t zxid = 0;
  for (const std::string& payload : payloads) {
    const LogEntry entry{{++zxid}, SharedBytes::copy_of(payload)};
    if (database.apply(entry, nullptr, DigestCheck::compare).malformed) return;
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto image = parse_image(text_view(data, size));
  const MemoryGauge gauge;
  Database database(kSeed);
  database.set_extended_types(true);
  for (const ImageFile& file : image.files)
    if (is_log(file)) apply_all(database, LogParts::of(file.content).payloads);
  gauge.check(kMemoryFixed + kMemoryPerByte * size);
  check_consistent(database);
  VIVARIUM_ASSERT(text_of(*reloaded(database)) == text_of(database),
                  "a snapshot holds another tree");
  return 0;
}

VIVARIUM_FUZZ_IMAGES(Focus::logs)
