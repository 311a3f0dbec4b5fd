"""An ensemble of servers on one machine for a test, each as server.Server makes it.

    options = ensemble.arguments(argparse.ArgumentParser()).parse_args()
    with ensemble.started(options) as s:
        ...         # s.address names one server, or with --ensemble all three: "127.0.0.1:41233,..."

Each member has a data directory of its own, and ports that stay over its restarts.
"""

import time

import server
from server import Unclean

SETTINGS = ["initLimit=10", "syncLimit=5"]


def member_lines(ports):
    """server.N lines; ports: one (quorum, election) for each member."""
    return [f"server.{number}=127.0.0.1:{quorum}:{election}:participant"
            for number, (quorum, election) in enumerate(ports, 1)]


def on_free_ports(program, settings=(), size=3):
    """An ensemble whose members all listen on 127.0.0.1."""
    ports = set()
    while len(ports) < 3 * size:
        ports.add(server.free_port())
    ports = list(ports)
    lines = member_lines(list(zip(ports[size:], ports[2 * size:])))
    return Ensemble([server.Server(program, [*SETTINGS, *lines, *settings], ports[at], at + 1)
                     for at in range(size)])


class Ensemble:
    def __init__(self, members):
        self.members = members
        self.keep = False

    @property
    def address(self):
        """Of all members, as clients take it."""
        return ",".join(member.address for member in self.members)

    @property
    def directory(self):
        """Where a runner leaves what it wants to be kept after a failure."""
        return self.members[0].directory

    @property
    def directories(self):
        return [member.directory for member in self.members]

    def start(self, timeout=120):
        """Starts those that do not run, and waits until all serve."""
        for member in self.members:
            if not member.running:
                member.spawn()
        self.wait_until_serving(timeout)

    def wait_until_serving(self, timeout=120):
        """Until all that run serve, as part of a quorum, and one of them leads."""
        deadline = time.monotonic() + timeout
        running = [member for member in self.members if member.running]
        for member in running:
            member.wait_until_serving(max(1, deadline - time.monotonic()))
        while not (all(member.mode() for member in running) and self.leader()):
            if time.monotonic() > deadline:
                raise Unclean(f"no leader that all follow after {timeout} s"
                              + "".join(member.end_of_log() for member in running))
            time.sleep(0.05)

    def leader(self):
        """The member that serves as the leader, or None."""
        for member in self.members:
            if member.running and member.mode() == "leader":
                return member
        return None

    def followers(self):
        return [member for member in self.members if member.running and member.mode() == "follower"]

    def stop(self, timeout=60):
        """Ends all, one after the other; raises Unclean for those that did not end well."""
        complaints = []
        for member in self.members:
            try:
                member.stop(timeout)
            except Unclean as e:
                complaints.append(str(e))
        if complaints:
            raise Unclean("\n".join(complaints))

    def kill(self):
        for member in self.members:
            member.kill()

    def remove(self):
        for member in self.members:
            member.remove()


def arguments(parser):
    """The options of server.arguments(), and --ensemble."""
    server.arguments(parser)
    parser.add_argument("--ensemble", action="store_true", help="test three servers")
    return parser


def started(options, settings=()):
    """As server.started(): one server or, with --ensemble, three."""
    server.check_program(options.program)
    made = on_free_ports if options.ensemble else server.Server
    return server.running(made(options.program, [*settings, *options.settings]))
