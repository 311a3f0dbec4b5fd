#include "kernel/host/spare_descriptors.hpp"

#include <cerrno>

#include <fcntl.h>
#include <unistd.h>

namespace vivarium {

SpareDescriptors::SpareDescriptors(std::size_t count)
    : count_(count), null_(count > 0 ? ::open("/dev/null", O_RDONLY | O_CLOEXEC) : -1) {
  while (null_ >= 0 && spare_.size() < count_) {
    const int one = ::fcntl(null_, F_DUPFD_CLOEXEC, 0);
    if (one < 0) return;
    spare_.push_back(one);
  }
}

SpareDescriptors::~SpareDescriptors() {
  for (const int one : spare_) ::close(one);
  if (null_ >= 0) ::close(null_);
}

bool SpareDescriptors::give_up_one() {
  const int before = errno;
  const std::lock_guard lock(mutex_);
  if (spare_.empty()) return false;
  ::close(spare_.back());
  spare_.pop_back();
  errno = before;
  return true;
}

void SpareDescriptors::close(int descriptor) {
  const std::lock_guard lock(mutex_);
  const bool missing = null_ >= 0 && spare_.size() < count_;
  if (missing && ::dup3(null_, descriptor, O_CLOEXEC) == descriptor)
    spare_.push_back(descriptor);
  else
    ::close(descriptor);
}

}  // namespace vivarium
