#include "kernel/core/tree_walk.hpp"

#include "kernel/core/big_endian.hpp"
#include "kernel/core/branch.hpp"
#include "kernel/core/path_names.hpp"

#include <algorithm>
#include <utility>

namespace vivarium {
namespace {

constexpr std::int64_t kOpenAclKey = -1;  ///< As snapshots have it.
constexpr std::size_t kFixedBytes = 8 + 60;

void append_length(std::string& out, std::int32_t length) {
  char bytes[4];
  put_big_endian(bytes, length);
  out.append(bytes, sizeof bytes);
}

void append_record(std::string& out, std::string_view path, const Znode& node) {
  append_length(out, static_cast<std::int32_t>(path.size()));
  out += path;
  append_length(out, node.data_length);
  if (const auto data = node.data()) out += *data;
  char bytes[kFixedBytes];
  char* end = bytes;
  end = put_big_endian(end, node.acl == kOpenAcl ? kOpenAclKey : std::int64_t{node.acl});
  for (const auto value : {node.czxid, node.mzxid, node.ctime, node.mtime})
    end = put_big_endian(end, value);
  for (const auto value : {node.version, node.cversion(), node.aversion})
    end = put_big_endian(end, value);
  end = put_big_endian(end, node.owner());
  put_big_endian(end, node.pzxid());
  out.append(bytes, sizeof bytes);
}

}  // namespace

MarkingWalk::MarkingWalk(Tree& tree) : tree_(&tree) { enter(*tree.root_, &given_); }

MarkingWalk::~MarkingWalk() {
  // The next walk expects every mark to be set.
  while (tree_ && step(nullptr)) {
  }
  end();
}

bool MarkingWalk::next(std::string& out, std::size_t bytes) {
  const auto enough = out.size() + bytes;
  if (out.empty())
    out.swap(given_);
  else
    out += std::exchange(given_, {});
  while (tree_ && step(&out))
    if (out.size() >= enough) return true;
  end();
  return false;
}

void MarkingWalk::give(std::string_view path) {
  Znode* node = tree_->root_;  // Given when the walk began.
  for (PathNames names(path); names.next();) {
    Slot* const slot =
        node->branch ? node->branch->find(names.name(), tree_->hash_(names.name())) : nullptr;
    if (!slot) return;
    node = slot->node();
    take(*node, names.path(), &given_);
  }
}

void MarkingWalk::rebuilt(const Branch* from, Branch* to) {
  if (Frame* const frame = frame_of(from)) *frame = {to, 0, frame->path_length};
}

void MarkingWalk::removed(const Branch* branch) {
  if (Frame* const frame = frame_of(branch)) frame->branch = nullptr;
}

MarkingWalk::Frame* MarkingWalk::frame_of(const Branch* branch) {
  const auto found = std::find_if(frames_.rbegin(), frames_.rend(),
                                  [&](const Frame& frame) { return frame.branch == branch; });
  return found == frames_.rend() ? nullptr : &*found;
}

bool MarkingWalk::step(std::string* out) {
  if (frames_.empty()) return false;
  Frame& frame = frames_.back();
  Znode* const child = frame.branch ? frame.branch->next(frame.at) : nullptr;
  if (child) {
    path_.resize(frame.path_length);
    path_ += '/';
    path_ += child->name();
    enter(*child, out);
    return true;
  }
  if (frame.branch) frame.branch->set_walked(tree_->parity_);
  frames_.pop_back();
  return true;
}

void MarkingWalk::enter(Znode& node, std::string* out) {
  take(node, path_, out);
  if (node.branch && node.branch->walked() != tree_->parity_)
    frames_.push_back({node.branch, 0, static_cast<std::uint32_t>(path_.size())});
}

void MarkingWalk::take(Znode& node, std::string_view path, std::string* out) {
  if (node.mark == tree_->parity_) return;
  node.mark = tree_->parity_;
  if (out) append_record(*out, path, node);
}

void MarkingWalk::end() {
  if (tree_) tree_->walk_ = nullptr;
  tree_ = nullptr;
}

}  // namespace vivarium
