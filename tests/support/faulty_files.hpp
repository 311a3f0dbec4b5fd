#pragma once
// The files of a server on a simulated disk, a faulty store around them.

#include "kernel/simulation/simulated_disk.hpp"
#include "storage/faulty/faulty_store.hpp"
#include "storage/file/file_store.hpp"
#include "tests/support/test_server.hpp"

#include <memory>
#include <stdexcept>
#include <string>

namespace vivarium::test {

class FaultyFiles final : public TestStorage {
 public:
  FaultyFiles(SimulatedLoop& loop, const std::string& faults) : disk(loop) {
    const FakeDoors doors{&loop, &disk, nullptr};
    file_host_ = std::make_unique<FakeHost>(file::kFileOptions, Settings{{"prealloc", "64K"}}, doors);
    file_host_->server_settings["dataDir"] = "/data";
    host_ = std::make_unique<FakeHost>(kFaultyOptions, Settings{{"faults", faults}}, doors);
    host_->inner = std::make_unique<file::FileStore>(*file_host_);
    store_ = std::make_unique<FaultyStore>(*host_);
  }
  LogStore& store() override { return *store_; }
  void set_faults(const std::string& script) {
    host_->fake_options.set("faults", script);
    if (!store_->reload()) throw std::runtime_error("no such faults");
  }

  SimulatedDisk disk;

 private:
  std::unique_ptr<FakeHost> file_host_, host_;
  std::unique_ptr<FaultyStore> store_;
};

}  // namespace vivarium::test
