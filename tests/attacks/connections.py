"""Attacks by connections: many, slow, silent, half dead."""

import contextlib
import os
import resource
import select
import socket
import struct
import threading
import time

import client
import server
import trial
import wire

LOOPBACKS = [f"127.0.0.{n}" for n in range(2, 42)]  # Each has ports of its own.
CONNECT_REQUEST = wire.frame(wire.connect_request(0, bytes(16), 0, 600_000))


def opened(address, count, first=b""):
    """Sockets that have sent `first`."""
    sockets = []
    for i in range(count):
        s = client.connected(address, LOOPBACKS[i % len(LOOPBACKS)])
        if first:
            s.sendall(first)
        sockets.append(s)
    return sockets


def closed_by_peer(sockets, seconds):
    """How many of them the server closes within the time."""
    poll = select.poll()
    left = {s.fileno(): s for s in sockets}
    for fd in left:
        poll.register(fd, select.POLLIN)
    deadline = time.monotonic() + seconds
    while left and time.monotonic() < deadline:
        for fd, _ in poll.poll(100):
            try:
                data = left[fd].recv(65536)
            except ConnectionError:
                data = b""
            if not data:
                poll.unregister(fd)
                del left[fd]
    return len(sockets) - len(left)


@contextlib.contextmanager
def held(sockets):
    try:
        yield sockets
    finally:
        for s in sockets:
            s.close()


def sessions(address, count):
    """Sockets with a session each. Asked for together: a session takes a sync."""
    sockets = opened(address, count, CONNECT_REQUEST)
    for s in sockets:
        length, = struct.unpack(">i", s.recv(4, socket.MSG_WAITALL))
        s.recv(length, socket.MSG_WAITALL)
    return sockets


def length_bombs(t):
    """Connections that promise a long frame and then say nothing."""
    count = 10_000 if t.full else 1_000
    t.fact(f"{count} connections, half of them with a session")

    @contextlib.contextmanager
    def bombs():
        before = opened(t.address, count // 2, wire.i32(8192))
        within = sessions(t.address, count // 2)
        for s in within:
            s.sendall(wire.i32((1 << 20) - 1))
        with held(before), held(within):
            yield

    with t.memory_bound(64):
        for length in ((1 << 20) - 1, 8193, 0x7FFFFFFF, -1, -0x80000000):
            with held(opened(t.address, count // 5, wire.i32(length))) as strangers:
                t.check(closed_by_peer(strangers, 10) == count // 5,
                        f"before a session a frame of {length} bytes closes the connection at once")
        t.rounds(bombs)
    with held(sessions(t.address, 1)) as (s,):
        s.sendall(wire.i32(1 << 20))
        t.check(closed_by_peer([s], 5) == 1, "in a session a frame above jute.maxbuffer does")
    with t.client() as c:
        t.check(c.exists("/").err == client.OK, "a new client is served")


def slow_loris(t):
    """Connections that never say who they are, or one byte a second; frames that never end."""
    count = 5_000 if t.full else 600
    t.fact(f"{count} slow connections")

    @contextlib.contextmanager
    def slow():
        sockets = opened(t.address, count // 3) + opened(t.address, count - count // 3, b"\0")
        done = threading.Event()

        def trickle():
            for byte in CONNECT_REQUEST[1:]:
                if done.wait(1):
                    return
                for s in sockets[count // 3:]:
                    with contextlib.suppress(OSError):
                        s.send(bytes([byte]))
        thread = threading.Thread(target=trickle)
        thread.start()
        try:
            with held(sockets):
                yield sockets
        finally:
            done.set()
            thread.join()

    with t.memory_bound(64):
        t.rounds(slow, seconds=1.0)
        with slow() as sockets:
            begin = time.monotonic()
            took = []
            for _ in range(21):
                at = time.monotonic()
                t.client().end_session()
                took.append((time.monotonic() - at) * 1000)
            took.sort()
            t.check(took[10] < 100, f"a new client comes and goes in {took[10]:.1f} ms "
                                    f"(median; the longest {took[-1]:.1f}), bound 100")
            closed = closed_by_peer(sockets, 10)
            t.check(closed == count, f"all {count} are closed {time.monotonic() - begin:.1f} s later, "
                                     "however they trickle")
    with t.client(timeout_ms=1000) as c, t.client() as other:
        c.create("/held", flags=wire.EPHEMERAL)
        frame = wire.frame(wire.request(9, *wire.set_data("/bystander", bytes(1000))))
        begin = time.monotonic()
        try:
            for byte in frame:
                c.socket.send(bytes([byte]))
                if select.select([c.socket], [], [], 0.1)[0] and not c.socket.recv(100):
                    break
        except ConnectionError:
            pass
        lasted = time.monotonic() - begin
        t.check(0.8 < lasted < 6, f"a frame that never ends is no sign of life: closed after "
                                  f"{lasted:.1f} s, the session's timeout is 1 s")
        t.eventually(lambda: other.exists("/held").err == client.NO_NODE, "and the session expires")


def flood(t):
    """Connections, and sessions, as fast as they come."""
    rate = 1_000
    made = [0, 0.0]

    def arrive(done, new_session):
        begin = time.monotonic()
        number = 0
        while not done.is_set():
            ahead = number / rate - (time.monotonic() - begin)
            if ahead > 0:
                time.sleep(ahead)
            s = client.connected(t.address, LOOPBACKS[number % len(LOOPBACKS)])
            if new_session:
                s.sendall(CONNECT_REQUEST)
                s.recv(64)
            s.close()
            number += 1
        made[0] += number
        made[1] += time.monotonic() - begin

    def flooding(new_session):
        @contextlib.contextmanager
        def attack():
            done = threading.Event()
            thread = threading.Thread(target=arrive, args=(done, new_session))
            thread.start()
            try:
                yield
            finally:
                done.set()
                thread.join()
        return attack

    seconds = 5.0 if t.full else 1.0
    with t.memory_bound(64):
        t.rounds(flooding(new_session=False), seconds=seconds)
        t.fact(f"{made[0] / made[1]:.0f} connections a second")
        made[:] = [0, 0.0]
        t.rounds(flooding(new_session=True), seconds=seconds)
        t.fact(f"{made[0] / made[1]:.0f} sessions a second")


def half_open(t):
    """Clients vanish without a word, with sessions, ephemerals and watches."""
    count = 2_000 if t.full else 300
    t.fact(f"{count} clients vanish")
    # In one piece: requests need not wait for the session.
    everything = wire.frame(wire.connect_request(0, bytes(16), 0, 1_500)) + b"".join(
        wire.frame(wire.request(xid, *request)) for xid, request in enumerate((
            wire.create("/left/one", flags=wire.EPHEMERAL | wire.SEQUENTIAL),
            client.get_data("/left", watch=True))))
    with t.client() as keeper:
        keeper.create("/left")
        files, watches = t.open_files(), t.monitor("zk_watch_count")

        @contextlib.contextmanager
        def vanishing():
            with held(opened(t.address, count, everything)) as sockets:
                yield
                t.check(closed_by_peer(sockets, 20) == count, "their connections are closed")

        with t.memory_bound(64):
            t.rounds(vanishing, count=3 if t.full else 1, seconds=2.5)
        t.eventually(lambda: keeper.call(wire.GET_CHILDREN, wire.string("/left") + b"\0").body
                     == wire.i32(0), "their ephemerals are gone")
        t.check(t.monitor("zk_watch_count") == watches, "so are their watches")
        t.eventually(lambda: t.open_files() <= files, "and their descriptors")


def at_limit_of_files(limit, begin):
    """Runs `begin` with this limit in force for what it starts."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))
    try:
        begin()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def descriptors(t):
    """More connections than the server has descriptors; and none left at all."""
    pid = t.server.pid
    t.check("open files" in t.log(), "the start tells how many clients the limit of files leaves room for")
    with t.client() as honest:
        honest.create("/rolls")

        def work(writes):
            """Enough for new logs and snapshots again and again. Whether all was well."""
            errors = [honest.call(*wire.set_data("/rolls", bytes(10_000))).err for _ in range(writes)]
            return not any(errors)

        def logs():
            return len([name for name in os.listdir(os.path.join(t.server.log_directory, "version-2"))
                        if name.startswith("log.")])

        def newcomer_is_served():
            try:
                with t.client() as c:
                    return c.exists("/").err == client.OK
            except (client.Closed, OSError):
                return False

        # More clients than fit.
        before = logs()
        with held(opened(t.address, 600, CONNECT_REQUEST)) as sockets:
            refused = closed_by_peer(sockets, 3)
            t.check(0 < refused < 600, f"of 600 connections {refused} were closed at once")
            t.check(work(200), "whoever is connected goes on")
            t.check("LimitNOFILE" in t.log(), "the log names the cure")
            t.check(not newcomer_is_served(), "another client is not let in")
        t.eventually(newcomer_is_served, "and is when others have gone", 5)
        t.check(logs() > before, f"{logs() - before} new logs were begun meanwhile")

        # None left: somebody has taken what was kept for the store, too.
        honest.exists("/")
        before = logs()
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (t.open_files(), 256))
        with held(opened(t.address, 50, CONNECT_REQUEST)) as sockets:
            t.check(work(200), "without any descriptor left writes go on")
            t.check(logs() > before, f"and {logs() - before} new logs are begun")
            cpu = t.cpu_seconds()
            time.sleep(1.5)
            used = (t.cpu_seconds() - cpu) / 1.5
            t.check(used < 0.4, f"the server does not spin: {used:.0%} of a processor, the bystander's "
                                "load included")
            t.check(0 < t.log().count("accepting on") < 10,
                    "the log says that accepting pauses, and is not flooded")
            resource.prlimit(pid, resource.RLIMIT_NOFILE, (256, 256))
            t.eventually(newcomer_is_served, "with descriptors again new clients come", 5)
        t.check(work(50), "and writes go on")


descriptors.settings = ["txnLogSizeLimitInKb=100", "snapCount=100", "autopurge.purgeInterval=0"]
descriptors.limit_of_files = 256
slow_loris.settings = ["nio.sessionlessCnxnTimeout=3000"]

ATTACKS = [length_bombs, slow_loris, flood, half_open, descriptors]
