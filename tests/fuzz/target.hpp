#pragma once
// What a fuzzer and the program that replays its corpus share: one function that takes one input
// and aborts when something does not hold.

#include <cstddef>
#include <cstdint>
#include <string_view>

extern "C" {

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

/// Changes bytes anyhow, and their number by little. Of libFuzzer; replay_main.cpp stands in for
/// it.
std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t size_max);

}  // extern "C"

namespace vivarium::fuzz {

inline std::string_view text_view(const std::uint8_t* data, std::size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

}  // namespace vivarium::fuzz
