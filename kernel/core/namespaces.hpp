#pragma once
// What is read and written below each child of the root, which ZooKeeper calls a namespace, and what its quotas
// say. Counted for the first 256 of them: whoever may create children of the root must not fill the memory.

#include "kernel/core/database.hpp"

#include <vivarium/metrics.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace vivarium {

/// "/a/", which the paths below a node begin with. Mostly two words of a path tell.
class PathBeginning {
 public:
  PathBeginning() = default;
  /// "a"
  explicit PathBeginning(std::string_view name);

  /// Does `path` begin so? It may when this says no.
  bool surely_holds(std::string_view path) const {
    if (path.size() < kShort) return false;
    Words words;
    std::memcpy(words.data(), path.data(), sizeof words);
    return (words[0] & mask_[0]) == bytes_[0] && (words[1] & mask_[1]) == bytes_[1];
  }
  /// Does it, or is it the node's own path?
  bool holds(std::string_view path) const;

 private:
  static constexpr std::size_t kShort = 16;
  using Words = std::array<std::uint64_t, 2>;

  std::string text_;
  Words mask_{}, bytes_{1, 1};  ///< Such that no words are alike.
};

/// Others are not counted.
inline constexpr std::size_t kNamespacesMax = 256;

/// A tally for each namespace, shown from its first use on.
class NamespaceTallies {
 public:
  NamespaceTallies(Metrics& metrics, const char* name) : metrics_(metrics), name_(name) {}

  void record(std::string_view path, std::size_t bytes) {
    if (last_.surely_holds(path)) return last_tally_->record(static_cast<std::int64_t>(bytes));
    record_elsewhere(path, bytes);
  }

 private:
  struct Shown {
    Tally tally;
    std::unique_ptr<MetricHandle> handle;
  };
  void record_elsewhere(std::string_view path, std::size_t bytes);
  /// nullptr: the root, or one too many.
  Tally* find(std::string_view path);

  Metrics& metrics_;
  const char* name_;
  std::map<std::string, Shown, std::less<>> shown_;
  PathBeginning last_;  ///< That of the next one as well, mostly.
  Tally* last_tally_ = nullptr;
};

class Namespaces {
 public:
  explicit Namespaces(Metrics& metrics);

  // Of `path`, a node's, so many bytes of data or of names.
  void note_read(std::string_view path, std::size_t bytes) {
    read_.record(path, path.size() + bytes + kStatBytes);
  }
  void note_write(std::string_view path, std::size_t bytes) {
    written_.record(path, path.size() + bytes);
  }
  void note_quota_exceeded(std::string_view path);

 private:
  /// What ZooKeeper counts for the Stat of a reply.
  static constexpr std::size_t kStatBytes = 68;

  struct Refused {
    Counter counter;
    std::unique_ptr<MetricHandle> handle;
  };
  Metrics& metrics_;
  NamespaceTallies read_, written_;
  std::map<std::string, Refused, std::less<>> over_quota_;
};

/// The sums of the quotas below each namespace, for as long as the handles live.
std::vector<std::unique_ptr<MetricHandle>> add_quota_metrics(Metrics& metrics,
                                                             std::function<const Database&()> database);

}  // namespace vivarium
