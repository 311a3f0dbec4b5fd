"""Logs with every kind of record that a log can hold, those of old servers included, and those that
a replay meets when the snapshot below it already has what they did: creates of what is there,
deletes of what is not, cversions that go back."""

import random
import struct

import population
import wire
from wire import acl_list, data, text

ERROR, CREATE_SESSION, CLOSE_SESSION = -1, -10, -11
CREATE, DELETE, SET_DATA, SET_ACL, CHECK, MULTI, CREATE2 = 1, 2, 5, 7, 13, 14, 15
RECONFIG, CREATE_CONTAINER, DELETE_CONTAINER, CREATE_TTL = 16, 19, 20, 21

SESSION_MS = 300_000


def password_of(session):
    """What every server gives a session of this id: java.util.Random's bytes."""
    state = (session ^ 0xB3415C00 ^ 0x5DEECE66D) & (1 << 48) - 1
    words = []
    for _ in range(4):
        state = (state * 0x5DEECE66D + 0xB) & (1 << 48) - 1
        words.append(struct.pack("<I", state >> 16 & 0xffffffff))
    return b"".join(words)


class Log:
    """A random log. `payloads` are its records; `sessions` says of each if it still lives."""

    FIRST_SESSION = 0x0100_0000_0000_0000

    def __init__(self, seed, length):
        self.random = random.Random(seed)
        self.payloads = []
        self.sessions = {}
        self.kinds = {}
        self._zxid = 0
        self._nodes = {}  # Path: owner, None for none.
        self._time = 1_700_000_000_000
        for name in "abcdef":
            self._add(CREATE, self._create("/" + name, None))
        for _ in range(length):
            self._step()

    def _add(self, kind, body, session=0):
        self._zxid += 1
        self._time += self.random.randrange(3)
        self.kinds[kind] = self.kinds.get(kind, 0) + 1
        self.payloads.append(struct.pack(">qiqqi", session, self._zxid & 0xff, self._zxid,
                                         self._time, kind) + body)

    def _step(self):
        kind = self.random.choice((
            CREATE, CREATE, CREATE, CREATE2, CREATE2, CREATE_CONTAINER, CREATE_TTL, DELETE, DELETE,
            DELETE_CONTAINER, SET_DATA, SET_DATA, SET_ACL, RECONFIG, MULTI, MULTI, ERROR,
            CREATE_SESSION, CREATE_SESSION, CLOSE_SESSION))
        if kind == CREATE_SESSION:
            session = self.FIRST_SESSION + len(self.sessions)
            self.sessions[session] = True
            self._add(kind, struct.pack(">i", SESSION_MS), session)
        elif kind == CLOSE_SESSION:
            self._close()
        elif kind == ERROR:
            self._add(kind, struct.pack(">i", self.random.choice((-101, -103, -110, -111))))
        elif kind == MULTI:
            self._multi()
        elif kind == RECONFIG:
            self._add(kind, text("/zookeeper/config") + data(b"version=%d" % self._zxid)
                      + struct.pack(">i", -1))
        elif kind in (CREATE, CREATE2):
            owner = self._live() if self.random.randrange(4) == 0 else None
            body = self._create(self._path(owner is not None), owner)
            if kind == CREATE2 or self.random.randrange(5):
                body += struct.pack(">i", self._cversion())
            self._add(kind, body, owner or 0)
        else:
            self._add(kind, self._body(kind))

    def _live(self):
        live = [session for session, lives in self.sessions.items() if lives]
        return self.random.choice(live) if live else None

    def _path(self, leaf=False):
        """Two levels of few names, so that records meet each other. Ephemerals stay leaves."""
        parent = self.random.choice("abcdef")
        path = f"/{parent}/{'e' if leaf else 'n'}{self.random.randrange(12)}"
        if not leaf and self.random.randrange(3) == 0:
            path += f"/m{self.random.randrange(3)}"
        return path

    def _acl(self, path):
        """By its path: whether a create changes the list of a node that is there depends on the
        version."""
        return population.ACLS[len(path) % 7]

    def _cversion(self):
        return self.random.choice((-1, 0, 1, 3, 10, self._zxid))

    def _create(self, path, owner):
        """Without its last field, the parent's cversion: old servers wrote none."""
        if path.rsplit("/", 1)[0] in self._nodes or path.count("/") == 1:
            self._nodes.setdefault(path, owner or None)
        return text(path) + data(self._data()) + acl_list(self._acl(path)) + (
            b"\1" if owner else b"\0")

    def _data(self):
        return self.random.choice((None, b"", b"some", self.random.randbytes(50)))

    def _body(self, kind):
        if kind == SET_DATA:
            return (text(self._path()) + data(self._data())
                    + struct.pack(">i", self.random.randrange(100)))
        if kind == SET_ACL:
            path = self._path()
            return text(path) + acl_list(self._acl(path)) + struct.pack(
                ">i", self.random.randrange(100))
        if kind in (DELETE, DELETE_CONTAINER):
            return self._delete()
        path = self._path()
        if path.rsplit("/", 1)[0] in self._nodes:
            self._nodes.setdefault(path, None)
        body = text(path) + data(self._data()) + acl_list(self._acl(path)) + struct.pack(
            ">i", self._cversion())
        if kind == CREATE_CONTAINER:
            return body
        return body + struct.pack(">q", self.random.choice((36_000_000, (1 << 40) - 1)))

    def _delete(self):
        """Of something without children, or of nothing."""
        path = self._path(self.random.randrange(3) == 0)
        while any(other.startswith(path + "/") for other in self._nodes):
            path = self._path()
        self._nodes.pop(path, None)
        return text(path)

    def _close(self):
        session = self._live()
        if session is None:
            return
        self.sessions[session] = False
        owned = [path for path, owner in self._nodes.items() if owner == session]
        for path in owned:
            del self._nodes[path]
        paths = owned + ["/not/there", "/a/gone"]
        # Old servers listed nothing: each server then deletes what it holds for the session.
        body = b"" if self.random.randrange(3) == 0 else struct.pack(
            ">i", len(paths)) + b"".join(map(text, paths))
        self._add(CLOSE_SESSION, body, session)

    def _multi(self):
        kinds = [self.random.choice((CREATE, CREATE_CONTAINER, CREATE_TTL, DELETE, SET_DATA, CHECK,
                                     CREATE)) for _ in range(self.random.randrange(5))]
        if self.random.randrange(3) == 0:
            before = self._nodes.copy()
            parts = [(kind, self._part(kind)) for kind in kinds]
            self._nodes = before  # It failed: nothing of it is done.
            parts += [(ERROR, struct.pack(">i", -101)), (ERROR, struct.pack(">i", -2))]
        else:
            parts = [(kind, self._part(kind)) for kind in kinds]
        self._add(MULTI, struct.pack(">i", len(parts)) + b"".join(
            struct.pack(">i", kind) + data(body) for kind, body in parts))

    def _part(self, kind):
        if kind == CREATE:
            return self._create(self._path(), None) + struct.pack(">i", self._cversion())
        if kind == CHECK:
            return text(self._path()) + struct.pack(">i", 3)
        return self._body(kind)
