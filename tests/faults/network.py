"""A network of namespaces on one machine, of which every packet passes through this program.

Each server has a network namespace with one interface, 10.77.0.N; so have the clients, in the
namespace of this process. The other end of all these interfaces is a switch, a child process, that
knows for each pair of hosts and each direction whether its packets pass, how many of them are lost,
and how late the rest is. Nothing of it outlives the processes: the namespaces have no names.

The interfaces are TUN devices because a kernel need not have what else could delay and lose packets
(netem), or drop them in one direction only.
"""

import ctypes
import dataclasses
import fcntl
import heapq
import multiprocessing
import os
import random
import select
import signal
import struct
import subprocess
import time

CLIENTS = 100  # Their number, beside the servers' 1, 2, 3, ...
_TUNSETIFF, _IFF_TUN, _IFF_NO_PI = 0x400454CA, 0x0001, 0x1000
_CLONE_NEWNET = 0x40000000
_PR_SET_PDEATHSIG = 1
_DEVICE = "faults0"
_libc = ctypes.CDLL(None, use_errno=True)


def address(number):
    return f"10.77.0.{number}"


@dataclasses.dataclass(frozen=True)
class Link:
    """What becomes of packets from one host to another."""
    cut: bool = False
    loss: float = 0.0        # The share that is lost.
    delay_s: float = 0.0
    jitter_s: float = 0.0    # Up to this much is added to the delay; order is kept.


_CLEAR = Link()


def _end_with_parent():
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _enter(path):
    with open(path) as namespace:
        if _libc.setns(namespace.fileno(), _CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), f"setns {path}")


class Network:
    """Start it before threads are: the switch is a fork. This process needs a namespace of its own."""

    def __init__(self, servers, seed):
        self.servers = list(servers)
        self._holders = [subprocess.Popen(["unshare", "--net", "sleep", "infinity"],
                                          stdin=subprocess.DEVNULL, preexec_fn=_end_with_parent)
                         for _ in self.servers]
        for holder in self._holders:
            _wait_for_own_namespace(holder.pid)
        self._links = {}
        devices = {number: self._device(self.namespace(number), number) for number in self.servers}
        devices[CLIENTS] = self._device("/proc/self/ns/net", CLIENTS)
        self._rules, theirs = multiprocessing.Pipe()
        self._switch = multiprocessing.get_context("fork").Process(
            target=_switch, args=(devices, theirs, seed), daemon=True)
        self._switch.start()
        for device in devices.values():
            os.close(device)

    def namespace(self, number):
        return f"/proc/{self._holders[self.servers.index(number)].pid}/ns/net"

    def _device(self, namespace, number):
        own = open("/proc/self/ns/net")
        _enter(namespace)
        try:
            device = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
            fcntl.ioctl(device, _TUNSETIFF,
                        struct.pack("16sH", _DEVICE.encode(), _IFF_TUN | _IFF_NO_PI))
            for command in (["link", "set", "lo", "up"],
                            ["address", "add", address(number) + "/24", "dev", _DEVICE],
                            ["link", "set", _DEVICE, "mtu", "9000", "up"]):
                subprocess.run(["ip", *command], check=True)
        finally:
            _libc.setns(own.fileno(), _CLONE_NEWNET)
            own.close()
        return device

    # --- links: of all pairs, both ways, unless it is said otherwise

    def set(self, link, pairs):
        """pairs: (from, to)."""
        self._links.update(dict.fromkeys(pairs, link))
        self._tell()

    def cut(self, side, other):
        """No packet passes between the two sides."""
        self.set(Link(cut=True), both_ways(side, other))

    def cut_one_way(self, side, other):
        """No packet passes from `side` to `other`."""
        self.set(Link(cut=True), [(a, b) for a in side for b in other])

    def heal(self):
        self._links = {}
        self._tell()

    def _tell(self):
        if not self._switch.is_alive():
            raise RuntimeError("the switch of the test's network has ended")
        self._rules.send(self._links)

    def others(self, number):
        return [other for other in self.servers if other != number]

    def stop(self):
        self._switch.terminate()
        self._switch.join()
        for holder in self._holders:
            holder.kill()
            holder.wait()


def both_ways(side, other):
    return [pair for a in side for b in other for pair in ((a, b), (b, a))]


def _wait_for_own_namespace(pid):
    own = os.readlink("/proc/self/ns/net")
    deadline = time.monotonic() + 30
    while os.readlink(f"/proc/{pid}/ns/net") == own:
        if time.monotonic() > deadline:
            raise OSError("no network namespace after 30 s")
        time.sleep(0.01)


def _switch(devices, rules, seed):
    """Passes IPv4 packets on by the last byte of their addresses, until it is killed."""
    _end_with_parent()
    draw = random.Random(seed)
    links = {}
    late = []   # Heap of (time, number in order, device, packet).
    last = {}   # (from, to) -> when its last late packet is due.
    count = 0
    numbers = {device: number for number, device in devices.items()}
    poll = select.epoll()
    for device in numbers:
        poll.register(device, select.EPOLLIN)
    poll.register(rules, select.EPOLLIN)
    while True:
        timeout = max(0.0, late[0][0] - time.monotonic()) if late else -1
        for ready, _ in poll.poll(timeout):
            if ready == rules.fileno():
                links = rules.recv()
                continue
            for packet in _packets(ready):
                if len(packet) < 20 or packet[0] >> 4 != 4:
                    continue
                pair = packet[15], packet[19]
                link, device = links.get(pair, _CLEAR), devices.get(pair[1])
                if link.cut or device is None or link.loss and draw.random() < link.loss:
                    continue
                if not link.delay_s and not link.jitter_s and last.get(pair, 0) < time.monotonic():
                    _write(device, packet)
                    continue
                due = time.monotonic() + link.delay_s + draw.random() * link.jitter_s
                last[pair] = due = max(due, last.get(pair, 0))
                count += 1
                heapq.heappush(late, (due, count, device, packet))
        while late and late[0][0] <= time.monotonic():
            _, _, device, packet = heapq.heappop(late)
            _write(device, packet)


def _packets(device):
    try:
        for _ in range(64):
            yield os.read(device, 65536)
    except BlockingIOError:
        pass


def _write(device, packet):
    try:
        os.write(device, packet)
    except OSError:
        pass  # A full queue loses packets, as everywhere.
