#pragma once
// Changes to an image that a fuzzer could not find byte by byte: whole records and files, and
// content of them under right checksums.

#include <cstdint>
#include <random>
#include <string>

#include "tests/fuzz/image.hpp"

namespace vivarium::fuzz {

using Chance = std::minstd_rand;

/// Changes bytes anyhow, and their number by little: libFuzzer's own, or a simple stand-in.
std::string mutate_bytes(std::string bytes, std::size_t bytes_max, Chance& chance);

/// Where changes are made.
enum class Focus : std::uint8_t { logs, snapshots, epochs, backups };

/// One change to the image, in most cases one that leaves checksums right.
void mutate(Image& image, Focus focus, Chance& chance);

/// Files of both.
Image crossed(const Image& a, const Image& b, Chance& chance);

}  // namespace vivarium::fuzz

/// The custom mutator and crossover of a fuzzer whose inputs are images.
#define VIVARIUM_FUZZ_IMAGES(focus)                                                         \
  extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size,      \
                                                 std::size_t size_max, unsigned seed) {     \
    return ::vivarium::fuzz::mutate_in_place(data, size, size_max, seed, focus);            \
  }                                                                                         \
  extern "C" std::size_t LLVMFuzzerCustomCrossOver(                                         \
      const std::uint8_t* a, std::size_t a_size, const std::uint8_t* b, std::size_t b_size, \
      std::uint8_t* out, std::size_t size_max, unsigned seed) {                             \
    return ::vivarium::fuzz::cross(a, a_size, b, b_size, out, size_max, seed);              \
  }

namespace vivarium::fuzz {

std::size_t mutate_in_place(std::uint8_t* data, std::size_t size, std::size_t size_max,
                            unsigned seed, Focus focus);
std::size_t cross(const std::uint8_t* a, std::size_t a_size, const std::uint8_t* b,
                  std::size_t b_size, std::uint8_t* out, std::size_t size_max, unsigned seed);

}  // namespace vivarium::fuzz
