// Runs a target over files, or over all files of folders, without libFuzzer: the corpus as a test.
//
//     replay_TARGET [--mutations N] PATH...
//
// --mutations: and N changed versions of each, by the target's own mutator, the same ones each
// time.
#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <random>
#include <string>
#include <vector>

#include "tests/fuzz/target.hpp"

extern "C" __attribute__((weak)) std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data,
                                                                     std::size_t size,
                                                                     std::size_t size_max,
                                                                     unsigned seed);

namespace {

constexpr std::size_t kGrowthMax = 4096;

std::minstd_rand chance;  // Seeded anew for each file.

std::string content_of(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::vector<std::filesystem::path> files_in(const std::filesystem::path& path) {
  if (!std::filesystem::is_directory(path)) return {path};
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(path)) files.push_back(entry);
  std::sort(files.begin(), files.end());
  return files;
}

const std::string* running = nullptr;

/// Of SIGABRT: the process is at its end, and nothing else runs in it.
void save_failed(int) {
  std::ofstream("failed-input", std::ios::binary) << *running;
  std::cerr << "the input is in " << std::filesystem::absolute("failed-input") << std::endl;
}

void run(const std::string& input) {
  running = &input;
  LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(input.data()), input.size());
}

std::string mutated(std::string input, unsigned seed) {
  const auto size = input.size();
  input.resize(size + kGrowthMax);
  auto* const bytes = reinterpret_cast<std::uint8_t*>(input.data());
  input.resize(LLVMFuzzerCustomMutator ? LLVMFuzzerCustomMutator(bytes, size, input.size(), seed)
                                       : LLVMFuzzerMutate(bytes, size, input.size()));
  return input;
}

/// Each version is made from the one before, now and then from the file again.
std::size_t run_all(const std::filesystem::path& path, unsigned mutations) {
  const auto original = content_of(path);
  run(original);
  chance.seed(1);
  auto input = original;
  for (unsigned seed = 1; seed <= mutations; ++seed) {
    input = mutated(seed % 8 == 0 ? original : input, seed);
    run(input);
  }
  return 1 + mutations;
}

}  // namespace

/// Stands in for libFuzzer's: changes, inserts or removes some bytes.
extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size,
                                        std::size_t size_max) {
  const auto byte = [] { return static_cast<std::uint8_t>(chance()); };
  if (size < size_max && (size == 0 || chance() % 4 == 0)) {
    const auto at = size == 0 ? 0 : chance() % size;
    std::copy_backward(data + at, data + size, data + size + 1);
    data[at] = byte();
    return size + 1;
  }
  if (size > 1 && chance() % 4 == 0) {
    const auto at = chance() % size;
    std::copy(data + at + 1, data + size, data + at);
    return size - 1;
  }
  if (size == 0) return 0;
  const auto at = chance() % size;
  data[at] =
      chance() % 2 == 0 ? byte() : static_cast<std::uint8_t>(data[at] ^ (1u << chance() % 8));
  return size;
}

int main(int argc, char** argv) {
  std::signal(SIGABRT, save_failed);
  std::vector<std::string> words(argv + 1, argv + argc);
  unsigned mutations = 0;
  if (words.size() > 1 && words[0] == "--mutations") {
    mutations = static_cast<unsigned>(std::atoi(words[1].c_str()));
    words.erase(words.begin(), words.begin() + 2);
  }
  std::size_t files = 0, runs = 0;
  for (const std::string& word : words)
    for (const auto& file : files_in(word)) {
      // Told before, so that a crash is known by its file.
      std::cout << file.filename().string() << std::endl;
      runs += run_all(file, mutations);
      ++files;
    }
  std::cout << files << " files, " << runs << " runs\n";
  return files == 0 ? 1 : 0;
}
