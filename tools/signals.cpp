#include "tools/signals.hpp"

#include <cerrno>
#include <csignal>
#include <stdexcept>
#include <system_error>
#include <utility>

#include <sys/signalfd.h>
#include <unistd.h>

namespace vivarium::tools {
namespace {

sigset_t watched() {
  sigset_t signals;
  sigemptyset(&signals);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&signals, signal);
  return signals;
}

int open_descriptor() {
  const sigset_t signals = watched();
  const int descriptor = ::signalfd(-1, &signals, SFD_NONBLOCK | SFD_CLOEXEC);
  if (descriptor < 0)
    throw std::runtime_error("signals cannot be watched: " +
                             std::generic_category().message(errno));
  return descriptor;
}

}  // namespace

void SignalWatch::block() {
  const sigset_t signals = watched();
  ::pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
}

SignalWatch::SignalWatch(Loop& loop, std::function<void(int)> handler)
    : handler_(std::move(handler)),
      descriptor_(open_descriptor()),
      watch_(loop.watch(descriptor_, [this](Readiness) { take(); })) {
  watch_->want(true, false);
}

SignalWatch::~SignalWatch() {
  watch_.reset();
  ::close(descriptor_);
}

void SignalWatch::take() {
  signalfd_siginfo info;
  while (::read(descriptor_, &info, sizeof info) == sizeof info)
    handler_(static_cast<int>(info.ssi_signo));
}

}  // namespace vivarium::tools
