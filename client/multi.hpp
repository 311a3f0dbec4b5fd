#pragma once
// Several operations as one request: `Multi` for writes, all of which happen or none, `MultiRead` for
// reads of one moment. A builder holds encoded bytes and borrows nothing; it can be sent again.
//
//     session.multi(Multi().check("/lock", 3).set("/state", "on").remove("/lock"), done);

#include "node_kind.hpp"

#include <vivarium/opcodes.hpp>
#include <vivarium/records.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace vivarium::client {

class Multi {
 public:
  Multi& create(std::string_view path, Data data, const NodeKind& kind = {});
  Multi& remove(std::string_view path, std::int32_t version = kAnyVersion);
  Multi& set(std::string_view path, Data data, std::int32_t version = kAnyVersion);
  /// Refuses the whole unless the znode is there and has this version of data.
  Multi& check(std::string_view path, std::int32_t version = kAnyVersion);

  std::size_t size() const { return ops_.size(); }
  /// The parts as the wire has them, without the end mark.
  const std::string& bytes() const { return bytes_; }
  const std::vector<Op>& ops() const { return ops_; }

 private:
  template <class Record>
  Multi& add(Op op, const Record& record);

  std::string bytes_;
  std::vector<Op> ops_;
};

class MultiRead {
 public:
  MultiRead& get(std::string_view path);
  MultiRead& get_children(std::string_view path);

  std::size_t size() const { return ops_.size(); }
  const std::string& bytes() const { return bytes_; }
  const std::vector<Op>& ops() const { return ops_; }

 private:
  MultiRead& add(Op op, std::string_view path);

  std::string bytes_;
  std::vector<Op> ops_;
};

}  // namespace vivarium::client
