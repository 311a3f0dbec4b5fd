#pragma once
// The real Loop: an Asio io_context on the core thread. The core thread is the one that runs the
// loop; before the first run, the one that made it.

#include <vivarium/loop.hpp>

#include <functional>
#include <memory>

namespace vivarium {

class AsioLoop final : public Loop {
 public:
  AsioLoop();
  ~AsioLoop() override;
  AsioLoop(const AsioLoop&) = delete;
  AsioLoop& operator=(const AsioLoop&) = delete;

  /// Runs events until stop(). Can be called again after it returned.
  void run();
  /// Ends run() after the current event; a run() that has not begun yet returns at once. Any
  /// thread.
  void stop();
  /// For tests: runs events until the predicate holds. False when `timeout` passed or stop() was
  /// called before it did.
  bool run_until(const std::function<bool()>& predicate, Millis timeout);

  MonoTime now() const override;
  std::int64_t wall_ms() const override;
  std::uint64_t random() override;
  void random_bytes(void* bytes, std::size_t size) override;
  std::unique_ptr<Timer> timer(Task task) override;
  void post(Task task) override;
  std::unique_ptr<DescriptorWatch> watch(int descriptor,
                                         std::function<void(Readiness)> callback) override;
  bool on_core_thread() const override;

 private:
  struct Parts;  ///< Keeps Asio out of this header.
  std::unique_ptr<Parts> parts_;
};

}  // namespace vivarium
