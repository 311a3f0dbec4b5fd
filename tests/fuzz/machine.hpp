#pragma once
// A server's storage and state on a simulated machine, whose disk holds an image: opened and
// replayed as a server does at its start, used, cut off from power, and opened again.

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "kernel/core/recovery.hpp"
#include "kernel/simulation/simulated_disk.hpp"
#include "storage/file/file_store.hpp"
#include "tests/fuzz/image.hpp"
#include "tests/support/fake_host.hpp"

namespace vivarium::fuzz {

inline const std::string kDataDir = "/data";

class Machine final : private LogStoreEvents {
 public:
  /// `folder`: where the files of the image lie; the server's data directory is kDataDir.
  explicit Machine(const Image& image, const std::string& folder = kDataDir);
  ~Machine() override;

  /// Opens the data directory and replays it: the state, or why not.
  Result<Recovered> start();
  /// For work on the disk while no server runs.
  FileSystem& files() { return disk_.blocking(); }
  /// The server's process is gone, and with it all that was not synced.
  void lose_power();

  /// All entries that the store gives above `after`.
  std::vector<LogEntry> entries(Zxid after);
  /// Appends and waits until all is durable.
  void append(const std::vector<LogEntry>& entries);
  Result<void> truncate_after(Zxid zxid);
  void set_epoch(EpochKind kind, Epoch epoch);
  /// Writes the state as a snapshot beside the history.
  void take_snapshot(Database& database);

 private:
  void on_durable(Zxid zxid) override { durable_ = zxid; }
  void on_failed(const Error& error) override;
  void on_space(bool, std::uint64_t) override {}

  template <class T>
  Result<T> await(const std::function<void(Done<T>)>& begin);
  void make_store();

  SimulatedLoop loop_{1};
  SimulatedDisk disk_{loop_};
  std::unique_ptr<test::FakeHost> host_;
  std::unique_ptr<file::FileStore> store_;
  Zxid durable_;
};

}  // namespace vivarium::fuzz
