"""The servers of a run: real processes, each in a network namespace of its own, on a small disk."""

import os
import signal
import struct
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "..", "conformance"), os.path.join(HERE, "..", "durability")]
import client as protocol
import ensemble
import log_format
import server
import wire

from network import address

TICK_MS = 500
MIB = 1 << 20
DISK_BYTES = 192 * MIB
SETTINGS = [f"tickTime={TICK_MS}", "initLimit=20", "syncLimit=6", "preAllocSize=1024",
            "autopurge.purgeInterval=0", "vivarium.storage.file.warn_space=48M",
            "vivarium.storage.file.low_space=32M"]


def check_preload(preload):
    """Whether the library does what a fault of clock or disk rests on: one that replaced nothing would let every
    trial pass."""
    seen = "import os, time; b = time.monotonic(); f = open('f', 'w'); os.fsync(f.fileno()); " \
           "print(time.time(), time.monotonic() - b)"
    with tempfile.TemporaryDirectory() as directory:
        faults = os.path.join(directory, "faults")
        with open(faults, "wb") as f:
            f.write(struct.pack("=qq", int(1e6 * 1e9), 200_000))
        out = subprocess.run([sys.executable, "-c", seen], cwd=directory, capture_output=True, text=True, check=True,
                             env={**os.environ, "LD_PRELOAD": preload, "VIVARIUM_FAULTS": faults}).stdout
    wall, took = map(float, out.split())
    if wall < time.time() + 9e5 or took < 0.2:
        sys.exit(f"{preload} does not replace the clock, or syncs")


class NamespacedServer(server.Server):
    def __init__(self, program, number, network, members, preload, settings):
        super().__init__(program, [*SETTINGS, *members, *settings,
                                   f"clientPortAddress={address(number)}"], 2181, number)
        self.number, self._namespace, self._preload = number, network.namespace(number), preload
        self.address = f"{address(number)}:2181"
        self._faults = os.path.join(self.directory, "faults")
        self.wrong(0, 0)
        os.makedirs(self.data_directory)
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "tmpfs",
                        self.data_directory], check=True)

    def _command(self):
        extra = ["env", f"LD_PRELOAD={self._preload}", f"VIVARIUM_FAULTS={self._faults}"]
        return ["nsenter", f"--net={self._namespace}", *(extra if self._preload else []),
                *super()._command()]

    def wrong(self, clock_ahead_s, sync_delay_s):
        """How wrong the server's clock is from now on, and how slow its disk."""
        with open(self._faults, "r+b" if os.path.exists(self._faults) else "wb") as f:
            f.write(struct.pack("=qq", int(clock_ahead_s * 1e9), int(sync_delay_s * 1e6)))

    def pause(self):
        self._process.send_signal(signal.SIGSTOP)

    def go_on(self):
        if self.running:
            self._process.send_signal(signal.SIGCONT)

    def fill_disk(self):
        """Somebody else takes what there is."""
        with open(os.path.join(self.data_directory, "filler"), "wb") as f:
            facts = os.statvfs(self.data_directory)
            try:
                os.posix_fallocate(f.fileno(), 0, facts.f_bavail * facts.f_frsize)
            except OSError:
                pass

    def free_disk(self):
        try:
            os.remove(os.path.join(self.data_directory, "filler"))
        except FileNotFoundError:
            pass

    def remove(self):
        self.kill()
        subprocess.run(["umount", self.data_directory], check=False)
        super().remove()

    def transactions(self):
        """What its logs hold."""
        directory = os.path.join(self.log_directory, "version-2")
        txns = []
        for name in sorted((name for name in os.listdir(directory)
                            if log_format.log_zxid(name) is not None), key=log_format.log_zxid):
            with open(os.path.join(directory, name), "rb") as f:
                txns += log_format.LogReader().read(f.read())
        return txns


def made(program, network, preload, settings=()):
    members = [f"server.{number}={address(number)}:2888:3888:participant"
               for number in network.servers]
    return Cluster([NamespacedServer(program, number, network, members, preload, settings)
                    for number in network.servers], network)


class Cluster(ensemble.Ensemble):
    def __init__(self, members, network):
        super().__init__(members)
        self.network = network

    @property
    def addresses(self):
        return {member.number: member.address for member in self.members}

    def heal(self):
        """Everything is as it should be; the servers may need a while."""
        self.network.heal()
        for member in self.members:
            member.free_disk()
            member.wrong(0, 0)
            member.go_on()
            if not member.running:
                member.spawn()

    def wait_for_leader(self, timeout=60):
        """The leader, once there is one; None after the timeout."""
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            if leader := self.leader():
                return leader
            time.sleep(0.05)
        return None

    def prepare(self, paths):
        """Creates them, empty."""
        session = protocol.Session()
        session.connect(self.members[0].address)
        for path in paths:
            _, error, _ = session.call(*wire.create(path))
            if error not in (0, -110):
                raise RuntimeError(f"{path} cannot be created: error {error}")
        session.call(*wire.close_session())
        session.close_connection()

    def ephemeral_owners(self, tops):
        """On any server: path -> session."""
        return {path: stat["owner"] for member in self.members for top in tops
                for path, (_, stat) in patiently(protocol.dump, member.address, top).items()
                if stat["owner"]}

    def dumps(self):
        """server -> path -> (data, stat), of all servers at the same place in the order."""
        zxid = patiently(_ask, self.members[0].address, *wire.create("/end"))
        for member in self.members:
            deadline = time.monotonic() + 30
            while patiently(_ask, member.address, wire.EXISTS,
                            wire.string("/") + wire.boolean(False)) < zxid:
                if time.monotonic() > deadline:
                    raise server.Unclean(f"server {member.number} does not catch up")
                time.sleep(0.05)
        return {member.number: patiently(protocol.dump, member.address) for member in self.members}


def _ask(address, operation, body):
    """The zxid of the answer."""
    session = protocol.Session()
    session.connect(address)
    zxid, _, _ = session.call(operation, body)
    session.call(*wire.close_session())
    session.close_connection()
    return zxid


def patiently(ask, *arguments):
    """A server that has lost its leader may notice that, and find the next one, only now."""
    deadline = time.monotonic() + 30
    while True:
        try:
            return ask(*arguments)
        except (protocol.Refused, OSError):
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)
