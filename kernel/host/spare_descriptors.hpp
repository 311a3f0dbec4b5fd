#pragma once
// Descriptors that are kept back for files, for the time when connections have taken all others: a
// store that cannot open its next log has to end. Any thread.

#include <cstddef>
#include <mutex>
#include <vector>

namespace vivarium {

class SpareDescriptors {
 public:
  /// Takes `count` of them, or as many as there are; the rest as files are closed.
  explicit SpareDescriptors(std::size_t count);
  ~SpareDescriptors();
  SpareDescriptors(const SpareDescriptors&) = delete;
  SpareDescriptors& operator=(const SpareDescriptors&) = delete;

  /// Closes one, for the caller to open what it wants. False when none is left. Keeps errno.
  bool give_up_one();
  /// Closes a file's descriptor. Where a spare one is missing it becomes that, in one step: closed, it
  /// could be taken by a connection.
  void close(int descriptor);

 private:
  const std::size_t count_;
  int null_;  ///< What spare descriptors are open on; -1 where it could not be had.
  std::mutex mutex_;
  std::vector<int> spare_;
};

}  // namespace vivarium
