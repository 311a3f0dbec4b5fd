// What a million znodes cost: bytes each, and ns of CPU for each operation. A plain program, run by
// hand: tree_bench [directories] [children of each] [bytes of data]
#include "kernel/core/tree.hpp"

#include <malloc.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <random>
#include <string>
#include <string_view>
#include <vector>

using namespace vivarium;

namespace {

/// Held by value: in shuffled order, the text of a std::string would be a cache miss of its own.
struct Path {
  char text[40];
  std::string_view view() const { return text; }
  std::string_view parent() const { return view().substr(0, view().rfind('/')); }
};

std::vector<Path> make_paths(int directories, int children) {
  std::vector<Path> paths;
  for (int directory = 0; directory < directories; ++directory)
    for (int child = 0; child < children; ++child)
      std::snprintf(paths.emplace_back().text, sizeof(Path), "/bench/dir%05d/node%06d", directory,
                    child);
  return paths;
}

NewZnode node_with(std::string_view data) {
  NewZnode node;
  node.data = data;
  node.czxid = node.mzxid = node.pzxid = 1;
  return node;
}

std::size_t resident_bytes() {
  std::size_t total = 0, resident = 0;
  std::ifstream("/proc/self/statm") >> total >> resident;
  return resident * static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
}

std::size_t allocated_bytes() {
  const auto info = mallinfo2();
  return info.uordblks + info.hblkhd;
}

/// Of this thread, so that a busy machine shows less.
double cpu_ns() {
  timespec now;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e9 + static_cast<double>(now.tv_nsec);
}

template <class Each>
void measure(const char* what, const std::vector<Path>& paths, Each each) {
  const auto start = cpu_ns();
  for (const auto& path : paths) each(path);
  std::printf("%-40s %8.0f ns\n", what, (cpu_ns() - start) / static_cast<double>(paths.size()));
}

void walk_over(Tree& tree) {
  const auto start = cpu_ns();
  const auto walk = tree.walk();
  std::string piece;
  double longest_ns = 0;
  for (bool more = true; more;) {
    piece.clear();
    const auto piece_start = cpu_ns();
    more = walk->next(piece, 64 << 10);
    longest_ns = std::max(longest_ns, cpu_ns() - piece_start);
  }
  std::printf("%-40s %8.0f ns, longest piece of 64 KiB %.0f us\n", "snapshot walk, per node",
              (cpu_ns() - start) / static_cast<double>(tree.node_count()), longest_ns / 1e3);
}

}  // namespace

int main(int count, char** arguments) {
  const auto argument = [&](int at, int otherwise) {
    return count > at ? std::atoi(arguments[at]) : otherwise;
  };
  const std::string data(static_cast<std::size_t>(argument(3, 100)), 'd');
  const std::string other(data.size(), 'o'), longer = data + data;
  auto paths = make_paths(argument(1, 1000), argument(2, 1000));
  std::int64_t zxid = 1;

  const auto resident_before = resident_bytes();
  const auto allocated_before = allocated_bytes();
  AclTable acls;
  Tree tree(acls, 42);
  tree.add("/bench", node_with(""));
  for (const auto& path : paths)
    if (!tree.find(path.parent())) tree.add(path.parent(), node_with(""));
  measure("add and touch parent, in order", paths, [&](const Path& path) {
    ++zxid;
    tree.add(path.view(), node_with(data));
    tree.touch_parent(path.parent(), static_cast<std::int32_t>(zxid), zxid);
  });
  const auto nodes = static_cast<double>(tree.node_count());
  std::printf("%-40s %8.1f B resident, %.1f B allocated\n", "per node",
              static_cast<double>(resident_bytes() - resident_before) / nodes,
              static_cast<double>(allocated_bytes() - allocated_before) / nodes);

  std::shuffle(paths.begin(), paths.end(), std::mt19937(1));
  std::size_t found = 0;
  measure("find, at random", paths,
          [&](const Path& path) { found += tree.find(path.view()) != nullptr; });
  measure("find, always the same", paths,
          [&](const Path&) { found += tree.find(paths[0].view()) != nullptr; });
  measure("find of what is not there, at random", paths, [&](const Path& path) {
    found += tree.find(path.view().substr(0, path.view().size() - 1)) != nullptr;
  });
  measure("set data of the same size, at random", paths,
          [&](const Path& path) { tree.set_data(path.view(), other, 1, ++zxid, 1); });
  measure("set data of the same size, the same", paths,
          [&](const Path&) { tree.set_data(paths[0].view(), other, 1, ++zxid, 1); });
  walk_over(tree);
  const auto walk = tree.walk();
  measure("set data during a walk, at random", paths,
          [&](const Path& path) { tree.set_data(path.view(), data, 2, ++zxid, 1); });
  std::string rest;
  while (walk->next(rest, 1 << 20)) rest.clear();
  measure("set data of twice the size, at random", paths,
          [&](const Path& path) { tree.set_data(path.view(), longer, 3, ++zxid, 1); });
  measure("remove and touch parent, at random", paths, [&](const Path& path) {
    tree.remove(path.view());
    tree.touch_parent(path.parent(), std::nullopt, ++zxid);
  });
  measure("add again, at random", paths,
          [&](const Path& path) { tree.add(path.view(), node_with(data)); });
  return found == 0;
}
