#pragma once
// One machine with a file store on a simulated disk: its process ends by a loss of power, by a
// failure of the disk, or alone, and is begun again.

#include "kernel/simulation/simulated_disk.hpp"
#include "kernel/simulation/simulated_loop.hpp"
#include "storage/file/file_store.hpp"
#include "tests/support/fake_host.hpp"

#include <vivarium/log_store.hpp>

#include <memory>
#include <optional>
#include <stdexcept>
#include <string>

namespace vivarium::test {

/// The process has ended while a script was going on.
struct Ended {};

/// What must never be, in one sentence.
struct Violation : std::runtime_error {
  using std::runtime_error::runtime_error;
};

class Machine final : private LogStoreEvents {
 public:
  Machine(std::uint64_t seed, Settings options, Settings server_settings)
      : loop(seed), disk(loop), options_(std::move(options)),
        server_settings_(std::move(server_settings)) {
    server_settings_["dataDir"] = "/data";
  }
  ~Machine() override { end_process(); }

  SimulatedFileSystem& files() { return disk.files(); }
  bool ended() { return files().down() || failure.has_value(); }

  /// Runs until `done`; throws Ended when the process ends before.
  void run(const std::function<bool()>& done) {
    const bool came = loop.run_until([&] { return ended() || done(); });
    if (ended()) throw Ended{};
    if (!came) throw Violation("nothing happens any more, and an outcome is missing");
  }

  template <class T>
  Result<T> await(const std::function<void(Done<T>)>& start) {
    std::optional<Result<T>> outcome;
    start([&](Result<T> result) { outcome.emplace(std::move(result)); });
    run([&] { return outcome.has_value(); });
    return std::move(*outcome);
  }

  Result<OpenedLog> open() {
    host_ = std::make_unique<FakeHost>(file::kFileOptions, options_,
                                       FakeDoors{&loop, &disk, nullptr});
    host_->server_settings = server_settings_;
    failure.reset();
    store = std::make_unique<file::FileStore>(*host_);
    auto opened = await<OpenedLog>([&](Done<OpenedLog> done) { store->open(*this, done); });
    if (opened) durable = opened->last_durable;
    return opened;
  }

  /// As a server that is stopped: what the disk was given is done.
  void stop() {
    store->stop();
    store.reset();
    loop.run_for(std::chrono::seconds(1));
    if (files().down()) throw Ended{};
  }

  /// Does the work of another program on the same files.
  Result<void> offline(const std::function<Result<void>(FileSystem&)>& work) {
    try {
      return work(files());
    } catch (const SimulatedCrash&) {
      throw Ended{};
    }
  }

  file::Directories directories() const {
    const auto logs = server_settings_.find("dataLogDir");
    return {"/data", logs == server_settings_.end() ? "" : logs->second};
  }

  void end_process() { store.reset(); }

  /// Power comes back, or the process is begun again.
  void restart() {
    end_process();
    files().set_syncs(SimulatedFileSystem::Syncs::work);
    files().restart();
    failure.reset();
  }

  void fail_power(CrashLoss loss) {
    end_process();
    if (!files().down()) files().crash(loss);
    restart();
  }

  SimulatedLoop loop;
  SimulatedDisk disk;
  std::unique_ptr<file::FileStore> store;
  std::optional<Error> failure;
  Zxid durable;  ///< As the store has reported.

 private:
  void on_durable(Zxid zxid) override {
    if (zxid <= durable) throw Violation("a durable event goes back");
    durable = zxid;
  }
  void on_failed(const Error& error) override { failure = error; }
  void on_space(bool, std::uint64_t) override {}

  Settings options_, server_settings_;
  std::unique_ptr<FakeHost> host_;
};

}  // namespace vivarium::test
