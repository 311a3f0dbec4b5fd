// The files in which an ensemble's membership is kept once it can change.
#include "kernel/host/dynamic_config.hpp"

#include "kernel/simulation/simulated_disk.hpp"
#include "kernel/simulation/simulated_loop.hpp"
#include "tests/support/temporary_directory.hpp"

#include <catch2/catch.hpp>

#include <fstream>
#include <map>

using namespace vivarium;
using Catch::Matchers::Contains;

namespace {

const std::string kZooCfg = "/etc/zoo.cfg";
const std::string kStatic = "# the lines of a person\n"
                            "tickTime = 2000\n"
                            "dataDir=/var/lib/zk\n"
                            "clientPort=2181\n"
                            "clientPortAddress=10.0.0.1\n"
                            "clientPortListenBacklog=5\n"
                            "  server.1=10.0.0.1:2888:\\\n"
                            "      3888\n"
                            "! and more of them\n"
                            "peerType=participant\n"
                            "server.2=10.0.0.2:2888:3888\n"
                            "group.1=1:2\n"
                            "weight.1=1\n"
                            "serverish=stays\n"
                            "vivarium.storage=file";

Membership membership(std::uint64_t version) {
  return {version,
          {{"server.2", "10.0.0.2:2888:3888:participant;2181", ""},
           {"server.1", "10.0.0.1:2888:3888:participant;2181", ""}}};
}
const std::string kLines = "server.1=10.0.0.1:2888:3888:participant;2181\n"
                           "server.2=10.0.0.2:2888:3888:participant;2181\n";

/// /etc on a simulated disk, with a zoo.cfg.
struct Etc {
  explicit Etc(std::uint64_t seed = 1) : loop(seed), disk(loop) {
    REQUIRE(files().create_directories("/etc").has_value());
    write(kZooCfg, kStatic);
  }
  SimulatedFileSystem& files() { return disk.files(); }

  void write(const std::string& path, std::string_view text) {
    auto file = files().open(path, OpenMode::create_empty);
    REQUIRE((*file)->write_at(0, text).has_value());
    REQUIRE((*file)->sync().has_value());
    REQUIRE(files().sync_directory("/etc").has_value());
  }
  /// Every file, by its name.
  std::map<std::string, std::string> all() {
    std::map<std::string, std::string> all;
    for (const DirectoryEntry& one : *files().list("/etc")) {
      auto file = files().open("/etc/" + one.name, OpenMode::read);
      std::string text(static_cast<std::size_t>(*(*file)->size()), '\0');
      CHECK((*file)->read_at(0, text.data(), text.size()).has_value());
      all[one.name] = text;
    }
    return all;
  }

  SimulatedLoop loop;
  SimulatedDisk disk;
};

}  // namespace

TEST_CASE("an activated membership stands in its own file, and zoo.cfg names that") {
  Etc etc;
  REQUIRE(
      activate_membership(etc.files(), kZooCfg, membership(0x100000003), ClientPort::in_membership)
          .has_value());
  const auto all = etc.all();
  CHECK(all.size() == 3);
  CHECK(all.at("zoo.cfg.dynamic.100000003") == kLines);
  CHECK(all.at("zoo.cfg.bak") == kStatic);
  CHECK(all.at("zoo.cfg") == "# the lines of a person\n"
                             "tickTime = 2000\n"
                             "dataDir=/var/lib/zk\n"
                             "clientPortListenBacklog=5\n"
                             "! and more of them\n"
                             "serverish=stays\n"
                             "vivarium.storage=file\n"
                             "dynamicConfigFile=/etc/zoo.cfg.dynamic.100000003\n");
}

TEST_CASE("the client port stays in zoo.cfg when the membership does not name it") {
  Etc etc;
  REQUIRE(
      activate_membership(etc.files(), kZooCfg, membership(1), ClientPort::in_zoo_cfg).has_value());
  CHECK_THAT(etc.all().at("zoo.cfg"),
             Contains("clientPort=2181\n") && Contains("clientPortAddress=10.0.0.1\n"));
}

TEST_CASE("the zoo.cfg that a person wrote is kept through all later changes") {
  Etc etc;
  for (const std::uint64_t version : {5u, 6u, 0xau})
    REQUIRE(
        activate_membership(etc.files(), kZooCfg, membership(version), ClientPort::in_membership)
            .has_value());
  const auto all = etc.all();
  CHECK(all.at("zoo.cfg.bak") == kStatic);
  CHECK(all.at("zoo.cfg").ends_with(
      "vivarium.storage=file\ndynamicConfigFile=/etc/zoo.cfg.dynamic.a\n"));
  CHECK(all.at("zoo.cfg").find("dynamic.6") == std::string::npos);
}

TEST_CASE("a proposed membership has its version in it, and goes when one is activated") {
  Etc etc;
  REQUIRE(propose_membership(etc.files(), kZooCfg, membership(0x2f)).has_value());
  CHECK(etc.all().at("zoo.cfg.dynamic.next") == kLines + "version=2f\n");
  CHECK(etc.all().at("zoo.cfg") == kStatic);
  REQUIRE(activate_membership(etc.files(), kZooCfg, membership(0x2f), ClientPort::in_membership)
              .has_value());
  CHECK_FALSE(etc.all().contains("zoo.cfg.dynamic.next"));
}

TEST_CASE("a crash at any operation of an activation leaves a config that is whole") {
  for (const auto loss : {CrashLoss::everything, CrashLoss::something, CrashLoss::nothing})
    for (std::uint64_t seed = 1; seed <= 3; ++seed)
      for (std::uint64_t operation = 1;; ++operation) {
        CAPTURE(static_cast<int>(loss), seed, operation);
        Etc etc(seed);
        REQUIRE(propose_membership(etc.files(), kZooCfg, membership(7)).has_value());
        etc.files().crash_at(etc.files().operations() + operation, loss);
        bool done = false;
        try {
          done = activate_membership(etc.files(), kZooCfg, membership(7), ClientPort::in_membership)
                     .has_value();
        } catch (const SimulatedCrash&) {
        }
        if (!etc.files().down()) etc.files().crash(loss);
        etc.files().restart();
        const auto all = etc.all();
        const bool activated = all.at("zoo.cfg") != kStatic;
        if (done) CHECK(activated);
        if (activated) {
          CHECK(all.at("zoo.cfg").ends_with("\ndynamicConfigFile=/etc/zoo.cfg.dynamic.7\n"));
          CHECK(all.at("zoo.cfg.dynamic.7") == kLines);
          CHECK(all.at("zoo.cfg.bak") == kStatic);
        } else {
          // It still is known what was proposed.
          CHECK(all.at("zoo.cfg.dynamic.next") == kLines + "version=7\n");
        }
        // What was begun can be done again.
        REQUIRE(activate_membership(etc.files(), kZooCfg, membership(7), ClientPort::in_membership)
                    .has_value());
        CHECK(etc.all().at("zoo.cfg.bak") == kStatic);
        if (done) {
          CHECK(operation > 15);
          break;
        }
      }
}

TEST_CASE("a failed operation of an activation is told, and leaves a config that is whole") {
  for (std::uint64_t operation = 1;; ++operation) {
    CAPTURE(operation);
    Etc etc;
    etc.files().fail_at(etc.files().operations() + operation);
    const auto done =
        activate_membership(etc.files(), kZooCfg, membership(7), ClientPort::in_membership);
    etc.files().fail_at(0);
    const auto all = etc.all();
    if (all.at("zoo.cfg") != kStatic) CHECK(all.at("zoo.cfg.dynamic.7") == kLines);
    if (!done) continue;
    CHECK(operation > 10);
    break;
  }
}

// --- reading -------------------------------------------------------------------------------------

namespace {

struct Folder {
  test::TemporaryDirectory directory;
  std::string put(const std::string& name, const std::string& text) {
    const std::string path = directory.path() + "/" + name;
    std::ofstream(path) << text;
    return path;
  }
};

}  // namespace

TEST_CASE("the version of a dynamic file stands in its name") {
  CHECK(version_in_name("/etc/zoo.cfg.dynamic.100000003") == 0x100000003);
  CHECK(version_in_name("zoo.cfg.dynamic.0") == 0);
  CHECK_FALSE(version_in_name("/etc/zoo.cfg.dynamic"));
  CHECK_FALSE(version_in_name("/etc/zoo.cfg.dynamic.next"));
  CHECK_FALSE(version_in_name("/etc/zoo.cfg.dynamic."));
  CHECK_FALSE(version_in_name("dynamic"));
  Folder folder;
  CHECK(read_membership(folder.put("zoo.cfg.dynamic.2a", kLines))->version == 0x2a);
  CHECK(read_membership(folder.put("members", kLines))->version == 0);
  CHECK(read_membership(folder.put("members", kLines))->lines.size() == 2);
}

TEST_CASE("what does not belong into a dynamic file is refused, as ZooKeeper does") {
  Folder folder;
  for (const std::string line : {"version=5", "clientPort=2181", "dataDir=/x", "servers.1=a"}) {
    const auto read = read_membership(folder.put("zoo.cfg.dynamic.5", kLines + line + "\n"));
    REQUIRE(read.has_error());
    CHECK_THAT(read.error().what,
               Contains("zoo.cfg.dynamic.5:3: " + line.substr(0, line.find('='))));
  }
}

TEST_CASE("a proposed membership is read with its version, and without one not believed") {
  Folder folder;
  const std::string zoo_cfg = folder.put("zoo.cfg", kStatic);
  const auto none = read_proposed_membership(zoo_cfg);
  REQUIRE(none.has_value());
  CHECK_FALSE(*none);
  folder.put("zoo.cfg.dynamic.next", kLines + "version=2f\n");
  const auto proposed = read_proposed_membership(zoo_cfg);
  REQUIRE(proposed.has_value());
  CHECK((*proposed)->version == 0x2f);
  CHECK((*proposed)->lines.size() == 2);
  for (const std::string line : {"", "version=\n", "version=next\n", "version=1 2\n"}) {
    folder.put("zoo.cfg.dynamic.next", kLines + line);
    CHECK_THAT(read_proposed_membership(zoo_cfg).error().what, Contains("version="));
  }
}
