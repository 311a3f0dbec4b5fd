#include "zab_election.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

namespace vivarium::zab {

void ZabElection::run(const ElectionParts& parts) {
  const bool everywhere = host_.server_setting("quorumListenOnAllIPs") == "true";
  running_.reset(new Running{
      parts.events,
      FastLeaderElection(parts.self),
      ElectionConnections({host_.loop(), host_.log(), parts.transport, *this, parts.self,
                           everywhere ? "0.0.0.0" : ""}),
      host_.loop().timer([this] {
        running_->election.expire(host_.loop().now());
        carry_out();
      })});
}

void ZabElection::stop() {
  alive_.reset();
  running_.reset();
}

void ZabElection::look(const Candidacy& candidacy) {
  if (!running_ || failed_) return;
  auto committed = Ensemble::parse(candidacy.committed_config);
  if (!committed) return fail(committed.error());
  auto last_seen = candidacy.last_seen_config.empty()
                       ? committed
                       : Ensemble::parse(candidacy.last_seen_config);
  if (!last_seen) return fail(last_seen.error());
  ++looks_;
  config_ = candidacy.committed_config;
  running_->connections.configure(*committed, *last_seen);
  running_->connections.pursue();
  running_->election.look({candidacy.last_durable, candidacy.current_epoch, candidacy.vote,
                           std::move(*committed), std::move(*last_seen)},
                          host_.loop().now());
  carry_out();
}

void ZabElection::settle(Role role, ServerId leader, Epoch epoch) {
  if (!running_ || failed_) return;
  ++looks_;
  running_->election.settle(role, leader, epoch);
  carry_out();
  running_->connections.rest();
}

void ZabElection::on_notification(ServerId from, const Notification& notification) {
  running_->election.receive(from, notification, host_.loop().now());
  carry_out();
}

void ZabElection::on_reach() {
  auto& [events, election, connections, timer] = *running_;
  election.reach(connections.connected(), connections.connecting(), host_.loop().now());
  carry_out();
}

void ZabElection::on_listen_failed(const Error& error) { fail(error); }

/// The letters first: others need the last vote to come to the same end.
void ZabElection::carry_out() {
  auto& [events, election, connections, timer] = *running_;
  auto outcome = election.take();
  for (auto& [to, notification] : outcome.letters) {
    notification.config = config_;
    connections.send(to, notification);
  }
  if (outcome.looks)
    post([who = *outcome.looks](Running& running) { running.events.on_looking(who); });
  timer->cancel();
  if (const auto due = election.due())
    timer->arm(std::max(std::chrono::ceil<Micros>(*due - host_.loop().now()), Micros(0)));
  if (!outcome.leader) return;
  connections.rest();
  advise(*outcome.leader);
}

void ZabElection::advise(ServerId leader) {
  host_.log().info("election: round " + std::to_string(running_->election.round()) +
                   " is over, the leader is server " + std::to_string(leader.value));
  post([this, leader, look = looks_, vote = running_->election.vote()](Running& running) {
    if (look == looks_) running.events.on_advice(leader, vote);
  });
}

/// Nothing more is said or heard.
void ZabElection::fail(const Error& error) {
  if (std::exchange(failed_, true)) return;
  running_->timer->cancel();
  running_->connections.stop();
  post([error](Running& running) { running.events.on_election_failed(error); });
}

void ZabElection::post(std::function<void(Running&)> task) {
  host_.loop().post([alive = std::weak_ptr(alive_), task = std::move(task)] {
    const auto self = alive.lock();
    if (self && (*self)->running_) task(*(*self)->running_);
  });
}

}  // namespace vivarium::zab
