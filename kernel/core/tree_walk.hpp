#pragma once
// The snapshot walk over a tree that changes meanwhile.
//
// It stands on a stack of tables and slots, never on znodes, which move. A node has been given when
// its mark equals the tree's parity; the tree flips that at the start, and new nodes are born with
// it. Of a node that is about to change, the tree has the old record given first, after those of
// its ancestors. Rebuilding a table puts the walk back to its first slot: marks, and the walked bit
// of each finished table, keep it from doing anything twice.

#include "kernel/core/tree.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace vivarium {

class MarkingWalk final : public TreeWalk {
 public:
  /// The tree has flipped its parity.
  explicit MarkingWalk(Tree& tree);
  ~MarkingWalk() override;

  bool next(std::string& out, std::size_t bytes) override;

  // --- for the tree ------------------------------------------------------------------------------
  /// The node at `path`, if there is one, is about to change.
  void give(std::string_view path);
  /// The children of `from` now hang in `to`.
  void rebuilt(const Branch* from, Branch* to);
  /// The node that `branch` belonged to was removed.
  void removed(const Branch* branch);

 private:
  struct Frame {
    Branch* branch;             ///< nullptr: removed.
    std::uint32_t at;           ///< The next position in it.
    std::uint32_t path_length;  ///< Of the node it belongs to; 0 for the root.
  };

  /// Goes on by one child or table; false at the end. `out` may be nullptr: only mark.
  bool step(std::string* out);
  /// Gives the node, whose path is path_, and goes into its table.
  void enter(Znode& node, std::string* out);
  void take(Znode& node, std::string_view path, std::string* out);
  Frame* frame_of(const Branch* branch);
  void end();

  Tree* tree_;  ///< nullptr when the walk is complete.
  std::vector<Frame> frames_;
  std::string path_;
  std::string given_;  ///< Records that changes forced, not yet handed out.
};

}  // namespace vivarium
