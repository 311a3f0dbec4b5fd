#pragma once
// The names in an absolute path, from the root down, without allocating.

#include <string_view>

namespace vivarium {

/// `for (PathNames names(path); names.next();)` visits each name. The root has none; a path with a
/// trailing or doubled slash has an empty one, which no znode carries.
class PathNames {
 public:
  explicit PathNames(std::string_view path) : path_(path), end_(path.size() == 1 ? 1 : 0) {}

  bool next() {
    if (end_ >= path_.size()) return false;
    begin_ = end_ + 1;
    const auto slash = path_.find('/', begin_);
    end_ = slash == std::string_view::npos ? path_.size() : slash;
    return true;
  }

  std::string_view name() const { return path_.substr(begin_, end_ - begin_); }
  /// The path of the node of that name.
  std::string_view path() const { return path_.substr(0, end_); }

 private:
  std::string_view path_;
  std::size_t begin_ = 0, end_;
};

}  // namespace vivarium
