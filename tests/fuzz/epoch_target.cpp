// A server starts on a data directory of which the epoch files, and the other small ones, are
// anything.
#include "tests/fuzz/directory_check.hpp"
#include "tests/fuzz/mutation.hpp"
#include "tests/fuzz/target.hpp"

using namespace vivarium::fuzz;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  check_directory(parse_image(text_view(data, size)));
  return 0;
}

VIVARIUM_FUZZ_IMAGES(Focus::epochs)
