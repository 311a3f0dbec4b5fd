// Loaded into a server before the C library: a wall clock that is wrong, and a disk that is slow.
//
// $VIVARIUM_FAULTS names a file of two 64-bit integers that the test changes while the server runs: how
// far the wall clock is ahead, in ns, and how long a sync takes more, in us.

#include <cstdint>
#include <cstdlib>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

namespace {

struct Faults {
  std::int64_t clock_ahead_ns;
  std::int64_t sync_delay_us;
};

const volatile Faults* faults() {
  static const volatile Faults* const mapped = [] {
    static const Faults none{};
    const char* path = std::getenv("VIVARIUM_FAULTS");
    const int file = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (file < 0) return static_cast<const volatile Faults*>(&none);
    void* memory = mmap(nullptr, sizeof(Faults), PROT_READ, MAP_SHARED, file, 0);
    close(file);
    return memory == MAP_FAILED ? &none : static_cast<const volatile Faults*>(memory);
  }();
  return mapped;
}

int slow_sync(long call, int file) {
  if (const auto delay = faults()->sync_delay_us; delay > 0) usleep(static_cast<useconds_t>(delay));
  return static_cast<int>(syscall(call, file));
}

}  // namespace

#pragma GCC visibility push(default)  // Hidden, it would replace nothing.
extern "C" {

int clock_gettime(clockid_t clock, timespec* out) noexcept {
  const auto result = static_cast<int>(syscall(SYS_clock_gettime, clock, out));
  if (result == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) {
    constexpr std::int64_t kSecond = 1'000'000'000;
    const std::int64_t ns = out->tv_sec * kSecond + out->tv_nsec + faults()->clock_ahead_ns;
    out->tv_sec = ns / kSecond;
    out->tv_nsec = ns % kSecond;
  }
  return result;
}

int gettimeofday(timeval* out, void*) noexcept {
  timespec now{};
  const int result = clock_gettime(CLOCK_REALTIME, &now);
  *out = {now.tv_sec, now.tv_nsec / 1000};
  return result;
}

time_t time(time_t* out) noexcept {
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  if (out) *out = now.tv_sec;
  return now.tv_sec;
}

int fdatasync(int file) { return slow_sync(SYS_fdatasync, file); }
int fsync(int file) { return slow_sync(SYS_fsync, file); }

}  // extern "C"
#pragma GCC visibility pop
