#pragma once
// What must hold for a server that starts on any data directory whatever.
//
// It is refused, by a sentence that names the file, and so again at the next start; or there is a
// history without a hole, all of it from the files. Then the next start, after a power failure,
// finds the same; the server can go on from there; and a snapshot of its state is that state.

#include "tests/fuzz/image.hpp"

namespace vivarium::fuzz {

void check_directory(const Image& image);

}  // namespace vivarium::fuzz
