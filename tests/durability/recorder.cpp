// The recorder: preloaded into a server, it writes every call that changes files, and every call
// that takes from or gives to a client, into a trace, in one order.
//
// It does not replace functions of the C library: what the library calls within itself (fopen,
// remove) would pass it by. It puts a seccomp filter in front of the kernel instead. The filter
// lets pass what cannot change a file, and turns every other system call into a signal, unless it
// comes from the one `syscall` instruction of this library. The signal's handler writes the call
// down and makes it, or, for a call that the checker has no model of, ends the process with its
// name. So nothing is missed: neither what the library does within itself, nor io_uring, nor shared
// mappings of files.
//
// What the order of the trace means. A record takes its place before its call is made, and notes in
// `end` how far the trace had come when the call returned. Whoever reads it takes what helps (a
// write, a sync, a new name) to have happened at `end`, and what does not (a reply leaves, a name
// goes) at the record's own place. What was received is written down after the call.
//
// The trace is a file mapped into memory, so it survives kill -9, and the next server goes on in
// it. The layout of a record is `struct Record`; trace_file.py reads it.
//
//     VIVARIUM_RECORDER_TRACE=FILE       where to; without it the library does nothing
//     VIVARIUM_RECORDER_KILL=N           kill -9 in place of this process's Nth sync
//     VIVARIUM_RECORDER_SWALLOW=N        the Nth sync is answered with success, and not made
//     VIVARIUM_RECORDER_SWALLOW=files    so is every sync of a file; or `directories`

#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <initializer_list>
#include <type_traits>

#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <ucontext.h>
#include <unistd.h>

#ifndef __x86_64__
#error "the recorder knows the system calls of x86-64 only"
#endif

// The one place from which system calls pass the filter.
extern "C" long recorder_call(long number, long a, long b, long c, long d, long e, long f);
extern "C" const char recorder_after_call[];
asm(R"(
  .text
  .globl recorder_call
  .hidden recorder_call
  .type recorder_call, @function
recorder_call:
  mov %rdi, %rax
  mov %rsi, %rdi
  mov %rdx, %rsi
  mov %rcx, %rdx
  mov %r8, %r10
  mov %r9, %r8
  mov 8(%rsp), %r9
  syscall
  .globl recorder_after_call
  .hidden recorder_after_call
recorder_after_call:
  ret
)");

namespace {

// --- the trace -----------------------------------------------------------------------------------

/// Beginning of the file.
struct Head {
  std::atomic<std::uint64_t> end;  ///< Where the next record goes.
  std::uint64_t reserved[7];
};

enum class State : std::uint32_t { under_way = 1, returned = 2 };

enum class What : std::uint32_t {
  begin = 1,  ///< Of a process; `ino` is its id.
  open, write, truncate, allocate, sync, swallowed, rename, unlink, mkdir, accept, send, receive,
  killed,
};

struct Record {
  std::uint32_t bytes;  ///< Of the whole record, a multiple of 8.
  std::atomic<State> state;
  What what;
  std::int32_t thread;
  std::atomic<std::uint64_t> end;  ///< How far the trace had come when the call returned.
  std::int64_t result;             ///< Or a negative error number.
  std::int64_t a, b;               ///< Offset and size; for open: the flags.
  std::uint64_t device, inode;     ///< Of the file that the call is about.
  std::int32_t descriptor;
  std::uint32_t mode;  ///< st_mode of it.
  std::uint32_t first_bytes, second_bytes;  ///< Of what follows: paths, or data.
};
static_assert(sizeof(Record) == 80);

constexpr std::uint64_t kTraceBytes = std::uint64_t{4} << 30;  // A sparse file.

char* trace = nullptr;
std::atomic<long> syncs_made{0};
long kill_at = 0, swallow_at = 0;
bool swallow_files = false, swallow_directories = false;

template <class T>
long word(T value) {
  if constexpr (std::is_pointer_v<T>) return reinterpret_cast<long>(value);
  else return static_cast<long>(value);
}

template <class... Values>
long call(long number, Values... values) {
  const long all[6] = {word(values)...};
  return recorder_call(number, all[0], all[1], all[2], all[3], all[4], all[5]);
}

[[noreturn]] void give_up(const char* why, long number) {
  char text[160];
  const int bytes =
      std::snprintf(text, sizeof text, "recorder: %s (system call %ld)\n", why, number);
  call(SYS_write, 2, text, bytes);
  call(SYS_kill, call(SYS_getpid), SIGKILL);
  for (;;) call(SYS_pause);
}

/// What belongs to a record: a path, or the bytes of a write in the parts in which they are given.
struct Bytes {
  const iovec* parts = nullptr;
  std::size_t count = 0;

  std::size_t size() const {
    std::size_t sum = 0;
    for (std::size_t i = 0; i < count; ++i) sum += parts[i].iov_len;
    return sum;
  }
  char* copy_to(char* to) const {
    for (std::size_t i = 0; i < count; ++i) {
      std::memcpy(to, parts[i].iov_base, parts[i].iov_len);
      to += parts[i].iov_len;
    }
    return to;
  }
};

Head& head() { return *reinterpret_cast<Head*>(trace); }

/// A record at the next place of the trace, with what belongs to it.
Record& note(What what, const Bytes& first = {}, const Bytes& second = {}) {
  const std::uint64_t bytes = (sizeof(Record) + first.size() + second.size() + 7) / 8 * 8;
  const std::uint64_t at = head().end.fetch_add(bytes);
  if (at + bytes > kTraceBytes) give_up("the trace is full", 0);
  auto& record = *reinterpret_cast<Record*>(trace + at);
  record.bytes = static_cast<std::uint32_t>(bytes);
  record.what = what;
  record.thread = static_cast<std::int32_t>(call(SYS_gettid));
  record.first_bytes = static_cast<std::uint32_t>(first.size());
  record.second_bytes = static_cast<std::uint32_t>(second.size());
  second.copy_to(first.copy_to(trace + at + sizeof(Record)));
  record.state = State::under_way;
  return record;
}

long returned(Record& record, long result) {
  record.result = result;
  record.end = head().end.load();
  record.state = State::returned;
  return result;
}

void describe(Record& record, const struct stat& facts) {
  record.device = facts.st_dev;
  record.inode = facts.st_ino;
  record.mode = facts.st_mode;
}

struct stat facts_of(long descriptor) {
  struct stat facts {};
  call(SYS_fstat, descriptor, &facts);
  return facts;
}

iovec part(long address, std::size_t bytes) { return {reinterpret_cast<void*>(address), bytes}; }

iovec path_part(long address, long number) {
  const auto* path = reinterpret_cast<const char*>(address);
  if (path[0] != '/') give_up("a relative path, of which the checker has no model", number);
  return part(address, std::strlen(path));
}

// --- calls with a model --------------------------------------------------------------------------

struct Arguments {
  long number;
  long a, b, c, d, e, f;
};

long make(const Arguments& x) { return recorder_call(x.number, x.a, x.b, x.c, x.d, x.e, x.f); }

long open_file(const Arguments& x, long path, long flags) {
  constexpr long kUnmodelled = O_DSYNC | O_SYNC | O_DIRECT | (O_TMPFILE & ~O_DIRECTORY);
  if ((flags & kUnmodelled) != 0) give_up("open with O_SYNC, O_DIRECT or O_TMPFILE", x.number);
  const iovec name = path_part(path, x.number);
  Record& record = note(What::open, {&name, 1});
  record.a = flags;
  const long descriptor = make(x);
  if (descriptor >= 0) describe(record, facts_of(descriptor));
  record.descriptor = static_cast<std::int32_t>(descriptor);
  return returned(record, descriptor);
}

constexpr std::int64_t kAtPosition = -1;

std::int64_t position_of(long descriptor, const struct stat& facts) {
  if ((call(SYS_fcntl, descriptor, F_GETFL) & O_APPEND) != 0) return facts.st_size;
  return call(SYS_lseek, descriptor, 0, SEEK_CUR);
}

/// Bytes to a file or to a client.
long write_parts(const Arguments& x, const Bytes& bytes, std::int64_t offset = kAtPosition) {
  const struct stat facts = facts_of(x.a);
  const bool file = S_ISREG(facts.st_mode);
  if (!file && !S_ISSOCK(facts.st_mode)) return make(x);  // eventfd, pipes.
  if (file && offset == kAtPosition) offset = position_of(x.a, facts);
  Record& record = note(file ? What::write : What::send, bytes);
  describe(record, facts);
  record.descriptor = static_cast<std::int32_t>(x.a);
  record.a = offset;
  return returned(record, make(x));
}

long write_one(const Arguments& x, std::int64_t offset = kAtPosition) {
  const iovec all = part(x.b, static_cast<std::size_t>(x.c));
  return write_parts(x, {&all, 1}, offset);
}

Bytes parts_of(const Arguments& x) {
  return {reinterpret_cast<const iovec*>(x.b), static_cast<std::size_t>(x.c)};
}

long write_message(const Arguments& x) {
  const auto& message = *reinterpret_cast<const msghdr*>(x.b);
  return write_parts(x, {message.msg_iov, message.msg_iovlen});
}

long change_size(const Arguments& x, What what, std::int64_t offset, std::int64_t size) {
  Record& record = note(what);
  describe(record, facts_of(x.a));
  record.a = offset;
  record.b = size;
  return returned(record, make(x));
}

long sync_file(const Arguments& x) {
  const long ordinal = ++syncs_made;
  const struct stat facts = facts_of(x.a);
  const bool directory = S_ISDIR(facts.st_mode);
  if (ordinal == kill_at) {
    Record& record = note(What::killed);
    describe(record, facts);
    record.a = ordinal;
    returned(record, 0);
    call(SYS_kill, call(SYS_getpid), SIGKILL);
  }
  const bool swallow = ordinal == swallow_at || (directory ? swallow_directories : swallow_files);
  Record& record = note(swallow ? What::swallowed : What::sync);
  describe(record, facts);
  record.descriptor = static_cast<std::int32_t>(x.a);
  record.a = ordinal;
  return returned(record, swallow ? 0 : make(x));
}

long change_name(const Arguments& x, What what, long path, long to = 0) {
  const iovec from = path_part(path, x.number);
  const iovec target = to == 0 ? iovec{} : path_part(to, x.number);
  Record& record = note(what, {&from, 1}, {&target, 1});
  const long result = make(x);
  struct stat facts {};
  if (result == 0 && what == What::mkdir && call(SYS_stat, path, &facts) == 0)
    describe(record, facts);
  return returned(record, result);
}

long accept_client(const Arguments& x) {
  const long descriptor = make(x);
  if (descriptor < 0) return descriptor;
  sockaddr_in peer{};
  socklen_t bytes = sizeof peer;
  call(SYS_getpeername, descriptor, &peer, &bytes);
  Record& record = note(What::accept);
  record.descriptor = static_cast<std::int32_t>(descriptor);
  record.a = ntohs(peer.sin_port);
  describe(record, facts_of(descriptor));
  return returned(record, descriptor);
}

long noted_receive(const Arguments& x, iovec bytes, long got) {
  if (got <= 0) return got;
  bytes.iov_len = static_cast<std::size_t>(got);
  Record& record = note(What::receive, {&bytes, 1});
  record.descriptor = static_cast<std::int32_t>(x.a);
  describe(record, facts_of(x.a));
  return returned(record, got);
}

long receive_message(const Arguments& x) {
  const auto& message = *reinterpret_cast<const msghdr*>(x.b);
  if (message.msg_iovlen != 1) give_up("recvmsg with several buffers", x.number);
  return noted_receive(x, *message.msg_iov, make(x));
}

long receive_or_read(const Arguments& x) {
  const long got = make(x);
  const bool socket = got > 0 && S_ISSOCK(facts_of(x.a).st_mode);
  return socket ? noted_receive(x, part(x.b, 0), got) : got;
}

long control_device(const Arguments& x) {
  for (const unsigned long harmless : {FIONBIO, FIONREAD, TCGETS, TIOCGWINSZ})
    if (static_cast<unsigned long>(x.b) == harmless) return make(x);
  give_up("an ioctl of which the checker has no model", x.number);
}

/// A shared mapping through which nothing can ever be written is harmless.
long map_file(const Arguments& x) {
  const long flags = call(SYS_fcntl, x.e, F_GETFL);
  if (flags < 0 || (flags & O_ACCMODE) != O_RDONLY)
    give_up("a shared mapping of a file that is open for writing", x.number);
  return make(x);
}

long record(const Arguments& x) {
  const auto here = [&] {
    if (static_cast<int>(x.a) != AT_FDCWD) give_up("a path below a descriptor", x.number);
  };
  switch (x.number) {
    case SYS_open: return open_file(x, x.a, x.b);
    case SYS_openat: return open_file(x, x.b, x.c);
    case SYS_creat: return open_file(x, x.a, O_CREAT | O_WRONLY | O_TRUNC);
    case SYS_write: return write_one(x);
    case SYS_sendto: return write_one(x);
    case SYS_pwrite64: return write_one(x, x.d);
    case SYS_writev: return write_parts(x, parts_of(x));
    case SYS_pwritev: return write_parts(x, parts_of(x), x.d);
    case SYS_sendmsg: return write_message(x);
    case SYS_ftruncate: return change_size(x, What::truncate, 0, x.b);
    case SYS_fallocate:
      if (x.b != 0) give_up("fallocate with a mode", x.number);
      return change_size(x, What::allocate, x.c, x.d);
    case SYS_fsync:
    case SYS_fdatasync: return sync_file(x);
    case SYS_sync_file_range: return make(x);  // Promises nothing.
    case SYS_rename: return change_name(x, What::rename, x.a, x.b);
    case SYS_renameat: here(); return change_name(x, What::rename, x.b, x.d);
    case SYS_unlink: return change_name(x, What::unlink, x.a);
    case SYS_unlinkat: here(); return change_name(x, What::unlink, x.b);
    case SYS_mkdir: return change_name(x, What::mkdir, x.a);
    case SYS_mkdirat: here(); return change_name(x, What::mkdir, x.b);
    case SYS_accept:
    case SYS_accept4: return accept_client(x);
    case SYS_read:
    case SYS_recvfrom: return receive_or_read(x);
    case SYS_recvmsg: return receive_message(x);
    case SYS_ioctl: return control_device(x);
    case SYS_mmap: return map_file(x);
    default: give_up("a call of which the checker has no model", x.number);
  }
}

void on_call(int, siginfo_t* info, void* context) {
  auto& registers = static_cast<ucontext_t*>(context)->uc_mcontext.gregs;
  registers[REG_RAX] = record({info->si_syscall, registers[REG_RDI], registers[REG_RSI],
                               registers[REG_RDX], registers[REG_R10], registers[REG_R8],
                               registers[REG_R9]});
}

// --- the filter ----------------------------------------------------------------------------------

// Calls that change no file and tell a client nothing.
constexpr unsigned kHarmless[] = {
    SYS_close, SYS_fstat, SYS_newfstatat, SYS_stat, SYS_lstat, SYS_statx, SYS_poll, SYS_ppoll,
    SYS_lseek, SYS_mprotect, SYS_munmap, SYS_mremap, SYS_brk, SYS_rt_sigaction, SYS_rt_sigprocmask,
    SYS_rt_sigreturn, SYS_rt_sigtimedwait, SYS_sigaltstack, SYS_pread64, SYS_preadv, SYS_access,
    SYS_faccessat, SYS_faccessat2, SYS_pipe2, SYS_select, SYS_pselect6, SYS_sched_yield,
    SYS_sched_getaffinity, SYS_sched_setaffinity, SYS_sched_getparam, SYS_sched_getscheduler,
    SYS_sched_get_priority_max, SYS_sched_get_priority_min, SYS_madvise, SYS_dup, SYS_dup2,
    SYS_dup3, SYS_nanosleep, SYS_clock_nanosleep, SYS_clock_gettime, SYS_clock_getres,
    SYS_gettimeofday, SYS_getpid, SYS_getppid, SYS_gettid, SYS_getuid, SYS_geteuid, SYS_getgid,
    SYS_getegid, SYS_socket, SYS_connect, SYS_bind, SYS_listen, SYS_shutdown, SYS_getsockname,
    SYS_getpeername, SYS_setsockopt, SYS_getsockopt, SYS_clone, SYS_clone3, SYS_exit,
    SYS_exit_group, SYS_wait4, SYS_kill, SYS_tgkill, SYS_uname, SYS_fcntl, SYS_flock, SYS_getcwd,
    SYS_readlink, SYS_readlinkat, SYS_umask, SYS_getrlimit, SYS_prlimit64, SYS_getrusage,
    SYS_sysinfo, SYS_times, SYS_prctl, SYS_arch_prctl, SYS_futex, SYS_set_tid_address,
    SYS_set_robust_list, SYS_rseq, SYS_membarrier, SYS_getdents64, SYS_statfs, SYS_fstatfs,
    SYS_fadvise64, SYS_epoll_create1, SYS_epoll_ctl, SYS_epoll_wait, SYS_epoll_pwait,
    SYS_timerfd_create, SYS_timerfd_settime, SYS_eventfd2, SYS_signalfd4, SYS_getrandom,
    SYS_restart_syscall, SYS_getcpu, SYS_pause,
};

class Filter {
 public:
  void add(std::uint16_t code, std::uint32_t k, std::uint8_t yes = 0, std::uint8_t no = 0) {
    if (size_ == kMax) give_up("the filter is too long", 0);
    steps_[size_++] = {code, yes, no, k};
  }
  void load(std::size_t offset) {
    add(BPF_LD | BPF_W | BPF_ABS, static_cast<std::uint32_t>(offset));
  }
  void load_argument(int which) {
    load(offsetof(seccomp_data, args) + static_cast<std::size_t>(which) * sizeof(std::uint64_t));
  }
  void skip_unless(std::uint32_t value, std::uint8_t steps) {
    add(BPF_JMP | BPF_JEQ | BPF_K, value, 0, steps);
  }
  void skip_if(std::uint32_t value, std::uint8_t steps) {
    add(BPF_JMP | BPF_JEQ | BPF_K, value, steps, 0);
  }
  void skip_unless_any_bit(std::uint32_t bits, std::uint8_t steps) {
    add(BPF_JMP | BPF_JSET | BPF_K, bits, 0, steps);
  }
  void allow() { add(BPF_RET | BPF_K, SECCOMP_RET_ALLOW); }
  void trap() { add(BPF_RET | BPF_K, SECCOMP_RET_TRAP); }

  void install() {
    sock_fprog program{static_cast<unsigned short>(size_), steps_};
    if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
        ::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &program) != 0)
      give_up("no seccomp filter can be installed here", SYS_seccomp);
  }

 private:
  static constexpr std::size_t kMax = 512;
  sock_filter steps_[kMax];
  std::size_t size_ = 0;
};

void allow_own_calls(Filter& filter) {
  const auto here = reinterpret_cast<std::uint64_t>(recorder_after_call);
  filter.load(offsetof(seccomp_data, instruction_pointer));
  filter.skip_unless(static_cast<std::uint32_t>(here), 3);
  filter.load(offsetof(seccomp_data, instruction_pointer) + 4);
  filter.skip_unless(static_cast<std::uint32_t>(here >> 32), 1);
  filter.allow();
}

/// Reading opens pass; `flags` is the argument that tells.
void allow_reading_open(Filter& filter, unsigned number, int flags) {
  filter.skip_unless(number, 4);
  filter.load_argument(flags);
  filter.skip_unless_any_bit(O_ACCMODE | O_CREAT | O_TRUNC | O_APPEND, 1);
  filter.trap();
  filter.allow();
}

/// The log of the server on standard error.
void allow_log(Filter& filter, unsigned number) {
  filter.skip_unless(number, 5);
  filter.load_argument(0);
  filter.skip_unless(2, 1);
  filter.allow();
  filter.skip_unless(1, 1);
  filter.allow();
}

constexpr std::uint32_t kNoDescriptor = 0xffffffff;

/// Memory, and libraries, which are mapped privately.
void allow_private_mapping(Filter& filter) {
  filter.skip_unless(SYS_mmap, 6);
  filter.load_argument(3);
  filter.skip_unless_any_bit(MAP_SHARED, 3);
  filter.load_argument(4);
  filter.skip_if(kNoDescriptor, 1);
  filter.trap();
  filter.allow();
}

void install_filter() {
  static Filter filter;
  allow_own_calls(filter);
  filter.load(offsetof(seccomp_data, nr));
  for (const unsigned number : kHarmless) {
    filter.skip_unless(number, 1);
    filter.allow();
  }
  allow_reading_open(filter, SYS_open, 1);
  allow_reading_open(filter, SYS_openat, 2);
  allow_private_mapping(filter);
  allow_log(filter, SYS_write);
  filter.load(offsetof(seccomp_data, nr));
  allow_log(filter, SYS_writev);
  filter.trap();
  filter.install();
}

// --- the beginning -------------------------------------------------------------------------------

void map_trace(const char* path) {
  const int descriptor = ::open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (descriptor < 0 || ::ftruncate(descriptor, static_cast<off_t>(kTraceBytes)) != 0)
    give_up("the trace cannot be opened", SYS_open);
  void* mapped =
      ::mmap(nullptr, kTraceBytes, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0);
  if (mapped == MAP_FAILED) give_up("the trace cannot be mapped", SYS_mmap);
  ::close(descriptor);
  trace = static_cast<char*>(mapped);
  std::uint64_t unused = 0;
  head().end.compare_exchange_strong(unused, sizeof(Head));
}

void read_orders() {
  if (const char* at = std::getenv("VIVARIUM_RECORDER_KILL")) kill_at = std::atol(at);
  const char* swallow = std::getenv("VIVARIUM_RECORDER_SWALLOW");
  if (!swallow) return;
  swallow_files = std::strcmp(swallow, "files") == 0;
  swallow_directories = std::strcmp(swallow, "directories") == 0;
  swallow_at = std::atol(swallow);
}

__attribute__((constructor)) void begin() {
  const char* path = std::getenv("VIVARIUM_RECORDER_TRACE");
  if (!path) return;
  map_trace(path);
  read_orders();
  Record& record = note(What::begin);
  record.inode = static_cast<std::uint64_t>(::getpid());
  returned(record, 0);
  struct sigaction action {};
  action.sa_sigaction = on_call;
  action.sa_flags = SA_SIGINFO | SA_NODEFER | SA_RESTART;
  ::sigaction(SIGSYS, &action, nullptr);
  install_filter();
}

}  // namespace
