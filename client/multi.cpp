#include "client/multi.hpp"

#include "client/create_request.hpp"

namespace vivarium::client {
namespace {

void append_header(std::string& bytes, Op op) {
  append_jute(bytes, records::MultiHeader{static_cast<std::int32_t>(op), false, -1});
}

}  // namespace

template <class Record>
Multi& Multi::add(Op op, const Record& record) {
  append_header(bytes_, op);
  append_jute(bytes_, record);
  ops_.push_back(op);
  return *this;
}

Multi& Multi::create(std::string_view path, Data data, const NodeKind& kind) {
  const auto op = create_op(kind.flag);
  append_header(bytes_, op);
  bytes_ += create_body(path, data, kind);
  ops_.push_back(op);
  return *this;
}

Multi& Multi::remove(std::string_view path, std::int32_t version) {
  return add(Op::remove, records::PathVersionRequest{path, version});
}

Multi& Multi::set(std::string_view path, Data data, std::int32_t version) {
  return add(Op::set_data, records::SetDataRequest{path, data, version});
}

Multi& Multi::check(std::string_view path, std::int32_t version) {
  return add(Op::check, records::PathVersionRequest{path, version});
}

MultiRead& MultiRead::get(std::string_view path) { return add(Op::get_data, path); }

MultiRead& MultiRead::get_children(std::string_view path) { return add(Op::get_children, path); }

MultiRead& MultiRead::add(Op op, std::string_view path) {
  append_header(bytes_, op);
  append_jute(bytes_, records::PathWatchRequest{path, false});
  ops_.push_back(op);
  return *this;
}

}  // namespace vivarium::client
