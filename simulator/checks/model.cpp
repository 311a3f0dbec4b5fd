#include "simulator/checks/model.hpp"

#include <cstdio>

namespace vivarium::simulator {
namespace {

bool is_sequential(CreateFlag flag) {
  return flag == CreateFlag::persistent_sequential || flag == CreateFlag::ephemeral_sequential;
}

}  // namespace

std::string parent_of(std::string_view path) {
  const auto slash = path.rfind('/');
  return slash == 0 ? "/" : std::string(path.substr(0, slash));
}

Model::Model() {
  nodes_["/"].children = {"zookeeper"};
  nodes_["/zookeeper"].children = {"config", "quota"};
  nodes_["/zookeeper/config"];
  nodes_["/zookeeper/quota"];
}

const Model::Node* Model::find(std::string_view path) const {
  const auto found = nodes_.find(path);
  return found == nodes_.end() ? nullptr : &found->second;
}

Stat Model::stat(const Node& node) const {
  Stat stat;
  stat.czxid = node.czxid;
  stat.mzxid = node.mzxid;
  stat.pzxid = node.pzxid;
  stat.ctime = node.ctime;
  stat.mtime = node.mtime;
  stat.version = node.version;
  stat.aversion = node.aversion;
  stat.num_children = static_cast<std::int32_t>(node.children.size());
  stat.cversion = 2 * node.creations - stat.num_children;
  stat.ephemeral_owner = node.owner;
  stat.data_length = static_cast<std::int32_t>(node.data.size());
  return stat;
}

const std::set<std::string>& Model::ephemerals(SessionId session) const {
  static const std::set<std::string> kNone;
  const auto found = sessions_.find(session.value);
  return found == sessions_.end() ? kNone : found->second;
}

std::string Model::name_of(const Write& write) const {
  if (!is_sequential(write.flag)) return write.path;
  const auto* parent = find(parent_of(write.path));
  char number[16];
  std::snprintf(number, sizeof number, "%010d", parent ? parent->creations : 0);
  return write.path + number;
}

WireError Model::judge(const Write& write) const {
  if (write.action == Action::create) {
    const auto* parent = find(parent_of(write.path));
    if (!parent) return WireError::no_node;
    if (find(name_of(write))) return WireError::node_exists;
    return parent->owner != 0 ? WireError::no_children_for_ephemerals : WireError::ok;
  }
  const auto* node = find(write.path);
  if (!node) return WireError::no_node;
  if (write.version != -1 && write.version != node->version) return WireError::bad_version;
  const bool full = write.action == Action::remove && !node->children.empty();
  return full ? WireError::not_empty : WireError::ok;
}

void Model::begin_session(const records::TxnHeader& header) { sessions_[header.client_id]; }

void Model::create(const records::TxnHeader& header, std::string_view path, std::string_view data,
                   bool ephemeral) {
  auto& node = nodes_[std::string(path)];
  node.data = data;
  node.czxid = node.mzxid = node.pzxid = header.zxid;
  node.ctime = node.mtime = header.time;
  if (ephemeral) {
    node.owner = header.client_id;
    sessions_[header.client_id].insert(std::string(path));
  }
  auto& parent = nodes_[parent_of(path)];
  parent.children.insert(std::string(path.substr(path.rfind('/') + 1)));
  parent.pzxid = header.zxid;
  ++parent.creations;
  changes_.push_back({{header.zxid}, EventType::created, std::string(path)});
  changes_.push_back({{header.zxid}, EventType::children_changed, parent_of(path)});
}

void Model::remove(const records::TxnHeader& header, std::string_view path) {
  const auto found = nodes_.find(path);
  if (found == nodes_.end()) return;
  if (found->second.owner != 0) sessions_[found->second.owner].erase(std::string(path));
  nodes_.erase(found);
  auto& parent = nodes_[parent_of(path)];
  parent.children.erase(std::string(path.substr(path.rfind('/') + 1)));
  parent.pzxid = header.zxid;
  changes_.push_back({{header.zxid}, EventType::deleted, std::string(path)});
  changes_.push_back({{header.zxid}, EventType::children_changed, parent_of(path)});
}

void Model::set(const records::TxnHeader& header, std::string_view path, std::string_view data,
                std::int32_t version) {
  auto& node = nodes_[std::string(path)];
  node.data = data;
  node.mzxid = header.zxid;
  node.mtime = header.time;
  node.version = version;
  changes_.push_back({{header.zxid}, EventType::data_changed, std::string(path)});
}

void Model::end_session(const records::TxnHeader& header) {
  const auto owned = ephemerals({header.client_id});
  for (const auto& path : std::set<std::string>(owned)) remove(header, path);
  sessions_.erase(header.client_id);
}

}  // namespace vivarium::simulator
