"""Attacks by volume: replies that are never read, watches, words, and a state that grows and grows."""

import contextlib
import select
import threading
import time

import client
import server
import wire
from connections import LOOPBACKS, closed_by_peer, held, sessions, opened

BIG = 1_000_000
UNREAD_MIB = 256  # What the server keeps for all who do not read, and a little for the rest.


def stuffed(sockets, data, seconds=3.0):
    """Sends `data` again and again until none of them takes more."""
    poll = select.poll()
    left = {}
    for s in sockets:
        s.setblocking(False)
        left[s.fileno()] = [s, memoryview(data)]
        poll.register(s.fileno(), select.POLLOUT)
    sent, deadline = 0, time.monotonic() + seconds
    while time.monotonic() < deadline:
        ready = poll.poll(300)
        if not ready:
            break
        for fd, _ in ready:
            s, rest = left[fd]
            try:
                taken = s.send(rest)
            except BlockingIOError:
                continue
            except ConnectionError:
                poll.unregister(fd)
                continue
            sent += taken
            left[fd][1] = rest[taken:] or memoryview(data)
    return sent


def slow_readers(t):
    """Clients ask for nodes of a megabyte and never read."""
    count = 300 if t.full else 120
    asked = b"".join(wire.frame(wire.request(xid, *client.get_data("/big"))) for xid in range(100))
    with t.client() as honest:
        honest.create("/big", bytes(BIG))

        @contextlib.contextmanager
        def asking():
            clients = [t.client(receive_buffer=4096, source=LOOPBACKS[i % len(LOOPBACKS)])
                       for i in range(count)]
            with held([c.socket for c in clients]):
                for c in clients:
                    c.raw(asked)
                t.settled()
                for _ in range(50):
                    if honest.call(*client.get_data("/big")).err != client.OK:
                        t.check(False, "an honest reader of the same node is served")
                yield
        with t.memory_bound(UNREAD_MIB + 192):
            t.rounds(asking)
        t.fact(f"{count} clients ask for {count * 100} MB")
        t.check(honest.exists("/big").err == client.OK, "the honest reader is there still")
        t.check(t.monitor("zk_unread_replies_closed_count") > 0, "mntr counts who was closed")
        t.check("do not read" in t.log(), "the log tells of them")


def deaf_writers(t):
    """Pipelines of writes, reads and pings whose replies are never read."""
    count = 40 if t.full else 3
    kinds = {
        "writes": [wire.set_data("/deaf", bytes(10))],
        "reads": [client.exists("/deaf")],
        "a mixture": [wire.set_data("/deaf", bytes(10)), client.exists("/deaf"),
                      (wire.SYNC, wire.string("/")), (wire.PING, b""), client.get_data("/deaf")],
    }
    with t.client() as honest:
        honest.create("/deaf")
        with t.memory_bound(min(UNREAD_MIB, 32 + count * 16)):
            for name, requests in kinds.items():
                data = b"".join(wire.frame(wire.request(xid, *request))
                                for xid, request in enumerate(requests * (2000 // len(requests))))

                @contextlib.contextmanager
                def deaf():
                    clients = [t.client(receive_buffer=4096) for _ in range(count)]
                    sockets = [c.socket for c in clients]
                    with held(sockets):
                        sent.append(stuffed(sockets, data, 5.0))
                        t.settled()
                        yield
                sent = []
                t.rounds(deaf, count=3 if t.full else 1, seconds=1.0)
                t.fact(f"{name}: {sum(sent) / 1e6:.0f} MB sent")
        t.check(honest.exists("/deaf").err == client.OK, "another client is served")


def many_watches(t):
    """Hundreds of thousands of watches of one client, and many clients on one node."""
    count = 500_000 if t.full else 60_000
    clients = 2_000 if t.full else 400
    with t.client() as watcher, t.client() as writer:
        before = t.monitor("zk_watch_count")
        each = 10_000
        with t.memory_bound(count * 512 / (1 << 20) + 16):
            for first in range(0, count, each):
                paths = [f"/no/such/node/{n:08}" for n in range(first, first + each)]
                reply = watcher.call(*client.set_watches(1 << 40, [], paths, []),
                                     xid=client.SET_WATCHES_XID)
                assert reply.err == client.OK
        t.fact(f"{count} watches of one client at {t.growth_mib * (1 << 20) / count:.0f} bytes each")
        t.check(t.monitor("zk_watch_count") == before + count, "mntr counts them")
        watcher.close()
        t.eventually(lambda: t.monitor("zk_watch_count") == before, "they go with their client")
        # Everybody looks at one node.
        writer.create("/looked-at")

        @contextlib.contextmanager
        def storm():
            with held(sessions(t.address, clients)) as sockets:
                watch = wire.frame(wire.request(1, client.ADD_WATCH,
                                                wire.string("/looked-at") + wire.i32(0)))
                for s in sockets:
                    s.sendall(watch)
                for _ in range(10):
                    writer.call(*wire.set_data("/looked-at", b"new"))
                yield
        t.rounds(storm)
        t.fact(f"10 events for {clients} clients")


def words(t):
    """Four-letter words: who asks for what is not allowed, and who asks all the time."""
    listed = ["conf", "cons", "crst", "dirs", "dump", "envi", "gtmk", "hash", "isro", "mntr", "ruok",
              "srst", "stat", "stmk", "wchc", "wchp", "wchs"]
    wrong = {}
    for word in listed:
        text = server.four_letter_word(t.address, word)
        if text != f"{word} is not executed because it is not in the whitelist.\n":
            wrong[word] = text
    t.check(not wrong, f"{len(listed)} words are refused in ZooKeeper's words {wrong}")
    text = server.four_letter_word(t.address, "srvr")
    t.check(text.startswith("Zookeeper version:") and len(text) < 1024,
            f"srvr is answered with {len(text)} bytes")
    for word in ("quit", "SRVR", "srv\0", "\xff\xff\xff\xff"):
        t.check(server.four_letter_word(t.address, word) == "", f"{word!r} is no word")

    @contextlib.contextmanager
    def asking():
        done = threading.Event()

        def ask():
            while not done.wait(0.002):
                server.four_letter_word(t.address, "srvr")
                asked.append(1)
        thread = threading.Thread(target=ask)
        thread.start()
        try:
            yield
        finally:
            done.set()
            thread.join()
    asked = []
    with t.memory_bound(16):
        t.rounds(asking)
    t.fact(f"srvr {len(asked)} times")


words.settings = ["4lw.commands.whitelist="]


def growing_state(t):
    """A client that creates without end, at a server with a ceiling on its memory."""
    ceiling = 96
    with t.client() as greedy, t.memory_bound(ceiling + 64):
        greedy.create("/greedy")
        created, refused = 0, 0
        data = bytes(20_000)
        while refused < 200 and created < 50_000:
            batch = 50
            for n in range(batch):
                greedy.post(*wire.create(f"/greedy/{created + n:06}", data))
            errors = [greedy.reply().err for _ in range(batch)]
            unexpected = set(errors) - {client.OK, client.NOT_READ_ONLY}
            if unexpected:
                t.check(False, f"errors {unexpected}")
                break
            created += errors.count(client.OK)
            refused += errors.count(client.NOT_READ_ONLY)
            if refused and created < 1000:
                break
        t.fact(f"{created} nodes of 20 kB, then NotReadOnly")
        t.check(1000 < created < 20_000 and refused >= 200, f"{created} are created, then {refused} refused")
        kept = [f"/greedy/{n:06}" for n in range(50)]
        t.check(t.monitor("zk_growth_refused") == 1, "mntr shows it")
        t.check(t.monitor("zk_memory_in_use_bytes") > ceiling * 7 / 8 * (1 << 20),
                "and how much is in use")
        t.check(t.log().count("more than vivarium.memory.ceiling") == 1,
                "the log tells it once, with the cure")
        t.check(greedy.call(*client.get_data(kept[0])).err == client.OK, "reads go on")
        t.check(greedy.call(wire.SYNC, wire.string("/")).err == client.OK, "sync does")
        with t.client() as newcomer:
            t.check(newcomer.session != 0, "a new session is taken")
            t.check(newcomer.call(*wire.set_data(kept[1], bytes(10))).err == client.OK,
                    "data that does not grow is set")
            t.check(newcomer.call(*wire.set_data(kept[1], bytes(30))).err == client.NOT_READ_ONLY,
                    "data that grows is not")
            t.check(newcomer.call(*wire.delete(kept[0])).err == client.OK, "a delete is done")
            many = wire.multi([wire.check(kept[2], -1), *map(wire.delete, kept[2:20])])
            t.check(newcomer.call(*many).err == client.OK and newcomer.exists(kept[2]).err == client.NO_NODE,
                    "so is a multi of deletes")
            mixed = wire.multi([wire.delete(kept[20]), wire.create("/greedy/new")])
            t.check(newcomer.call(*mixed).err == client.NOT_READ_ONLY, "one that creates is refused")
            t.check(newcomer.call(*wire.set_acl(kept[3])).err == client.NOT_READ_ONLY, "so is a setACL")
            newcomer.end_session()
        left = wire.Reader(greedy.call(wire.GET_CHILDREN, wire.string("/greedy") + b"\0").body)
        names = [left.string() for _ in range(left.i32())]
        for name in names[:len(names) // 2]:
            greedy.post(*wire.delete(f"/greedy/{name}"))
        t.check({greedy.reply().err for _ in names[:len(names) // 2]} == {client.OK},
                "half of it is deleted")
        t.eventually(lambda: greedy.create("/greedy/again").err == client.OK,
                     "and then nodes are created again, without a restart", 5)
        t.check(t.monitor("zk_growth_refused") == 0, "mntr shows that")


# The bystander's setData is of one size, so that it goes on.
growing_state.settings = ["vivarium.memory.ceiling=96M", "preAllocSize=1024"]

ATTACKS = [slow_readers, deaf_writers, many_watches, words, growing_state]
