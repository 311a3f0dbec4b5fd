"""Clients that record what they do. Each is a thread with one session at a time, which moves on to
another server when its connection is lost, as ZooKeeper's clients do."""

import os
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "durability"))
import client as protocol
import wire

from history import Op, Work

REQUESTS = {
    "create": lambda op: wire.create2(op.path, op.data, op.flags),
    "delete": lambda op: wire.delete(op.path, op.version),
    "set": lambda op: wire.set_data(op.path, op.data, op.version),
    "get": lambda op: (wire.GET_DATA, wire.string(op.path) + wire.boolean(False)),
    "exists": lambda op: (wire.EXISTS, wire.string(op.path) + wire.boolean(False)),
    "children": lambda op: (wire.GET_CHILDREN, wire.string(op.path) + wire.boolean(False)),
    "sync": lambda op: (wire.SYNC, wire.string(op.path)),
    "close": lambda op: wire.close_session(),
}
RESULTS = {
    "create": lambda reader: (reader.string(), reader.stat()),
    "set": lambda reader: reader.stat(),
    "get": lambda reader: (reader.buffer() or b"", reader.stat()),
    "exists": lambda reader: reader.stat(),
    "children": lambda reader: sorted(reader.string() for _ in range(reader.i32())),
}


class Lost(Exception):
    """The connection is gone: what was not answered may or may not have happened."""


class Ended(Exception):
    """The session is over."""


class Stopped(Exception):
    """The time of the run is over."""


class _Session(protocol.Session):
    pongs = order = 0

    def _reply(self, reader):
        at = reader.at
        if reader.i32() == wire.PING_XID:
            self.pongs += 1
        reader.at = at
        return super()._reply(reader)


class Client(threading.Thread):
    def __init__(self, number, addresses, history, draw, stop, timeout_ms):
        """addresses: server number -> address. stop: an Event."""
        super().__init__(name=f"client {number}", daemon=True)
        self.number, self.addresses, self.history = number, addresses, history
        self.draw, self._ending, self.timeout_ms = draw, stop, timeout_ms
        self.failure = None
        self.server = 0
        self.made = 0
        self._session = None
        self._old = []  # Sessions that it has left behind.

    # --- the thread

    def body(self):
        """One round of what this client does; endless work is the caller's."""
        raise NotImplementedError

    def run(self):
        try:
            while True:
                try:
                    self.body()
                except (Lost, Ended):
                    pass
        except Stopped:
            pass
        except Exception as e:  # Told to the run, which fails.
            self.failure = e
        finally:
            if self._session:
                self._session.close_connection()

    def check_time(self):
        if self._ending.is_set():
            raise Stopped

    # --- the session

    @property
    def session(self):
        return self._session.id if self._session else 0

    def leave_session(self):
        """Goes away without a word, as a client that crashed: the session has to expire."""
        if self._session:
            self._session.close_connection()
            self._session = None

    def _connected(self):
        """The session, on a connection; begins one or takes it up again."""
        while True:
            self.check_time()
            if self._session and self._session.connected:
                return self._session
            if self._session is None:
                self._session = _Session(self.timeout_ms)
            self._connect(self._session)

    def _connect(self, session):
        number = self.draw.choice(list(self.addresses))
        op = Op(self.number, session.id, 0, number, "connect", invoked=time.monotonic_ns())
        known = session.id != 0
        try:
            session.connect(self.addresses[number], self.timeout_ms / 3000)
            op.result = "resumed" if known else "new"
        except protocol.Expired:
            op.result = "expired"
        except (protocol.Refused, OSError):
            session.close_connection()
            time.sleep(0.02 + 0.1 * self.draw.random())
            return
        op.returned, op.session, op.error, op.zxid = time.monotonic_ns(), session.id, 0, 0
        self.history.add(op)
        self.server = number
        if op.result == "expired":
            self.leave_session()
            raise Ended

    def _lose(self):
        if self._session:
            self._session.close_connection()
        raise Lost

    # --- requests

    def new_data(self):
        """Bytes that nobody else writes."""
        self.made += 1
        return f"{self.number}-{self.made}".encode()

    def ask(self, *ops):
        """Sends (kind, fields) in one piece and returns the Ops with their answers, in order."""
        session = self._connected()
        asked = [self.history.add(Op(self.number, session.id, session.xid + at, self.server, kind,
                                     invoked=time.monotonic_ns(), **fields))
                 for at, (kind, fields) in enumerate(ops, 1)]
        left = list(asked)
        deadline = time.monotonic() + self.timeout_ms * 2 / 3000
        try:
            session.send([REQUESTS[op.kind](op) for op in asked])
            while left:
                self._wait(session, deadline)
                for _, _, _, zxid, error, reader in session.receive():
                    self._answer(session, left.pop(0), zxid, error, reader)
        except (protocol.Refused, OSError):
            self._lose()
        for op in asked:
            if op.kind == "close" or op.error == -112:  # SessionExpired
                self.leave_session()
                raise Ended
        return asked

    def one(self, kind, path="", **fields):
        return self.ask((kind, {"path": path, **fields}))[0]

    @staticmethod
    def _wait(session, deadline):
        session._socket.settimeout(max(0.001, deadline - time.monotonic()))

    @staticmethod
    def _answer(session, op, zxid, error, reader):
        session.order += 1
        op.order, op.zxid, op.error = session.order, zxid, error
        if error == 0 and op.kind in RESULTS:
            op.result = RESULTS[op.kind](reader)
        op.returned = time.monotonic_ns()

    def ping(self):
        """True once it is answered: until when the session's holder may rely on it, in ns."""
        session = self._connected()
        op = self.history.add(Op(self.number, session.id, wire.PING_XID, self.server, "ping",
                                 invoked=time.monotonic_ns()))
        deadline = time.monotonic() + self.timeout_ms * 2 / 3000
        pongs = session.pongs
        try:
            session._socket.sendall(wire.frame(wire.i32(wire.PING_XID) + wire.i32(wire.PING)))
            while session.pongs == pongs:
                self._wait(session, deadline)
                session.receive()
        except (protocol.Refused, OSError):
            self._lose()
        op.returned, op.error, op.zxid = time.monotonic_ns(), 0, 0
        return op.invoked + self.timeout_ms * 1_000_000 // 3

    def work(self, path, czxid, until):
        """The holder of a lock works, unless it is not sure any more that it holds it."""
        now = time.monotonic_ns()
        if now < until:
            self.history.add_work(Work(self.session, path, czxid, now))


# --- workloads: what is done on which paths

class Registers(Client):
    """Values under few keys, written whatever they are, or only when they are what was read."""

    KEYS = [f"/registers/{name}" for name in "abcde"]

    def body(self):
        versions = {}
        while True:
            self.check_time()
            key = self.draw.choice(self.KEYS)
            kind = self.draw.random()
            if kind < 0.35:
                op = self.one("get", key)
                if op.succeeded:
                    versions[key] = op.result[1]["version"]
            elif kind < 0.55:
                self.one("set", key, data=self.new_data())
            elif kind < 0.8:
                op = self.one("set", key, data=self.new_data(), version=versions.get(key, 0))
                if op.succeeded:
                    versions[key] = op.result["version"]
            elif kind < 0.9:
                self.ask(*[(kind, {"path": self.draw.choice(self.KEYS), "data": data})
                           for _ in range(4)
                           for kind, data in (("set", self.new_data()), ("get", b""))])
            else:
                self.ask(("sync", {"path": key}), ("get", {"path": key}))
            time.sleep(0.01 * self.draw.random())


class Queue(Client):
    """Entries with numbers from the server: added at the end, taken from the front."""

    TOP = "/queue"

    def body(self):
        while True:
            self.check_time()
            if self.draw.random() < 0.55:
                self.ask(*[("create", {"path": f"{self.TOP}/e-", "data": self.new_data(),
                                       "flags": wire.EPHEMERAL | wire.SEQUENTIAL
                                       if self.draw.random() < 0.1 else wire.SEQUENTIAL})
                           for _ in range(self.draw.choice((1, 1, 3)))])
            else:
                names = self.one("children", self.TOP).result
                if names:
                    first = sorted(names, key=lambda name: name[-10:])[:8]
                    path = f"{self.TOP}/{self.draw.choice(first)}"
                    self.ask(("get", {"path": path}), ("delete", {"path": path}),
                             ("exists", {"path": path}))
            time.sleep(0.01 * self.draw.random())


class Locks(Client):
    """A lock of ephemeral nodes; who has the lowest holds it, for as long as its session is sure."""

    TOP = "/lock"

    def body(self):
        self._tidy_up()
        mine = self.one("create", f"{self.TOP}/n-", data=self.new_data(),
                        flags=wire.EPHEMERAL | wire.SEQUENTIAL)
        if not mine.succeeded:
            return
        path, stat = mine.result
        while True:
            self.check_time()
            until = self.ping()
            names = self.one("children", self.TOP).result
            if not names or path.rsplit("/", 1)[1] not in names:
                return
            if min(names, key=lambda name: name[-10:]) == path.rsplit("/", 1)[1]:
                break
            time.sleep(0.03)
        end = time.monotonic() + 0.15 * self.draw.random()
        while time.monotonic() < end or self.draw.random() < 0.5:
            self.check_time()
            self.work(path, stat["czxid"], until)
            time.sleep(0.01)
            self.work(path, stat["czxid"], until)
            until = self.ping()
        how = self.draw.random()
        if how < 0.7:
            self.one("delete", path)
        elif how < 0.85:
            self.one("close")
        else:
            self.leave_session()

    def _tidy_up(self):
        """A node that this session has made, and lost the answer of, would stand in its own way."""
        for name in self.one("children", self.TOP).result or []:
            found = self.one("get", f"{self.TOP}/{name}")
            if found.succeeded and found.result[1]["owner"] == self.session:
                self.one("delete", found.path)


WORKLOADS = {"registers": Registers, "queue": Queue, "locks": Locks}
TOPS = ["/registers", "/queue", "/lock", *Registers.KEYS]
