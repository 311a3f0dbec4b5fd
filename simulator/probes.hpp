#pragma once
// Rare things that a run has met. A run over many seeds tells which of the known ones it never met, since
// what is never reached is not tested, whatever the number of seeds.

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

namespace vivarium::simulator {

class Probes {
 public:
  void met(std::string_view name) {
    const auto found = counts_.find(name);
    if (found == counts_.end()) counts_.emplace(name, 1);
    else ++found->second;
  }
  void add(const Probes& other) {
    for (const auto& [name, count] : other.counts_) counts_[name] += count;
  }
  void add(const std::string& name, std::uint64_t count) { counts_[name] += count; }
  std::uint64_t count(std::string_view name) const {
    const auto found = counts_.find(name);
    return found == counts_.end() ? 0 : found->second;
  }
  const std::map<std::string, std::uint64_t, std::less<>>& counts() const { return counts_; }

 private:
  std::map<std::string, std::uint64_t, std::less<>> counts_;
};

}  // namespace vivarium::simulator
