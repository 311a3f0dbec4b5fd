#pragma once
// SIGTERM, SIGINT and SIGHUP as events of the loop.

#include <vivarium/loop.hpp>

#include <functional>
#include <memory>

namespace vivarium::tools {

class SignalWatch {
 public:
  /// Keeps the signals from their usual effect, in this thread and those it starts. SIGPIPE goes for
  /// good: a closed connection is told by the call that meets it.
  static void block();

  SignalWatch(Loop& loop, std::function<void(int)> handler);
  ~SignalWatch();
  SignalWatch(const SignalWatch&) = delete;
  SignalWatch& operator=(const SignalWatch&) = delete;

 private:
  void take();

  std::function<void(int)> handler_;
  int descriptor_;
  std::unique_ptr<DescriptorWatch> watch_;
};

}  // namespace vivarium::tools
