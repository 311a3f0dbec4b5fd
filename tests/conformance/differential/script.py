"""Random scripts: what four clients do, one after the other. A script is a function of its seed alone and
every step stands for itself, so that a script with steps left out is a script again.

The requests meet in a small tree of few names. The script guesses what the tree holds, so that most
requests find something; it need not be right."""

import dataclasses
import random

import wire
from wire import OPS, acl, buffer, flag, long, number, vector

SLOTS = 4
FRAME_MAX = 20_000  # jute.maxbuffer of both servers.
LONG_MS = 600_000  # Of sessions that must not expire.
SHORT_MS = 1500
REAP_MS = 200  # Between two looks at what is to be reaped, after the servers have started again.

OPEN = ((31, "world", "anyone"),)
READ_ONLY = ((1, "world", "anyone"),)
MINE = ((31, "auth", ""),)
ALICE_DIGEST = "alice:aYXlLOpEooaV1cRAvUL1fp9Qt7E="
SUPER = "super:admin"
USERS = ("alice:secret", "bob:secret", SUPER)
SUPER_DIGEST = "super:xQJmxLMiHGwaqBvst5y6rkB6HQs="

ACLS = (
    READ_ONLY, MINE, ((31, "digest", "alice:x"), (1, "world", "anyone")),
    ((16, "world", "anyone"),), ((30, "world", "anyone"),), ((27, "world", "anyone"),),
    ((31, "digest", ALICE_DIGEST),), ((1, "digest", ALICE_DIGEST), (30, "auth", "")),
    ((1, "auth", ""), (31, "ip", "127.0.0.1")), ((31, "ip", "10.0.0.0/8"), (1, "world", "anyone")),
    ((31, "ip", "127.0.0.0/8"),), ((15, "world", "anyone"), (15, "world", "anyone")),
    ((31, "digest", "käte:x"), (31, "world", "anyone")), ((0, "world", "anyone"),),
    ((-1, "world", "anyone"),), ((32, "world", "anyone"), (31, "ip", "127.0.0.1/1")),
    ((1, "world", "anyone"), (30, "ip", "127.0.0.1")), ((31, "super", ""), (31, "world", "anyone")),
)
WRONG_ACLS = (
    (), None, ((31, "world", "somebody"),), ((31, "nobody", "x"),), ((31, "ip", "300.1.2.3"),),
    ((31, "ip", "1.2.3"),), ((31, "ip", "1.2.3.4/33"),), ((31, "ip", "1.2.3.4/-1"),),
    ((31, "ip", ""),), ((31, "digest", "alice"),), ((31, "digest", "a:b:c"),), ((31, "digest", ":"),),
    ((31, "sasl", "x"),), ((31, "x509", "CN=x"),), ((31, "", ""),), ((31, "World", "anyone"),),
    ((31, None, "anyone"),), ((31, "world", None),), ((31, "digest", None),), ((31, "auth", None),),
)
ROOTS = ("/", "/zookeeper", "/zookeeper/quota", "/zookeeper/config")
WRONG_PATHS = (
    "", None, "a", "a/b", "//", "/a/", "/a//b", "//a", "/.", "/..", "/a/.", "/a/..", "/a/./b",
    "/a/../b", "/...", "/a.", "/.a", "/ ", "/a b", "/\0", "/a\0b", "/\1", "/a\x1f", "/\x7f", "/\u0080",
    "/\u009f", "/\u00a0", "/é", "/\u4e2d", "/\ue000", "/\uf8ff", "/\uf900", "/\uffef", "/\ufff0",
    "/\uffff", "/\U0001f600", b"/\xed\xa0\x80", b"/\xff", b"/a\xc3", b"/\xc0\xaf", "/zookeeper/x",
    "/zookeeper/quota/a/b", "/" + "n" * 1000, "/zookeeper/config/", "/zookeeper/quota/",
)
VERSIONS = (0, 1, 2, 3, -2, 2**31 - 1, -2**31)
FLAGS = {"create": (0, 1, 2, 3), "create2": (0, 1, 2, 3), "createContainer": (4,), "createTTL": (5, 6)}
UNKNOWN_OPS = (0, 10, 23, 99, 108, 1000, -1, -2, -9, -12, 2**31 - 1, -2**31)


@dataclasses.dataclass(slots=True)
class Ask:
    """A request. Neighbours of one round go out together, before the replies are read."""
    slot: int
    op: int
    body: bytes
    round: int
    xid: int | None = None
    zxid: int | None = None  # Picks one of the zxids seen so far for the first field of the body.
    closes: bool = False  # The connection ends behind it, if the servers hold to it.

    def __str__(self):
        body, note = self.body, ""
        if self.zxid is not None:
            note = " (its zxid is the one seen as number "f"{self.zxid} modulo how many were seen)"
        if self.xid is not None and self.xid not in (wire.XID_PING, wire.XID_AUTH,
                                                     wire.XID_SET_WATCHES):
            note += f" (xid {self.xid})"
        return f"client {self.slot}: {wire.describe(self.op, body)}{note}"


@dataclasses.dataclass(slots=True)
class Connect:
    """A new connection; an old one of the slot is dropped if it is still there."""
    slot: int
    timeout: int = LONG_MS
    session: int | None = None  # Picks one of the sessions so far; None asks for a new one.
    password: str = "right"
    last_zxid: str = "none"
    tail: bytes = b"\0"

    def __str__(self):
        what = "a new session" if self.session is None else (
            f"session number {self.session} modulo how many there were, {self.password} password")
        return (f"client {self.slot}: connects for {what}, {self.timeout} ms, "
                f"last zxid {self.last_zxid}, then the bytes {self.tail[:20]!r}"
                + (f" ({len(self.tail)} bytes)" if len(self.tail) > 20 else ""))


@dataclasses.dataclass(slots=True)
class Drop:
    """The connection ends, the session stays."""
    slot: int

    def __str__(self):
        return f"client {self.slot}: its connection ends"


@dataclasses.dataclass(slots=True)
class Raw:
    """Bytes that are no request: the connection must end."""
    slot: int
    data: bytes
    fresh: bool = False  # On a connection of its own, before there is a session.

    def __str__(self):
        return f"client {self.slot}: sends {self.data[:40].hex()} ({len(self.data)} bytes)"


@dataclasses.dataclass(slots=True)
class Expire:
    """A session of a short time makes ephemerals, loses its connection and expires."""
    slot: int
    paths: tuple

    def __str__(self):
        return f"client {self.slot}: a session with {', '.join(self.paths)} expires"


def enforces_quota(seed):
    """Is `enforceQuota` on, in the run of this seed?"""
    return seed % 4 == 1


@dataclasses.dataclass(slots=True)
class Reap:
    """Both servers start again on their data, and now remove containers and TTL nodes. What remains is
    compared as a whole."""
    slot: int

    def __str__(self):
        return f"both servers start again and reap; client {self.slot} comes back"


class Script:
    def __init__(self, seed, count):
        self._random = random.Random(seed)
        self._one_by_one = enforces_quota(seed)
        self._round = 0
        self._tree = {"/": 0}  # What may be there: path, version.
        self._modes = [{} for _ in range(SLOTS)]
        self.steps = []
        self._asked = 0
        for slot in range(SLOTS):
            self.steps.append(Connect(slot))
        while self._asked < count:
            self._step()
        if seed % 5 == 2:
            self._to_be_reaped()
        # A lone check poisons the log of ZooKeeper 3.8, which nobody reads any more now.
        self._round += 1
        self._add(0, "check", buffer("/") + number(-1), closes=True)

    def _to_be_reaped(self):
        """Some that are to go, some that are to stay, and all that the script has left."""
        self._round += 1
        self._open_again(0)
        self._round += 1
        for name in "pqrs":
            container = f"/reap-{name}"
            self._add(0, "createContainer", wire.create(container, b"", OPEN, 4))
            self._add(0, "create", wire.create(container + "/child", b"", OPEN, 0))
            if name != "p":
                self._add(0, "delete", buffer(container + "/child") + number(-1))
            ttl = 1 if name != "p" else 1 << 38
            self._add(0, "createTTL", wire.create(f"/ttl-{name}", b"", OPEN, 5, ttl))
        self._add(0, "create", wire.create("/ttl-q/child", b"", OPEN, 0))
        self._add(0, "createContainer", wire.create("/reap-never-used", b"", OPEN, 4))
        self.steps.append(Reap(0))

    # --- steps ------------------------------------------------------------------------------------

    def _chance(self, one_in):
        return self._random.randrange(one_in) == 0

    def _pick(self, items):
        return items[self._random.randrange(len(items))]

    def _step(self):
        slot = self._random.randrange(SLOTS)
        self._round += 1
        at = self._random.randrange(1000)
        if at < 15:
            self._reconnect(slot)
        elif at < 20:
            self.steps.append(Drop(slot))
            self._forget(slot)
        elif at < 26:
            self._raw(slot)
        elif at < 28:
            self._connect_wrongly(slot)
        elif at < 29 and self._chance(2):
            self._expire(slot)
        elif at < 45:
            self._authenticate(slot)
        elif at < 60:
            self._close(slot)
        elif at < 75:
            self._quota(slot)
        elif at < 94:
            self._odd(slot)
        elif at < 99:
            self._many_children(slot)
        elif at < 124:
            self._open_again(slot)
        else:
            for _ in range(self._random.randint(1, 12)):
                self._request(slot)

    def _add(self, slot, name, body, **more):
        op = OPS[name] if isinstance(name, str) else name
        # Who is sent too long a frame ends the connection, whatever is still to be answered. What a
        # quota allows depends on what has been applied of the requests before; so does what ZooKeeper
        # allows behind a setACL, which it may still hold to the ACL before. What setWatches makes up is
        # held against what the client may read right behind it.
        too_long = len(body) + 8 > FRAME_MAX
        alone = too_long or self._one_by_one and op in _COUNTED
        if too_long:
            more["closes"] = True
            self._forget(slot)
        self._round += alone
        self.steps.append(Ask(slot, op, body, self._round, **more))
        self._round += alone or op in _LAST
        self._asked += 1

    def _forget(self, slot):
        self._modes[slot] = {}

    def _reconnect(self, slot):
        self._forget(slot)
        password = self._pick(("right",) * 12 + ("wrong", "zero", "short", "null"))
        session = None if self._chance(4) else self._random.randrange(1 << 30)
        last = self._pick(("none",) * 8 + ("seen", "seen", "newest", "newest", "ahead"))
        tail = self._pick((b"\0",) * 8 + (b"\1", b"", b"\0more", b"\7"))
        timeout = LONG_MS if self._chance(2) else self._pick((300_000, 601_000, 2**31 - 1))
        self.steps.append(Connect(slot, timeout, session, password, last, tail))

    def _connect_wrongly(self, slot):
        """What is no connect request, or a long one."""
        whole = wire.connect_request(0, LONG_MS, 0, bytes(16))
        if self._chance(2):
            self._forget(slot)
            self.steps.append(Connect(slot, tail=b"\0" * 9000))
            return
        cut = whole[:self._random.randrange(1, 26)]
        self.steps.append(Raw(slot, wire.frame(cut), True))

    def _raw(self, slot):
        self._forget(slot)
        length = self._pick((-1, -2**31, FRAME_MAX + 1, 2**31 - 1, 0, 1, 4, 7))
        data = wire.number(length) + self._random.randbytes(max(0, min(length, 8)))
        self.steps.append(Raw(slot, data))

    def _expire(self, slot):
        self._forget(slot)
        paths = [path for path in (self._fresh() for _ in range(3)) if path.count("/") == 1]
        self.steps.append(Expire(slot, tuple(dict.fromkeys(paths))))

    def _authenticate(self, slot):
        if not self._chance(6):
            user = self._pick(USERS)
            body = number(self._pick((0, 0, 0, 7))) + buffer("digest") + buffer(user)
            self._add(slot, "auth", body, xid=self._pick((wire.XID_AUTH,) * 9 + (77,)))
            return
        scheme, data = self._pick((
            ("ip", b""), ("ip", None), ("world", b"anyone"), ("auth", b""), ("sasl", b"x"),
            ("x509", b"x"), ("super", b""), ("nobody", b"x"), ("", b""), (None, b""),
            ("digest", None), ("digest", b""), ("digest", b"nobody"), ("digest", b":"),
            ("digest", b"a:b:c"), ("digest", b"\xff:\xfe"), ("digest", "käte:x".encode()),
            ("digest", b"l" * 15_000 + b":x"), ("Digest", b"a:b")))
        closes = scheme not in ("ip", "digest")
        if closes:
            self._forget(slot)
        self._add(slot, "auth", number(0) + buffer(scheme) + buffer(data), xid=wire.XID_AUTH,
                  closes=closes)

    def _close(self, slot):
        for _ in range(self._random.randrange(4)):
            self._request(slot)
        self._add(slot, "closeSession", self._pick((b"",) * 9 + (b"more",)), closes=True)
        self._forget(slot)

    def _quota(self, slot):
        """Limits above a node; writes below it are the other steps'."""
        name = self._pick("abcd")
        path = f"/zookeeper/quota/{name}"
        limits = self._pick((
            "count=5,bytes=-1", "count=-1,bytes=30", "count=3,bytes=20", "count=-1,bytes=-1",
            "count=-1,bytes=-1=;byteHardLimit=40;countHardLimit=-1",
            "count=2,bytes=10=;byteHardLimit=-1;countHardLimit=6",
            "count=-1,bytes=-1=;byteHardLimit=100;countHardLimit=8"))
        choice = self._random.randrange(10)
        if choice < 5:
            self._add(slot, "create", wire.create(path, b"", OPEN, 0))
            self._add(slot, "create",
                      wire.create(path + "/zookeeper_limits", limits.encode(), OPEN, 0))
            self._add(slot, "create",
                      wire.create(path + "/zookeeper_stats", b"count=0,bytes=0", OPEN, 0))
        elif choice < 6:
            self._add(slot, "setData",
                      buffer(path + "/zookeeper_limits") + buffer(limits) + number(-1))
        elif choice < 8:
            for leaf in ("/zookeeper_limits", "/zookeeper_stats", ""):
                self._add(slot, "delete", buffer(path + leaf) + number(-1))
        self._add(slot, "getData", buffer(path + "/zookeeper_stats") + flag(self._chance(4)))
        self._add(slot, "getData", buffer(path + "/zookeeper_limits") + flag(self._chance(4)))

    def _many_children(self, slot):
        parent = self._pick("abcd")
        for _ in range(5):
            path = f"/{parent}/{self._pick('efgh')}"
            self._add(slot, "create2", wire.create(path, b"", OPEN, self._pick((0, 0, 1))))
            self._add(slot, "delete", buffer(path) + number(-1))

    def _open_again(self, slot):
        """Somebody who may do everything gives back what ACLs have closed."""
        self._add(slot, "auth", number(0) + buffer("digest") + buffer(SUPER),
                  xid=wire.XID_AUTH)
        self._round += 1
        for path in self._random.sample(list(self._tree), min(6, len(self._tree))):
            self._add(slot, "setACL", buffer(path) + acl(OPEN) + number(-1))

    def _odd(self, slot):
        """What ends the connection, and requests that only look like those of a client."""
        choice = self._random.randrange(14)
        if choice < 2:
            op = self._pick(UNKNOWN_OPS)
            self._add(slot, op, self._random.randbytes(self._random.randrange(9)), closes=True)
            self._forget(slot)
        elif choice < 4:
            self._add(slot, "sasl", buffer(self._pick((b"", b"x", b"token", None))), closes=True)
            self._forget(slot)
        elif choice < 6:
            self._add(slot, "createSession", number(LONG_MS), closes=True)
            self._forget(slot)
        elif choice < 8:
            self._add(slot, "deleteContainer", b"/not/there", closes=True)
            self._forget(slot)
        elif choice < 12:
            # Flags that are another opcode's. Their parent is not there: nothing is created.
            name, wrong = self._pick((("create", 4), ("create2", 4), ("createContainer", 0),
                                      ("createContainer", 1), ("createContainer", 2)))
            body = wire.create("/not/there", b"", OPEN, wrong)
            if self._chance(3):
                self._add(slot, "multi", wire.multi([(OPS[name], body)]))
            elif self._chance(3):
                body = wire.create("/not/there", b"", OPEN, self._pick((0, 3)), -1)
                self._add(slot, "createTTL", body)
            else:
                self._add(slot, name, body)
        else:
            self._add(slot, "getData", buffer("/") + flag(False),
                      xid=self._pick((0, 1, 2**31 - 1, -2**31, -3, -5)))

    # --- requests ---------------------------------------------------------------------------------

    def _fresh(self):
        depth = self._pick((1, 1, 2, 2, 2, 3))
        return "".join("/" + self._pick("abcd") for _ in range(depth))

    def _path(self):
        at = self._random.randrange(100)
        if at < 62:
            return self._random.choice(list(self._tree)) if at < 20 else self._known()
        if at < 93:
            return self._fresh()
        return self._pick(ROOTS) if at < 96 else self._pick(WRONG_PATHS)

    def _known(self):
        """One of the last few that were touched, or any."""
        path = self._pick(("/a", "/b", "/c", "/d")) + self._pick(("", "/a", "/b", "/c", "/d", "/a/b"))
        return path

    def _version(self, path):
        at = self._random.randrange(20)
        if at < 11:
            return -1
        return self._tree.get(path, 0) if at < 17 else self._pick(VERSIONS)

    def _acl(self):
        at = self._random.randrange(100)
        if at < 72:
            return OPEN
        return self._pick(ACLS) if at < 94 else self._pick(WRONG_ACLS)

    def _data(self):
        at = self._random.randrange(40)
        if at < 4:
            return None if at < 2 else b""
        if at == 4:
            return bytes(self._pick((3000, FRAME_MAX - 200)))
        return self._random.randbytes(self._random.randrange(1, 30))

    def _request(self, slot):
        self._slot = slot
        make = self._pick(_MAKERS)
        name, body, more = make(self)
        body = self._maybe_wrong(name, body, more)
        self._add(slot, name, body, **more)

    def _maybe_wrong(self, name, body, more):
        """Sometimes with bytes missing, too many, or changed."""
        if not self._chance(30) or not body or "zxid" in more:
            return body
        at = self._random.randrange(5)
        if at < 2:
            return body[:self._random.randrange(len(body))]
        if at == 2:
            return body + self._random.randbytes(self._random.randrange(1, 9))
        if at == 3 or name in wire.CREATES or name == "multi":
            # Its first length: too long, or what must not be.
            return number(self._pick((-2, -2**31, 2**31 - 1, 50_000, len(body)))) + body[4:]
        where = self._random.randrange(len(body))
        return body[:where] + bytes([self._random.randrange(256)]) + body[where + 1:]

    def _create_parts(self):
        name = self._pick(("create",) * 5 + ("create2",) * 2 + ("createContainer", "createTTL"))
        path = self._path()
        flags = self._pick(FLAGS[name])
        if self._chance(4) and flags in (0, 1):
            flags = 0
        if self._chance(40):
            flags = self._pick((-1, 7, 8, 100, 2**31 - 1))
        ttl = None
        if name == "createTTL":
            ttl = self._pick((10**9,) * 8 + (1 << 39, (1 << 40) - 1, 1 << 40, 0, -1, -2**63))
        entries = self._acl()
        if flags not in (2, 3, 6) and isinstance(path, str) and path not in WRONG_PATHS:
            self._tree.setdefault(path, 0)
        return name, wire.create(path, self._data(), entries, flags, ttl)

    def _make_create(self):
        name, body = self._create_parts()
        return name, body, {}

    def _delete_parts(self):
        path = self._path()
        body = buffer(path) + number(self._version(path))
        if path not in ("/a", "/b", "/") and self._chance(2):
            self._tree.pop(path, None)
        return "delete", body

    def _make_delete(self):
        name, body = self._delete_parts()
        return name, body, {}

    def _set_data_parts(self):
        path = self._path()
        body = buffer(path) + buffer(self._data()) + number(self._version(path))
        if path in self._tree:
            self._tree[path] += 1
        return "setData", body

    def _make_set_data(self):
        name, body = self._set_data_parts()
        return name, body, {}

    def _make_set_acl(self):
        path = self._path()
        entries = OPEN if path in ROOTS else self._acl()
        return "setACL", buffer(path) + acl(entries) + number(self._version(path)), {}

    def _make_read(self):
        name = self._pick(("exists", "getData", "getChildren", "getChildren2"))
        path = self._path()
        watch = self._pick((b"\0",) * 10 + (b"\1",) * 10 + (b"\2", b"\xff"))
        if watch != b"\0" and not self._may_watch(path, "once"):
            watch = b"\0"
        return name, buffer(path) + watch, {}

    def _may_watch(self, path, mode):
        """Mostly one mode a path and connection: ZooKeeper 3.8 keeps the last one only, and what
        several of them do is compared with little rigour."""
        modes = self._modes[self._slot]
        if modes.get(path, mode) != mode and not self._chance(12):
            return False
        modes[path] = mode
        return True

    def _make_path_only(self):
        name = self._pick(("getACL", "getACL", "sync", "getAllChildrenNumber", "getEphemerals"))
        path = self._path()
        if name == "getEphemerals" and self._chance(3):
            path = self._pick(("", "/", " ", " / ", "/a", "/ab", None))
        return name, buffer(path), {}

    def _make_watch(self):
        at = self._random.randrange(4)
        path = self._path()
        mode = self._pick((0, 1) * 10 + (2, -1))
        if at < 2 and self._may_watch(path, mode):
            return "addWatch", buffer(path) + number(mode), {}
        name = "removeWatches" if at == 2 else "checkWatches"
        kinds = (3, 3, 3, 0, 6, -1)
        if self._modes[self._slot].get(path) == "once" or self._chance(10):
            kinds = (1, 2, 3)
        if self._chance(12):
            kinds = (4, 5)
        return name, buffer(path) + number(self._pick(kinds)), {}

    def _make_set_watches(self):
        lists = 3 if self._chance(2) else 5
        name = "setWatches" if lists == 3 else "setWatches2"
        body = long(0)
        for kind in range(lists):
            count = self._pick((0, 0, 1, 1, 2)) if kind < 3 else self._pick((0, 0, 1))
            mode = "once" if kind < 3 else kind - 3
            paths = [path for path in (self._path() for _ in range(count))
                     if self._may_watch(path, mode)]
            body += vector([buffer(path) for path in paths])
        if self._chance(40):
            body = long(0) + vector(None) * lists
        return name, body, {"xid": wire.XID_SET_WATCHES, "zxid": self._random.randrange(1 << 30)}

    def _make_multi(self):
        parts = []
        for _ in range(self._pick((0, 1, 1, 2, 2, 3, 4, 5))):
            parts.append(self._part())
        return "multi", wire.multi(parts), {}

    def _part(self):
        at = self._random.randrange(60)
        if at < 25:
            name, body = self._create_parts()
        elif at < 35:
            name, body = self._delete_parts()
        elif at < 47:
            name, body = self._set_data_parts()
        elif at < 59:
            path = self._path()
            name, body = "check", buffer(path) + number(self._version(path))
        else:
            name, body = self._pick((
                ("getData", buffer("/") + flag(False)), ("getChildren", buffer("/a") + flag(True)),
                ("setACL", buffer("/a") + acl(OPEN) + number(-1)), ("sync", buffer("/a")),
                ("exists", buffer("/") + flag(False)), ("closeSession", b""), ("multi", wire.multi([])),
                ("reconfig", buffer(None) * 3 + long(-1)), ("deleteContainer", buffer("/a/a")),
                ("createSession", number(5))))
        return OPS[name], body

    def _make_multi_read(self):
        parts = []
        for _ in range(self._random.randrange(5)):
            name = self._pick(("getData", "getChildren"))
            parts.append((OPS[name], buffer(self._path()) + flag(self._chance(2))))
        if self._chance(30):
            parts.append((OPS[self._pick(("exists", "create", "getACL", "getChildren2"))],
                          buffer("/a") + flag(False)))
        return "multiRead", wire.multi(parts), {}

    def _make_ping(self):
        return "ping", b"", {"xid": self._pick((wire.XID_PING,) * 9 + (5,))}

    def _make_other(self):
        at = self._random.randrange(10)
        if at < 6:
            return "whoAmI", b"", {}
        return "reconfig", self._pick((
            buffer(None) * 3 + long(-1), buffer(b"server.1=localhost:1:2;3") + buffer(None) * 2 + long(-1),
            buffer(None) + buffer(b"1") + buffer(None) + long(5))), {}


_LAST = frozenset(OPS[name] for name in ("setACL", "setWatches", "setWatches2"))
_COUNTED = frozenset(OPS[name] for name in (*wire.CREATES, "delete", "setData", "multi", "closeSession"))
_MAKERS = ((Script._make_create,) * 24 + (Script._make_delete,) * 9 + (Script._make_set_data,) * 11
           + (Script._make_set_acl,) * 4 + (Script._make_read,) * 22 + (Script._make_path_only,) * 8
           + (Script._make_watch,) * 8 + (Script._make_set_watches,) * 4 + (Script._make_multi,) * 10
           + (Script._make_multi_read,) * 4 + (Script._make_ping,) * 2 + (Script._make_other,) * 2)
