#include "simulator/checks/disk_checks.hpp"

#include <algorithm>
#include <string_view>

#include <fmt/format.h>

namespace vivarium::simulator {
namespace {

constexpr const char* kFiles = "/data/version-2";
constexpr const char* kChange = "/data/vivarium/change";  ///< There while a history is cut or replaced.

}  // namespace

DiskChecks::DiskChecks(const std::vector<std::unique_ptr<Machine>>& machines,
                       const ProtocolChecks& protocol, unsigned snapshots_kept, Verdict& verdict,
                       Probes& probes)
    : machines_(machines),
      protocol_(protocol),
      snapshots_kept_(snapshots_kept),
      verdict_(verdict),
      probes_(probes),
      seen_(machines.size()) {
  for (std::size_t i = 0; i < machines_.size(); ++i)
    machines_[i]->watch_disk([this, i](const std::string& what) { on_operation(i, what); });
}

DiskChecks::~DiskChecks() {
  for (const auto& machine : machines_) machine->watch_disk({});
}

void DiskChecks::on_operation(std::size_t machine, const std::string& what) {
  const std::string_view operation = what;
  constexpr std::string_view kRemoving = "removing ";
  if (operation.starts_with(kRemoving))
    return check_removal(machine, std::string(operation.substr(kRemoving.size())));
  if (operation.starts_with("renaming ") &&
      operation.find(std::string(" to ") + kFiles + "/snapshot.") != std::string_view::npos)
    seen_[machine].new_snapshot = true;
}

void DiskChecks::settle() {
  for (std::size_t i = 0; i < machines_.size(); ++i) {
    auto& seen = seen_[i];
    const bool running = machines_[i]->running();
    if (seen.running && !running) check_history(i, "behind the end of its process");
    seen.running = running;
    if (std::exchange(seen.new_snapshot, false) && running) {
      probes_.met("a snapshot is read back with its log");
      check_history(i, "behind a snapshot");
    }
  }
}

void DiskChecks::check_removal(std::size_t machine, const std::string& path) {
  if (!path.starts_with(kFiles) || changes_history(machine)) return;
  const auto why =
      judge_removal(image(machine, SimulatedFileSystem::View::durable), path, snapshots_kept_);
  if (!why.empty()) verdict_.object("S-10", name(machine) + ": " + why);
  else if (path.find("/log.") != path.npos) probes_.met("a log is purged");
}

void DiskChecks::check_history(std::size_t machine, const char* when) {
  if (changes_history(machine)) return;
  const auto certain = protocol_.certain({static_cast<std::int64_t>(machine) + 1});
  const auto why = judge_history(
      image(machine, SimulatedFileSystem::View::visible), certain,
      [this](const LogEntry& entry) { return is_proposal(entry); },
      [this](Zxid zxid) { return protocol_.foreseen(zxid); });
  if (!why.empty()) verdict_.object("S-9", name(machine) + " " + when + ": " + why);
}

void DiskChecks::check_end(const Model& model, Zxid last) {
  for (std::size_t i = 0; i < machines_.size(); ++i) {
    check_history(i, "in the end");
    const auto disk = image(i, SimulatedFileSystem::View::durable);
    for (const auto& snapshot : disk.snapshots) {
      if (!snapshot.whole || snapshot.zxid > last || !verdict_.good()) continue;
      std::string why;
      const auto database = load(disk, snapshot, last,
                                 [this](const LogEntry& entry) { return is_proposal(entry); },
                                 [this](Zxid zxid) { return protocol_.foreseen(zxid); }, why);
      if (!why.empty()) verdict_.object("S-9", name(i) + " in the end: " + why);
      else check_state(*database, model,
                       fmt::format("{} from its snapshot 0x{:x}", name(i), snapshot.zxid.value));
    }
  }
}

void DiskChecks::check_state(const Database& database, const Model& model, const std::string& whose) {
  for (const auto& [path, node] : model.nodes()) {
    if (path == "/zookeeper/config") continue;  // Each server's own.
    const auto* there = database.tree().find(path);
    const auto differs = [&, &path = path](const char* what) {
      verdict_.object("S-9", whose + " comes to another " + what + " of " + path + " than clients were told");
    };
    if (!there) return differs("existence");
    if (there->data().value_or("") != node.data) return differs("data");
    if (database.stat_of(*there) != model.stat(node)) return differs("stat");
    const auto acl = database.acls().entries(there->acl);
    const bool same = std::equal(acl.begin(), acl.end(), node.acl.begin(), node.acl.end(),
                                 [](const AclEntry& a, const client::Acl& b) {
                                   return a.perms == b.perms && a.scheme == b.scheme && a.id == b.id;
                                 });
    if (!same) return differs("ACL");
  }
  if (database.tree().node_count() != static_cast<std::int64_t>(model.nodes().size()))
    verdict_.object("S-9", whose + " comes to other znodes than clients were told");
  const bool same_sessions =
      database.sessions().size() == model.session_count() &&
      std::all_of(database.sessions().begin(), database.sessions().end(),
                  [&](const auto& session) { return model.lives(session.first); });
  if (!same_sessions) verdict_.object("S-9", whose + " comes to other sessions than there are");
}

bool DiskChecks::changes_history(std::size_t machine) const {
  return machines_[machine]->disk().files().holds(kChange);
}

DiskImage DiskChecks::image(std::size_t machine, SimulatedFileSystem::View view) const {
  return DiskImage::of(machines_[machine]->disk().files().contents(kFiles, view));
}

bool DiskChecks::is_proposal(const LogEntry& entry) const {
  const auto* proposed = protocol_.proposed(entry.zxid);
  return proposed && proposed->view() == entry.payload.view();
}

}  // namespace vivarium::simulator
