// What a Disk and its files promise, on the real and the simulated one.
#include "tests/contract/doors.hpp"

#include <catch2/catch.hpp>

#include <future>
#include <string>
#include <vector>

#include <fcntl.h>
#include <unistd.h>

using namespace vivarium;
using namespace vivarium::test;

#define ON_BOTH_DISKS(name) TEMPLATE_TEST_CASE(name, "[disk]", RealDoors, SimulatedDoors)

namespace {

/// A disk, its blocking files, and a folder to work in.
template <class Doors>
struct Bench {
  Doors doors;
  std::unique_ptr<typename Doors::DiskType> disk = doors.disk();
  FileSystem& files = disk->blocking();
  std::string folder = doors.directory() == "/" ? "/work" : doors.directory() + "/work";

  Bench() { REQUIRE(files.create_directories(folder).has_value()); }
  std::string path(const std::string& name) const { return folder + "/" + name; }
};

std::unique_ptr<File> open(FileSystem& files, const std::string& path, OpenMode mode) {
  auto file = files.open(path, mode);
  REQUIRE(file.has_value());
  return std::move(*file);
}

void write(FileSystem& files, const std::string& path, std::string_view content) {
  const auto file = open(files, path, OpenMode::create_empty);
  REQUIRE(file->write_at(0, content).has_value());
}

std::string read(FileSystem& files, const std::string& path) {
  const auto file = open(files, path, OpenMode::read);
  std::string content(static_cast<std::size_t>(*file->size()), '?');
  REQUIRE(*file->read_at(0, content.data(), content.size()) == content.size());
  return content;
}

std::vector<std::string> names(FileSystem& files, const std::string& folder) {
  std::vector<std::string> names;
  const auto entries = files.list(folder);
  for (const auto& entry : *entries) names.push_back(entry.name);
  return names;
}

template <class T>
bool fails_with(const Result<T>& result, Errc code) {
  return result.has_error() && result.error().is(code);
}

}  // namespace

ON_BOTH_DISKS("each mode of open creates, empties or refuses as it says") {
  Bench<TestType> bench;
  const auto path = bench.path("file");
  CHECK(fails_with(bench.files.open(path, OpenMode::read), Errc::not_found));
  CHECK(fails_with(bench.files.open(path, OpenMode::read_write), Errc::not_found));
  CHECK(fails_with(bench.files.open(bench.path("no/file"), OpenMode::create_new), Errc::not_found));
  write(bench.files, path, "content");
  CHECK(fails_with(bench.files.open(path, OpenMode::create_new), Errc::already_exists));
  CHECK(*open(bench.files, path, OpenMode::read_write)->size() == 7);
  CHECK(*open(bench.files, path, OpenMode::create_empty)->size() == 0);
}

ON_BOTH_DISKS("a failure names the path and what was tried") {
  Bench<TestType> bench;
  const auto path = bench.path("missing");
  const auto what = bench.files.open(path, OpenMode::read).error().what;
  CHECK_THAT(what, Catch::Contains(path) && Catch::Contains("opening") &&
                       Catch::Contains("No such file or directory"));
}

ON_BOTH_DISKS("bytes are read where they were written, and fewer only at the end") {
  Bench<TestType> bench;
  const auto file = open(bench.files, bench.path("file"), OpenMode::create_new);
  REQUIRE(file->write_at(5000, "tail").has_value());
  REQUIRE(file->write_at(4094, "middle").has_value());
  REQUIRE(file->write_at(0, "head").has_value());
  CHECK(*file->size() == 5004);
  std::string got(6000, '?');
  REQUIRE(*file->read_at(0, got.data(), got.size()) == 5004);
  CHECK(got.substr(0, 5) == std::string("head\0", 5));
  CHECK(got.substr(4093, 8) == std::string("\0middle\0", 8));
  CHECK(got.substr(5000, 4) == "tail");
  CHECK(*file->read_at(5002, got.data(), 10) == 2);
  CHECK(*file->read_at(5004, got.data(), 10) == 0);
  CHECK(*file->read_at(9999, got.data(), 10) == 0);
}

ON_BOTH_DISKS("allocate and truncate give zeros and exact sizes") {
  Bench<TestType> bench;
  const auto file = open(bench.files, bench.path("file"), OpenMode::create_new);
  REQUIRE(file->write_at(0, "0123456789").has_value());
  REQUIRE(file->allocate(10'000).has_value());
  CHECK(*file->size() == 10'000);
  REQUIRE(file->allocate(100).has_value());
  CHECK(*file->size() == 10'000);
  REQUIRE(file->truncate(4).has_value());
  REQUIRE(file->truncate(8).has_value());
  CHECK(read(bench.files, bench.path("file")) == std::string("0123\0\0\0\0", 8));
}

ON_BOTH_DISKS("a rename replaces its target, and the names of a directory are listed in order") {
  Bench<TestType> bench;
  write(bench.files, bench.path("b"), "new");
  write(bench.files, bench.path("c"), "old");
  write(bench.files, bench.path("a"), "");
  REQUIRE(bench.files.create_directories(bench.path("d/e")).has_value());
  REQUIRE(bench.files.rename(bench.path("b"), bench.path("c")).has_value());
  CHECK(names(bench.files, bench.folder) == std::vector<std::string>{"a", "c", "d"});
  CHECK(read(bench.files, bench.path("c")) == "new");
  CHECK(bench.files.list(bench.folder)->at(2).directory);
  CHECK_FALSE(bench.files.list(bench.folder)->at(0).directory);
  CHECK(fails_with(bench.files.rename(bench.path("b"), bench.path("c")), Errc::not_found));
  CHECK(fails_with(bench.files.list(bench.path("none")), Errc::not_found));
}

ON_BOTH_DISKS("a removed file is gone by name, and an open one can still be read") {
  Bench<TestType> bench;
  write(bench.files, bench.path("file"), "content");
  const auto file = open(bench.files, bench.path("file"), OpenMode::read);
  REQUIRE(bench.files.remove(bench.path("file")).has_value());
  CHECK_FALSE(bench.files.exists(bench.path("file")));
  CHECK(fails_with(bench.files.remove(bench.path("file")), Errc::not_found));
  char byte = 0;
  CHECK(*file->read_at(0, &byte, 1) == 1);
  CHECK(byte == 'c');
}

ON_BOTH_DISKS("directories that are there already, with parents, are no failure") {
  Bench<TestType> bench;
  REQUIRE(bench.files.create_directories(bench.path("x/y/z")).has_value());
  REQUIRE(bench.files.create_directories(bench.path("x/y/z")).has_value());
  CHECK(bench.files.exists(bench.path("x/y/z")));
  CHECK(bench.files.sync_directory(bench.path("x")).has_value());
  CHECK(fails_with(bench.files.sync_directory(bench.path("none")), Errc::not_found));
}

ON_BOTH_DISKS("a lock excludes every other one until it is released") {
  Bench<TestType> bench;
  auto lock = bench.files.lock(bench.path("lock"));
  REQUIRE(lock.has_value());
  const auto second = bench.files.lock(bench.path("lock"));
  REQUIRE(fails_with(second, Errc::in_use));
  CHECK_THAT(second.error().what, Catch::Contains(bench.path("lock")));
  // Another descriptor of the file, closed, does not release it.
  (void)read(bench.files, bench.path("lock"));
  CHECK(fails_with(bench.files.lock(bench.path("lock")), Errc::in_use));
  lock->reset();
  CHECK(bench.files.lock(bench.path("lock")).has_value());
}

ON_BOTH_DISKS("the free space is told") {
  Bench<TestType> bench;
  CHECK(*bench.files.free_bytes(bench.folder) > 0);
}

ON_BOTH_DISKS("jobs of one lane run in order, each before its completion, on the loop") {
  Bench<TestType> bench;
  const auto order = std::make_shared<std::vector<int>>();
  std::vector<std::size_t> completed;
  for (int i = 0; i < 50; ++i)
    bench.disk->submit(
        Lane::log, [order, i](FileSystem&) { order->push_back(i); },
        [&, i] {
          CHECK(bench.doors.loop->on_core_thread());
          completed.push_back(static_cast<std::size_t>(i));
        });
  CHECK(completed.empty());
  REQUIRE(bench.doors.run_until([&] { return completed.size() == 50; }));
  for (std::size_t i = 0; i < 50; ++i) {
    CHECK(completed[i] == i);
    CHECK((*order)[i] == static_cast<int>(i));
  }
}

ON_BOTH_DISKS("a job works on files as sequential code") {
  Bench<TestType> bench;
  const auto problem = std::make_shared<std::string>("not run");
  bool done = false;
  const auto job = [problem, folder = bench.folder](FileSystem& files) -> Result<void> {
    auto file = files.open(folder + "/new.tmp", OpenMode::create_new);
    if (file.has_error()) return file.error();
    if (auto wrote = (*file)->write_at(0, "content"); wrote.has_error()) return wrote;
    if (auto synced = (*file)->sync(); synced.has_error()) return synced;
    if (auto named = files.rename(folder + "/new.tmp", folder + "/new"); named.has_error())
      return named;
    return files.sync_directory(folder);
  };
  bench.disk->submit(
      Lane::bulk,
      [=](FileSystem& files) {
        const auto result = job(files);
        *problem = result.has_error() ? result.error().what : "";
      },
      [&] { done = true; });
  REQUIRE(bench.doors.run_until([&] { return done; }));
  CHECK(*problem == "");
  CHECK(read(bench.files, bench.path("new")) == "content");
}

ON_BOTH_DISKS("what a job captured is gone before its completion runs") {
  Bench<TestType> bench;
  const auto held = std::make_shared<int>();
  long owners = 0;
  bench.disk->submit(
      Lane::log, [held](FileSystem&) {}, [&] { owners = held.use_count(); });
  REQUIRE(bench.doors.run_until([&] { return owners != 0; }));
  CHECK(owners == 1);
}

ON_BOTH_DISKS("what is pending when the disk ends is destroyed unrun") {
  Bench<TestType> bench;
  const auto held = std::make_shared<int>();
  int completed = 0;
  for (int i = 0; i < 100; ++i)
    bench.disk->submit(
        i % 2 ? Lane::log : Lane::bulk, [held](FileSystem&) {},
        [held, &completed] { ++completed; });
  bench.disk.reset();
  CHECK(held.use_count() == 1);
  bool end = false;
  bench.doors.loop->post([&] { end = true; });
  REQUIRE(bench.doors.run_until([&] { return end; }));
  CHECK(completed == 0);
}

ON_BOTH_DISKS("a completion may end the disk") {
  Bench<TestType> bench;
  bool ended = false;
  for (int i = 0; i < 3; ++i)
    bench.disk->submit(
        Lane::log, [](FileSystem&) {},
        [&] {
          CHECK_FALSE(ended);
          bench.disk.reset();
          ended = true;
        });
  REQUIRE(bench.doors.run_until([&] { return ended; }));
}

// --- the real disk alone -------------------------------------------------------------------------

TEST_CASE("the lanes of a real disk run beside each other", "[disk]") {
  RealDoors doors;
  const auto disk = doors.disk();
  const auto meeting = std::make_shared<std::promise<void>>();
  int completed = 0;
  disk->submit(
      Lane::bulk, [meeting](FileSystem&) { meeting->get_future().wait(); }, [&] { ++completed; });
  disk->submit(
      Lane::log, [meeting](FileSystem&) { meeting->set_value(); }, [&] { ++completed; });
  REQUIRE(doors.run_until([&] { return completed == 2; }));
}

TEST_CASE("a lock excludes the record locks of other processes", "[disk]") {
  Bench<RealDoors> bench;
  const auto lock = bench.files.lock(bench.path("lock"));
  REQUIRE(lock.has_value());
  // Record locks belong to a process: one of this process would not conflict with another of it,
  // but the lock held belongs to an open file and conflicts with both.
  const int descriptor = ::open(bench.path("lock").c_str(), O_RDWR | O_CLOEXEC);
  struct flock whole {};
  whole.l_type = F_WRLCK;
  whole.l_whence = SEEK_SET;
  CHECK(::fcntl(descriptor, F_SETLK, &whole) == -1);
  ::close(descriptor);
}

// --- the simulated disk alone --------------------------------------------------------------------

namespace {

using SimulatedBench = Bench<SimulatedDoors>;

void reboot(SimulatedBench& bench, CrashLoss loss) {
  bench.disk->files().crash(loss);
  bench.disk->files().restart();
}

}  // namespace

TEST_CASE("a crash loses content that was not synced", "[disk][simulated]") {
  SimulatedBench bench;
  const auto file = open(bench.files, bench.path("file"), OpenMode::create_new);
  REQUIRE(bench.files.sync_directory(bench.folder).has_value());
  REQUIRE(file->write_at(0, "kept").has_value());
  REQUIRE(file->sync().has_value());
  REQUIRE(file->write_at(4, "lost").has_value());
  reboot(bench, CrashLoss::everything);
  CHECK(read(bench.files, bench.path("file")) == "kept");
}

TEST_CASE("a crash loses names that were not synced, whatever was done to the file",
          "[disk][simulated]") {
  SimulatedBench bench;
  write(bench.files, bench.path("old"), "");
  REQUIRE(bench.files.sync_directory(bench.folder).has_value());
  const auto file = open(bench.files, bench.path("new"), OpenMode::create_new);
  REQUIRE(file->write_at(0, "content").has_value());
  REQUIRE(file->sync().has_value());
  REQUIRE(bench.files.remove(bench.path("old")).has_value());
  reboot(bench, CrashLoss::everything);
  CHECK(names(bench.files, bench.folder) == std::vector<std::string>{"old"});
}

TEST_CASE("a rename that was not synced is undone by a crash as a whole", "[disk][simulated]") {
  SimulatedBench bench;
  write(bench.files, bench.path("a"), "");
  REQUIRE(bench.files.sync_directory(bench.folder).has_value());
  REQUIRE(bench.files.rename(bench.path("a"), bench.path("b")).has_value());
  SECTION("not synced") {
    reboot(bench, CrashLoss::everything);
    CHECK(names(bench.files, bench.folder) == std::vector<std::string>{"a"});
  }
  SECTION("synced") {
    REQUIRE(bench.files.sync_directory(bench.folder).has_value());
    reboot(bench, CrashLoss::everything);
    CHECK(names(bench.files, bench.folder) == std::vector<std::string>{"b"});
  }
}

TEST_CASE("a crash may lose nothing, and may tear what was not synced at sectors",
          "[disk][simulated]") {
  SimulatedBench bench;
  const std::string content(8 * 512, 'x');
  const auto file = open(bench.files, bench.path("file"), OpenMode::create_new);
  REQUIRE(bench.files.sync_directory(bench.folder).has_value());
  bool torn = false;
  for (int round = 0; round < 50 && !torn; ++round) {
    write(bench.files, bench.path("file"), content);
    reboot(bench, CrashLoss::something);
    const auto left = read(bench.files, bench.path("file"));
    for (std::size_t at = 0; at < left.size(); ++at) REQUIRE((left[at] == 'x' || left[at] == '\0'));
    for (std::size_t at = 0; at + 1 < left.size(); ++at)
      if (left[at] != left[at + 1]) REQUIRE((at + 1) % 512 == 0);
    torn = torn || (left.find('x') != std::string::npos && left != content);
  }
  CHECK(torn);
  write(bench.files, bench.path("file"), content);
  reboot(bench, CrashLoss::nothing);
  CHECK(read(bench.files, bench.path("file")) == content);
}

TEST_CASE("a failed sync poisons the file and forgets what it should have written",
          "[disk][simulated]") {
  SimulatedBench bench;
  auto file = open(bench.files, bench.path("file"), OpenMode::create_new);
  REQUIRE(bench.files.sync_directory(bench.folder).has_value());
  REQUIRE(file->write_at(0, std::string(512 * 200, 'x')).has_value());
  bench.disk->files().set_syncs(SimulatedFileSystem::Syncs::fail);
  CHECK(fails_with(file->sync(), Errc::io_failed));
  bench.disk->files().set_syncs(SimulatedFileSystem::Syncs::work);
  CHECK(fails_with(file->write_at(0, "x"), Errc::io_failed));
  CHECK(fails_with(file->sync(), Errc::io_failed));
  // Opened anew it syncs without a complaint, and the data is gone all the same.
  file = open(bench.files, bench.path("file"), OpenMode::read_write);
  CHECK(file->sync().has_value());
  reboot(bench, CrashLoss::nothing);
  CHECK(read(bench.files, bench.path("file")) != std::string(512 * 200, 'x'));
}

TEST_CASE("the operation chosen to fail fails and has no effect", "[disk][simulated]") {
  SimulatedBench bench;
  const auto file = open(bench.files, bench.path("file"), OpenMode::create_new);
  bench.disk->files().fail_at(bench.disk->files().operations() + 2);
  CHECK(file->write_at(0, "one").has_value());
  CHECK(fails_with(file->write_at(0, "two"), Errc::io_failed));
  CHECK(read(bench.files, bench.path("file")) == "one");
}

TEST_CASE("a full disk refuses what does not fit", "[disk][simulated]") {
  SimulatedBench bench;
  bench.disk->files().set_capacity(1000);
  const auto file = open(bench.files, bench.path("file"), OpenMode::create_new);
  CHECK(fails_with(file->allocate(1001), Errc::no_space));
  REQUIRE(file->allocate(600).has_value());
  CHECK(*bench.files.free_bytes(bench.folder) == 400);
  CHECK(file->write_at(0, std::string(600, 'x')).has_value());
  CHECK(fails_with(file->write_at(600, std::string(401, 'x')), Errc::no_space));
  CHECK(*file->size() == 1000);  // As systems do, what fits was written.
  bench.disk->files().set_capacity(500);
  CHECK(*bench.files.free_bytes(bench.folder) == 0);
  CHECK(file->write_at(0, std::string(1000, 'y')).has_value());
  CHECK(fails_with(file->write_at(999, "zz"), Errc::no_space));
  bench.disk->files().set_capacity(1000);
  REQUIRE(file->truncate(0).has_value());
  CHECK(*bench.files.free_bytes(bench.folder) == 1000);
}

TEST_CASE("a crash inside a job ends it there, and nothing runs until the restart",
          "[disk][simulated]") {
  SimulatedBench bench;
  const auto reached = std::make_shared<int>(0);
  bool completed = false;
  const auto job = [reached, folder = bench.folder](FileSystem& files) {
    ++*reached;
    (void)files.open(folder + "/one", OpenMode::create_new);
    ++*reached;
    (void)files.open(folder + "/two", OpenMode::create_new);
    ++*reached;
  };
  auto& files = bench.disk->files();
  files.crash_at(files.operations() + 2, CrashLoss::nothing);
  bench.disk->submit(Lane::log, job, [&] { completed = true; });
  bench.disk->submit(Lane::log, job, [&] { completed = true; });
  REQUIRE(bench.doors.run_until([&] { return files.down(); }));
  CHECK(*reached == 2);
  bench.disk->submit(Lane::bulk, job, [&] { completed = true; });
  bench.doors.loop->run_for(std::chrono::seconds(1));
  CHECK_FALSE(completed);
  files.restart();
  CHECK(names(bench.files, bench.folder) == std::vector<std::string>{"one", "two"});
}

TEST_CASE("files and locks of before a crash are dead after it", "[disk][simulated]") {
  SimulatedBench bench;
  auto lock = bench.files.lock(bench.path("lock"));
  const auto file = open(bench.files, bench.path("file"), OpenMode::create_new);
  reboot(bench, CrashLoss::nothing);
  CHECK(fails_with(file->size(), Errc::closed));
  auto second = bench.files.lock(bench.path("lock"));
  CHECK(second.has_value());
  lock->reset();  // Releases nothing of the new one.
  CHECK(fails_with(bench.files.lock(bench.path("lock")), Errc::in_use));
}

TEST_CASE("a slow disk takes virtual time", "[disk][simulated]") {
  SimulatedBench bench;
  bench.disk->set_longest_operation(std::chrono::hours(1));
  bool done = false;
  for (int i = 0; i < 20; ++i)
    bench.disk->submit(
        Lane::log, [](FileSystem&) {}, [] {});
  bench.disk->submit(
      Lane::log, [](FileSystem&) {}, [&] { done = true; });
  bench.doors.loop->run_for(std::chrono::seconds(1));
  CHECK_FALSE(done);
  bench.doors.loop->run_for(std::chrono::hours(21));
  CHECK(done);
}
