// A data directory is brought back from a backup of which anything was changed.
//
// It is refused with a sentence that names a file; or a server starts on it, and finds the history
// to end where it was to end, or is refused like on any other directory.
#include <vivarium/assert.hpp>

#include "storage/file/restore.hpp"
#include "tests/fuzz/machine.hpp"
#include "tests/fuzz/memory_gauge.hpp"
#include "tests/fuzz/mutation.hpp"
#include "tests/fuzz/target.hpp"

using namespace vivarium;
using namespace vivarium::fuzz;

namespace {

const std::string kBackup = "/backup";
constexpr Zxid kAny{INT64_MAX};
constexpr std::size_t kMemoryPerByte = 24;
constexpr std::size_t kMemoryFixed = std::size_t{6} << 20;

template <class T>
bool succeeded(const Result<T>& result) {
  if (result.has_value()) return true;
  const std::string& sentence = result.error().what;
  const bool names_place = sentence.find("/backup") != sentence.npos ||
                           sentence.find("/data") != sentence.npos ||
                           sentence.find("this backup") != sentence.npos;
  VIVARIUM_ASSERT(names_place, "a refusal that names no file: " + sentence);
  return false;
}

void check_restore(const Image& image) {
  Machine machine(image, kBackup);
  FileSystem& files = machine.files();
  const MemoryGauge gauge;
  const auto nothing = [](std::uint64_t) {};
  const auto manifest = file::read_manifest(files, kBackup);
  if (!succeeded(manifest)) return;
  if (!succeeded(file::check_files(files, kBackup, *manifest, nothing))) return;
  const auto plan = file::plan_restore(files, kBackup, manifest->last, kAny);
  if (!succeeded(plan)) return;
  const auto restored = file::restore(files, kBackup, *plan, file::Directories(kDataDir, ""),
                                      file::Existing::refuse, "word", nothing);
  gauge.check(kMemoryFixed + kMemoryPerByte * image.total_bytes());
  if (!succeeded(restored)) return;
  machine.lose_power();
  const auto started = machine.start();
  if (started.has_error()) return;
  VIVARIUM_ASSERT(started->opened.last_durable == plan->end,
                  "the history does not end where it was to end");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  check_restore(parse_image(text_view(data, size)));
  return 0;
}

VIVARIUM_FUZZ_IMAGES(Focus::backups)
