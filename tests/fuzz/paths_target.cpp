// Any bytes as a path: which ones may be a node's, and that such a node is found again.
#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include <vivarium/assert.hpp>

#include "json.hpp"
#include "kernel/core/database.hpp"
#include "kernel/core/path_names.hpp"
#include "kernel/core/paths.hpp"
#include "kernel/core/quotas.hpp"
#include "tests/fuzz/target.hpp"
#include "tests/fuzz/tree_text.hpp"

using namespace vivarium;
using namespace vivarium::fuzz;

namespace {

constexpr std::string_view kReplacement = "\xef\xbf\xbd";
constexpr std::size_t kPartsMax = 100;

bool is_ascii(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

/// By the words of the rule, for a name of ASCII letters.
bool ascii_name_is_legal(std::string_view name) {
  return !name.empty() && name != "." && name != ".." &&
         std::ranges::all_of(name, [](char c) { return c >= 0x20 && c != 0x7f; });
}

/// A path is legal when each of its names is: so it is where it is split at any slash.
void check_split(std::string_view path) {
  for (auto slash = path.find('/', 1); slash != path.npos && slash < kPartsMax;
       slash = path.find('/', slash + 1)) {
    const auto before = path.substr(0, slash), behind = path.substr(slash);
    const bool both =
        before.size() > 1 && paths::valid(before) && behind.size() > 1 && paths::valid(behind);
    VIVARIUM_ASSERT(paths::valid(path) == both, "the whole is legal, and its parts are not");
  }
}

void check_rule(std::string_view path) {
  const bool valid = paths::valid(path);
  if (path == "/") {
    VIVARIUM_ASSERT(valid, "the root is a path");
    return;
  }
  if (!path.starts_with('/')) {
    VIVARIUM_ASSERT(!valid, "a path begins with a slash");
    return;
  }
  check_split(path);
  const auto name = path.substr(1);
  if (name.find('/') == name.npos && is_ascii(name))
    VIVARIUM_ASSERT(valid == ascii_name_is_legal(name), "the rule of names is another");
  if (valid)  // Another reader of UTF-8 agrees.
    VIVARIUM_ASSERT(admin::to_json(std::string(path)).find(kReplacement) == std::string::npos,
                    "a legal path that is no text");
}

void check_parts(std::string_view path) {
  const auto parent = paths::parent(path);
  VIVARIUM_ASSERT(paths::valid(parent), "a node's parent cannot be");
  VIVARIUM_ASSERT(
      (parent == "/" ? "" : std::string(parent)) + "/" + std::string(paths::name(path)) == path,
      "a path is not its parent and its name");
  VIVARIUM_ASSERT(paths::parent_if_plain(path) == parent, "two parents");
  VIVARIUM_ASSERT(paths::at_or_below(path, parent) && !paths::at_or_below(parent, path),
                  "a child is not below its parent");
  std::string joined;
  for (PathNames names(path); names.next();) {
    joined += "/" + std::string(names.name());
    VIVARIUM_ASSERT(names.path() == joined, "another ancestor");
  }
  VIVARIUM_ASSERT(joined == path, "the names are not those of the path");
}

/// Adds the node with all that is above it, and takes it away again.
void check_tree(std::string_view path) {
  Database database(1);
  const auto before = text_of(database);
  std::vector<std::string> added;
  auto& tree = const_cast<Tree&>(database.tree());
  for (PathNames names(path); names.next();) {
    if (tree.find(names.path())) continue;
    added.emplace_back(names.path());
    tree.add(names.path(), {});
    const auto* node = tree.find(names.path());
    VIVARIUM_ASSERT(node && node->name() == names.name(), "a node is not found where it was put");
  }
  check_consistent(database);
  for (; !added.empty(); added.pop_back()) tree.remove(added.back());
  VIVARIUM_ASSERT(text_of(database) == before, "what was added was not taken away");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto path = text_view(data, size);
  check_rule(path);
  Quotas::limited_by(path);
  Quotas::counted_by(path);
  if (!paths::valid(path) || path == "/") return 0;
  check_parts(path);
  if (std::ranges::count(path, '/') < 100 && size < 4000) check_tree(path);
  return 0;
}
