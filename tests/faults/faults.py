"""What goes wrong. Each fault is a function of a World that makes trouble until the time is over; what
it has done is undone by Cluster.heal().

World.hold(seconds) is the time between two steps; it raises Over at the end of the run.
"""

import time

from network import Link, both_ways


class Over(Exception):
    """The time of the run is over."""


class World:
    def __init__(self, cluster, network, draw, seconds):
        self.cluster, self.network, self.draw = cluster, network, draw
        self._end = time.monotonic() + seconds
        self.steps = 0
        self.notes = []

    def hold(self, least, most=None):
        wait = self.draw.uniform(least, most or least)
        left = self._end - time.monotonic()
        if wait >= left:
            time.sleep(max(0, left))
            raise Over
        time.sleep(wait)

    def leader(self):
        found = self.cluster.wait_for_leader(max(0.1, self._end - time.monotonic()))
        if found is None:
            raise Over
        return found

    def follower(self):
        leader = self.leader()
        return self.draw.choice([m for m in self.cluster.members if m is not leader and m.running])

    def step(self):
        """A fault is about to be injected."""
        self.steps += 1

    def restart(self, *members):
        for member in members:
            member.spawn()


SESSION_S = 4.0  # The longest time-out of the workloads' sessions.


def kill_leader(world):
    while True:
        world.hold(1, 2)
        member = world.leader()
        world.step()
        member.kill()
        world.hold(0.5, 2.5)
        world.restart(member)


def kill_follower(world):
    while True:
        world.hold(1, 2)
        member = world.follower()
        world.step()
        member.kill()
        world.hold(0.2, 2)
        world.restart(member)


def kill_all(world):
    while True:
        world.hold(1.5, 3)
        world.step()
        members = list(world.cluster.members)
        world.draw.shuffle(members)
        for member in members:
            member.kill()
        world.hold(0.2, 1)
        for member in members:
            world.restart(member)


def pause_leader(world):
    """Longer than sessions last: the others have another leader when it wakes up."""
    while True:
        world.hold(1, 2)
        member = world.leader()
        world.step()
        member.pause()
        world.hold(SESSION_S + 1)
        member.go_on()


def pause_follower(world):
    while True:
        world.hold(1, 2)
        member = world.follower()
        world.step()
        member.pause()
        world.hold(1, SESSION_S + 1)
        member.go_on()


def cut_off_leader(world):
    """Clients still reach it."""
    while True:
        world.hold(1, 2)
        number = world.leader().number
        world.step()
        world.network.cut([number], world.network.others(number))
        world.hold(4, 6)
        world.network.heal()


def cut_off_follower(world):
    """Clients still reach it, and may hold locks there."""
    while True:
        world.hold(1, 2)
        number = world.follower().number
        world.step()
        world.network.cut([number], world.network.others(number))
        world.hold(3, 6)
        world.network.heal()


def leader_is_not_heard(world):
    """What the leader sends is lost; what is sent to it arrives."""
    while True:
        world.hold(1, 2)
        number = world.leader().number
        world.step()
        world.network.cut_one_way([number], world.network.others(number))
        world.hold(4, 6)
        world.network.heal()


def leader_does_not_hear(world):
    """What is sent to the leader is lost; what it sends arrives."""
    while True:
        world.hold(1, 2)
        number = world.leader().number
        world.step()
        world.network.cut_one_way(world.network.others(number), [number])
        world.hold(4, 6)
        world.network.heal()


def follower_is_not_heard(world):
    """A follower hears its leader, which does not hear it."""
    while True:
        world.hold(1, 2)
        number = world.follower().number
        world.step()
        world.network.cut_one_way([number], world.network.others(number))
        world.hold(3, 6)
        world.network.heal()


def bridge(world):
    """Two halves do not see each other; one server sees both."""
    while True:
        world.hold(1, 2)
        leader, hub = world.leader().number, world.follower().number
        if leader == hub:
            continue
        rest = world.network.others(hub)
        world.draw.shuffle(rest)
        world.step()
        world.network.cut(rest[:len(rest) // 2], rest[len(rest) // 2:])
        world.hold(4, 6)
        world.network.heal()


def flapping_link(world):
    """The leader's network comes and goes."""
    while True:
        number = world.leader().number
        for _ in range(6):
            world.hold(0.1, 0.8)
            world.step()
            world.network.cut([number], world.network.others(number))
            world.hold(0.1, 1.2)
            world.network.heal()


def delay_and_loss(world):
    """Between the servers, in bouts; each bout has a way of its own."""
    servers = world.network.servers
    while True:
        world.step()
        link = Link(loss=world.draw.uniform(0, 0.1), delay_s=world.draw.uniform(0, 0.08),
                    jitter_s=world.draw.uniform(0, 0.08))
        world.network.set(link, both_ways(servers, servers))
        world.hold(2, 4)
        world.network.heal()
        world.hold(0.5, 1)


def slow_disk(world):
    """Each sync of the leader, of a follower, of all takes longer."""
    while True:
        for members in ([world.leader()], [world.follower()], world.cluster.members):
            world.hold(0.5, 1)
            world.step()
            delay = world.draw.uniform(0.02, 0.5)
            for member in members:
                member.wrong(0, delay)
            world.hold(2, 3)
            for member in members:
                member.wrong(0, 0)


def full_disk(world):
    """Somebody else fills the disk of the leader, of a follower, and makes room again."""
    while True:
        for member in (world.leader(), world.follower()):
            world.hold(0.5, 1)
            world.step()
            member.fill_disk()
            world.hold(2, 4)
            member.free_disk()


def clock_jump(world):
    """The wall clock of the leader, of a follower is an hour off, this way and that."""
    while True:
        for member in (world.leader(), world.follower()):
            world.hold(0.5, 1.5)
            world.step()
            member.wrong(world.draw.choice((-1, 1)) * world.draw.choice((10, 3600, 86400)), 0)
            world.hold(1, 2)
            if world.draw.random() < 0.5:
                member.wrong(0, 0)


def rolling_restart(world):
    """As an operator would, one after the other."""
    while True:
        for member in world.cluster.members:
            world.hold(1, 2)
            world.leader()
            world.step()
            member.stop()
            member.spawn()


FAULTS = [kill_leader, kill_follower, kill_all, pause_leader, pause_follower, cut_off_leader,
          cut_off_follower, leader_is_not_heard, leader_does_not_hear, follower_is_not_heard, bridge,
          flapping_link, delay_and_loss, slow_disk, full_disk, clock_jump, rolling_restart]
