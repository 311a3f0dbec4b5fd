#include "simulator/checks/end_checks.hpp"

#include "simulator/checks/client_checks.hpp"
#include "simulator/checks/linearizability.hpp"

#include <string>
#include <utility>

namespace vivarium::simulator {
namespace {

/// What the register holds when the history begins was written before that.
void check_register(const History& history, const Model& before, Verdict& verdict, Probes& probes) {
  auto operations = register_operations(history);
  if (const auto* node = before.find(kRegisterPath))
    operations.push_back({RegisterOperation::Kind::write, node->data, MonoTime(-2), MonoTime(-1)});
  switch (judge_register(std::move(operations))) {
    case Linearizable::yes: return;
    case Linearizable::no:
      return verdict.object("C-1", std::string("there is no order that explains what clients saw of ") +
                                       kRegisterPath);
    case Linearizable::undecided: return probes.met("a register is too hard to judge");
  }
}

}  // namespace

Model judge_clients(const History& history, const std::vector<ProtocolChecks::Committed>& committed,
                    Model before, Verdict& verdict, Probes& probes, MonoTime lag_most) {
  before.forget_changes();
  ClientChecks clients(history, committed, verdict, probes, before);
  clients.set_lag_most(lag_most);
  clients.check();
  if (verdict.good()) check_register(history, before, verdict, probes);
  return clients.model();
}

void judge_tree(const ServerView& view, const Model& model, Verdict& verdict) {
  const Identity everybody[] = {{"super", ""}};
  for (const auto& [path, node] : model.nodes()) {
    if (path.starts_with("/zookeeper")) continue;
    const auto there = view.node(path, {.identities = everybody}, {.children_max = 0});
    if (!there || there->data != node.data || there->stat != model.stat(node))
      return verdict.object("C-10", path + " is not in the end what the history makes of it");
  }
  if (view.node_count() != static_cast<std::int64_t>(model.nodes().size()))
    verdict.object("C-10", "there are in the end other znodes than the history makes");
}

}  // namespace vivarium::simulator
