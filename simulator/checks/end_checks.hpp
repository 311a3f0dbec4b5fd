#pragma once
// What is looked at when a run has come to rest, or a part of it: what the clients saw, against the history of
// all; and the tree that the servers have come to.

#include "simulator/checks/model.hpp"
#include "simulator/checks/protocol_checks.hpp"
#include "simulator/checks/verdict.hpp"
#include "simulator/history.hpp"
#include "simulator/probes.hpp"

#include <vivarium/service.hpp>

#include <vector>

namespace vivarium::simulator {

/// `before`: the state that the first of the committed transactions found. `lag_most`: how far what a client is
/// shown may lag behind; zero for any. Returns the state behind the last transaction.
Model judge_clients(const History& history, const std::vector<ProtocolChecks::Committed>& committed,
                    Model before, Verdict& verdict, Probes& probes, MonoTime lag_most = {});

void judge_tree(const ServerView& view, const Model& model, Verdict& verdict);

}  // namespace vivarium::simulator
