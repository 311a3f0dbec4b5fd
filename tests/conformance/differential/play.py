"""Plays a script on two servers at once and holds their answers against each other.

Steps come one after the other: the next begins when both servers have answered the one before, so both
see all writes in the same order. Within a round one client's requests are on their way together."""

import bisect
import contextlib
import dataclasses
import socket
import time

import replies
import script
import wire

JAVA, OURS = 0, 1
NAMES = ("java", "ours")
DEADLINE_S = 20
PROBE_S = 5
SILENCE_S = 0.5  # For what ZooKeeper never answers.


class Difference(Exception):
    """The two servers differ, and no row of the table allows it."""

    def __init__(self, what, java, ours):
        super().__init__(f"{what}\n    java: {java}\n    ours: {ours}")


class Link:
    """One connection to one server."""

    def __init__(self, address):
        host, port = address.rsplit(":", 1)
        self._socket = socket.create_connection((host, int(port)), DEADLINE_S)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._in, self._at = b"", 0
        self.open = True

    def send(self, data):
        with contextlib.suppress(OSError):  # What came of it is seen when reading.
            self._socket.sendall(data)

    def frame(self):
        """The next one; None when the connection has ended."""
        while self.open:
            left = len(self._in) - self._at
            if left >= 4:
                length = int.from_bytes(self._in[self._at:self._at + 4], "big")
                if left >= 4 + length:
                    begin = self._at + 4
                    self._at = begin + length
                    return self._in[begin:self._at]
            try:
                more = self._socket.recv(1 << 20)
            except TimeoutError:
                raise
            except OSError:
                more = b""
            if not more:
                self.close()
            self._in, self._at = self._in[self._at:] + more, 0
        return None

    def patience(self, seconds):
        self._socket.settimeout(seconds)

    def close(self):
        self.open = False
        self._socket.close()


@dataclasses.dataclass(slots=True)
class Reply:
    xid: int
    zxid: int
    error: int
    shape: replies.Shape | None

    def __str__(self):
        error = wire.ERRORS.get(self.error, self.error)
        value = "" if self.shape is None or self.shape.value is None else f" {self.shape.value}"
        return f"{error}{value}, zxid {self.zxid}" + (
            f", zxids {self.shape.zxids}" if self.shape and self.shape.zxids else "")


@dataclasses.dataclass(slots=True)
class Event:
    kind: int
    state: int
    path: bytes
    zxid: int

    @property
    def key(self):
        return self.kind, self.state, self.path

    def __str__(self):
        return f"{wire.EVENTS.get(self.kind, self.kind)} {self.path!r} at {self.zxid}"


SILENCE = Reply(0, 0, 0, replies.Shape("no answer", []))


class Session:
    def __init__(self, ids, passwords):
        self.ids, self.passwords = ids, passwords
        self.ended = False


class Client:
    """The two connections, one to each server, of one slot of the script."""

    def __init__(self, slot):
        self.slot = slot
        self.links = None
        self.session = None
        self.xid = 0
        self.modes = {}  # Kinds of watches asked for at each path.
        self.standing = set()  # Paths of persistent watches that nothing has removed.

    @property
    def open(self):
        return self.links is not None

    def drop(self):
        if self.links is None:
            return
        for link in self.links:
            link.close()
        self.links = None
        self.modes = {}
        self.standing = set()


@dataclasses.dataclass(slots=True)
class Case:
    """What a row of the table may explain."""
    client: Client
    ask: script.Ask | script.Connect
    op: str
    java: object
    ours: object
    player: object

    @property
    def fields(self):
        return wire.fields(self.ask.op, self.ask.body)


class Zxids:
    """Pairs of zxids that must stand for each other: equal where equal, in the same order."""

    def __init__(self):
        self.java, self.ours = [], []

    def same(self, java, ours):
        if java <= 0 or ours <= 0:
            return java == ours
        at = bisect.bisect_left(self.java, java)
        if at < len(self.java) and self.java[at] == java:
            return self.ours[at] == ours
        if at > 0 and self.ours[at - 1] >= ours or at < len(self.ours) and self.ours[at] <= ours:
            return False
        self.java.insert(at, java)
        self.ours.insert(at, ours)
        return True

    def pick(self, number):
        if not self.java:
            return 0, 0
        at = number % len(self.java)
        return self.java[at], self.ours[at]


class Player:
    def __init__(self, addresses, table, restart):
        """restart: starts both servers again, with an interval of the reaper that is short, and
        returns their addresses."""
        self.addresses, self.table, self._restart = addresses, table, restart
        self.zxids = Zxids()
        self.sessions = []
        self.owners = ({}, {})
        self.decoders = tuple(replies.Decoder(owners) for owners in self.owners)
        self.clients = [Client(slot) for slot in range(script.SLOTS)]
        self.control = Client("control")
        self.watched = set()  # Paths at which any connection has asked for a watch.
        self.session_ends = set()  # Our zxids of them.
        self.claimed_in_vain = None  # The session that somebody has just been refused.
        self.unequal = False
        self._probing = None
        self.asked = 0
        self.trace = None  # Called with each answer, for a run that is shown.

    # --- the steps --------------------------------------------------------------------------------

    def play(self, steps):
        """Raises Difference; `self.at` is the number of the last step of the round that showed it."""
        self.at = 0
        while self.at < len(steps):
            step = steps[self.at]
            if isinstance(step, script.Ask):
                end = self.at + 1
                while end < len(steps) and isinstance(steps[end], script.Ask) and (
                        steps[end].round == step.round and steps[end].slot == step.slot):
                    end += 1
                asks, self.at = steps[self.at:end], end - 1
                self._round(self.clients[step.slot], asks)
            elif isinstance(step, script.Connect):
                self._connect(self.clients[step.slot], step)
            elif isinstance(step, script.Drop):
                self._drop(self.clients[step.slot])
            elif isinstance(step, script.Raw):
                self._raw(self.clients[step.slot], step)
            elif isinstance(step, script.Reap):
                self._reap(self.clients[step.slot], step)
            else:
                self._expire(self.clients[step.slot], step)
            if self.unequal:
                self._level()
            self.at += 1
        for client in self.clients:
            self._settle(client)

    def stop(self):
        for client in [*self.clients, self.control]:
            client.drop()

    def _drop(self, client):
        self._settle(client)
        client.drop()

    def _raw(self, client, step):
        if step.fresh:
            links = [Link(address) for address in self.addresses]
        else:
            self._ensure_open(client)
            self._settle(client)
            if not client.open:
                return
            links = client.links
        for link in links:
            link.send(step.data)
        ends = []
        for link in links:
            link.patience(5)
            try:
                ends.append("ends the connection" if link.frame() is None else "answers")
            except TimeoutError:
                ends.append("waits")
            link.close()
        if not step.fresh:
            client.drop()
        if ends[JAVA] != ends[OURS]:
            self._allow(Case(client, step, "frame", *ends, self), str(step), *ends)

    def _expire(self, client, step):
        self._drop(client)
        self._connect(client, script.Connect(client.slot, script.SHORT_MS))
        session = client.session
        self.asked += 1
        paths = [*step.paths, f"/expires-{len(self.sessions)}"]
        asks = [script.Ask(client.slot, wire.OPS["create"],
                           wire.create(path, b"", script.OPEN, wire.EPHEMERAL), -1)
                for path in paths]
        made = self._round(client, asks)
        if not client.open or not made or made[-1].error:
            return
        self._drop(client)
        deadline = time.monotonic() + DEADLINE_S
        gone = script.Ask(0, wire.OPS["exists"], wire.buffer(paths[-1]) + b"\0", -1)
        if not self.control.open:
            self._connect(self.control, script.Connect("control"))
        while True:
            answers = self._exchange(self.control, [gone])
            if all(answer[0][1] and answer[0][1].error == wire.NO_NODE for answer in answers):
                break
            if time.monotonic() > deadline:
                raise Difference(str(step), *("expired" if answer[0][1].error else "it lives on"
                                              for answer in answers))
            time.sleep(0.02)
        session.ended = True
        self.session_ends.add(answers[OURS][0][1].zxid)

    def _reap(self, client, step):
        for each in [*self.clients, self.control]:
            self._drop(each)
        self.addresses = self._restart()
        self._connect(self.control, script.Connect("control"))
        body = wire.number(0) + wire.buffer("digest") + wire.buffer(script.SUPER)
        self._round(self.control, [script.Ask("control", wire.OPS["auth"], body, -1)])
        deadline = time.monotonic() + DEADLINE_S
        before = None
        while True:
            time.sleep(2 * script.REAP_MS / 1000)
            trees = self._walk(JAVA), self._walk(OURS)
            if trees == before:  # Nothing more is removed.
                break
            if time.monotonic() > deadline:
                raise Difference(str(step), "the trees do not come to rest", "")
            before = trees
        for path in sorted(trees[JAVA].keys() | trees[OURS].keys()):
            java, ours = trees[JAVA].get(path), trees[OURS].get(path)
            if java is None or ours is None or java[:-1] != ours[:-1] or not all(
                    map(self.zxids.same, java[-1], ours[-1])):
                raise Difference(f"{step}: {path!r}", java, ours)
        # The nodes that were reaped have taken zxids in an order of their own.
        self._level()
        self._ensure_open(client)

    def _walk(self, side):
        """Path: data, ACL, Stat, czxid and mzxid, of all nodes of one server."""
        found, level = {}, [b"/"]
        while level:
            asks = [script.Ask("control", wire.OPS[name], wire.buffer(path) + tail, -1)
                    for path in level for name, tail in (("getChildren2", b"\0"), ("getData", b"\0"),
                                                         ("getACL", b""))]
            answers = [reply for _, reply in self._exchange_with(side, self.control, asks)]
            below = []
            for at, path in enumerate(level):
                children, data, entries = answers[3 * at:3 * at + 3]
                if children is None or children.error or data.error or entries.error:
                    continue  # It went meanwhile.
                (names, _), (value, stat), (acl, _) = (
                    one.shape.value for one in (children, data, entries))
                found[path] = value, sorted(acl), stat, data.shape.zxids[:2]
                below += [(b"" if path == b"/" else path) + b"/" + name for name in names]
            level = below
        return found

    # --- connections ------------------------------------------------------------------------------

    def _ensure_open(self, client):
        if client.open:
            return
        session = client.session
        if session is not None and not session.ended:
            self._connect(client, script.Connect(client.slot, session=self.sessions.index(session)))
        if not client.open:
            self._connect(client, script.Connect(client.slot))

    def _password(self, step, session, side):
        right = bytes(16) if session is None else session.passwords[side]
        return {"right": right, "wrong": right[:15] + bytes([right[15] ^ 1]), "zero": bytes(16),
                "short": right[:7], "null": None}[step.password]

    def _connect(self, client, step):
        self._drop(client)
        session = None
        if step.session is not None and self.sessions:
            session = self.sessions[step.session % len(self.sessions)]
        for other in self.clients:
            if session is not None and other.session is session:
                self._settle(other)
        seen = {"none": (0, 0), "seen": self.zxids.pick(0), "newest": self.zxids.pick(-1),
                "ahead": (1 << 50, 1 << 50)}[step.last_zxid]
        links = [Link(address) for address in self.addresses]
        for side, link in enumerate(links):
            link.send(wire.frame(wire.connect_request(
                seen[side], step.timeout, session.ids[side] if session else 0,
                self._password(step, session, side), step.tail)))
        answers = [link.frame() for link in links]
        shapes = [self._connected(answer) for answer in answers]
        if self.trace:
            self.trace(step, *shapes)
        if shapes[JAVA] != shapes[OURS]:
            for link in links:
                link.close()
            self._allow(Case(client, step, "connect", *shapes, self), str(step), *shapes)
            client.session = None
            return
        if shapes[JAVA] is not None and shapes[JAVA][1]:
            self._established(client, session, links, answers)
        else:
            for link in links:
                link.close()
            client.session = None
            self.claimed_in_vain = session
        for other in self.clients:
            if other is not client and session is not None and other.session is session:
                self._settle(other)
        self.claimed_in_vain = None

    @staticmethod
    def _connected(answer):
        """What of a connect response must be equal."""
        if answer is None:
            return None
        reader = wire.Reader(answer)
        version, timeout, session, password = (reader.number(), reader.number(), reader.long(),
                                               reader.buffer())
        return (timeout, session != 0, version, len(password), password == bytes(16), reader.rest())

    def _established(self, client, session, links, answers):
        ids = [int.from_bytes(answer[8:16], "big", signed=True) for answer in answers]
        if session is None:
            session = Session(ids, [answer[20:36] for answer in answers])
            for side, owners in enumerate(self.owners):
                owners[ids[side]] = f"session {len(owners)}"
            if client is not self.control:
                self.sessions.append(session)
        elif ids != session.ids:
            raise Difference("a session comes back as another one", *ids)
        client.links, client.session, client.xid = links, session, 0

    def _settle(self, client):
        """Reads what is on its way to a client, and learns whether it is still connected."""
        if client.open and client.links[JAVA].open:
            ping = script.Ask(client.slot, wire.OPS["ping"], b"", -1, xid=wire.XID_PING)
            self._round(client, [ping])

    # --- requests ---------------------------------------------------------------------------------

    def _round(self, client, asks):
        """One client's requests, together. Returns our replies."""
        self._ensure_open(client)
        if not client.open:
            return []
        self.asked += len(asks)
        java, ours = self._exchange(client, asks)
        for ask, (_, reply) in zip(asks, ours):
            self._note_session_end(client, ask, reply)
        for ask, (java_events, java_reply), (our_events, our_reply) in zip(asks, java, ours):
            if self.trace:
                self.trace(ask, _told(java_events, java_reply), _told(our_events, our_reply))
            keep = self._compare_events(client, ask, java_events, our_events)
            keep = keep and self._compare(client, ask, java_reply, our_reply)
            if not keep:
                client.drop()
                return []
            self._note_watches(client, ask, our_reply)
            if java_reply is None:
                client.drop()
                return []
        if asks[-1].closes or not all(link.open for link in client.links):
            self._probe(client, asks[-1])
        return [reply for _, reply in ours]

    def _exchange(self, client, asks):
        """For each server and request: the events before its reply, and the reply, None when the
        connection ended."""
        xids = self._xids(client, asks)
        for side in (JAVA, OURS):
            self._send(side, client, asks, xids)
        return [self._answers(side, client, asks) for side in (JAVA, OURS)]

    def _exchange_with(self, side, client, asks):
        """The same with one of the servers."""
        self._send(side, client, asks, self._xids(client, asks))
        return self._answers(side, client, asks)

    @staticmethod
    def _xids(client, asks):
        client.xid += len(asks)
        return [client.xid - len(asks) + at if ask.xid is None else ask.xid
                for at, ask in enumerate(asks, 1)]

    def _send(self, side, client, asks, xids):
        link = client.links[side]
        if asks[-1].op == wire.OPS["check"]:
            link.patience(SILENCE_S)
        link.send(b"".join(wire.frame(wire.request(xid, ask.op, self._body(ask, side)))
                           for ask, xid in zip(asks, xids)))

    def _answers(self, side, client, asks):
        return [self._answer(client.links[side], ask, side) for ask in asks]

    def _body(self, ask, side):
        if ask.zxid is None:
            return ask.body
        return wire.long(self.zxids.pick(ask.zxid)[side]) + ask.body[8:]

    def _answer(self, link, ask, side):
        events = []
        while True:
            try:
                frame = link.frame()
            except TimeoutError:
                if ask.op == wire.OPS["check"]:
                    return events, SILENCE
                if ask is self._probing and side == JAVA:
                    return events, None
                raise Difference(f"{ask}: {NAMES[side]} does not answer within {DEADLINE_S} s",
                                 "?", "?") from None
            if frame is None:
                return events, None
            try:
                xid, zxid, error = wire.HEADER.unpack_from(frame)
                if xid == wire.XID_EVENT:
                    reader = wire.Reader(frame[16:])
                    events.append(Event(reader.number(), reader.number(), reader.buffer(), zxid))
                    continue
                body = frame[16:]
                if error and ask.op != wire.OPS["sasl"]:
                    shape = replies.Shape(body or None, [])
                elif ask.op == wire.OPS["createSession"]:
                    shape = None
                else:
                    shape = self.decoders[side].decode(ask.op, body)
                return events, Reply(xid, zxid, error, shape)
            except (replies.Wrong, wire.Malformed) as e:
                raise Difference(f"{ask}: {NAMES[side]} sends {e}", "?", "?") from None

    def _probe(self, client, ask):
        """After a request that should end the connection: has it, at both? ZooKeeper, which stops to
        read before it closes, sometimes never comes to it."""
        ping = script.Ask(client.slot, wire.OPS["ping"], b"", -1, xid=wire.XID_PING)
        self._probing = ping
        client.links[JAVA].patience(PROBE_S)
        for _ in range(3):
            java, ours = self._exchange(client, [ping])
            if not self._compare_events(client, ask, java[0][0], ours[0][0]):
                return client.drop()
            ends = ["the connection ends" if one[0][1] is None else "the connection stays"
                    for one in (java, ours)]
            if ends[JAVA] == ends[OURS]:
                break
            time.sleep(0.02)  # One of them may be about to end it.
        if client.links[JAVA].open:
            client.links[JAVA].patience(DEADLINE_S)
        if ends[JAVA] != ends[OURS]:
            self._allow(Case(client, ask, wire.OP_NAMES.get(ask.op, "unknown"), *ends, self),
                        str(ask), *ends)
        if ends != ["the connection stays"] * 2:
            client.drop()

    # --- comparison -------------------------------------------------------------------------------

    def _allow(self, case, what, java, ours):
        """True if the connection may go on."""
        row = self.table.find(case)
        if row is None:
            raise Difference(what, java, ours)
        self.unequal = self.unequal or not row.goes_on
        return row.goes_on

    def _level(self):
        """One of the servers may have taken more zxids than the other: a write that fails gives both
        a last one that stands for the same."""
        self.unequal = False
        if not self.control.open:
            self._connect(self.control, script.Connect("control"))
        absent = wire.buffer("/not/there") + wire.number(-1)
        self._round(self.control, [script.Ask("control", wire.OPS["delete"], absent, -1)])

    def _compare(self, client, ask, java, ours):
        """True if the connection may go on."""
        if java is None and ours is None:
            return True
        if java is not None and ours is not None and self._same(java, ours):
            return True
        case = Case(client, ask, wire.OP_NAMES.get(ask.op, "unknown"), java, ours, self)
        return self._allow(case, str(ask), java or "the connection ends",
                           ours or "the connection ends")

    def _same(self, java, ours):
        return ((java.xid, java.error) == (ours.xid, ours.error) and self.same_zxids(java, ours)
                and (java.shape is None) == (ours.shape is None)
                and (java.shape is None or java.shape.value == ours.shape.value))

    def same_zxids(self, java, ours):
        if not self.zxids.same(java.zxid, ours.zxid):
            return False
        if java.shape is None or ours.shape is None:
            return True
        return len(java.shape.zxids) == len(ours.shape.zxids) and all(
            map(self.zxids.same, java.shape.zxids, ours.shape.zxids))

    def _compare_events(self, client, ask, java, ours):
        """True if the connection may go on."""
        if not java and not ours:
            return True
        goes_on = True
        if [event.key for event in java] != [event.key for event in ours]:
            name = wire.OP_NAMES.get(ask.op)
            op = name if name in ("setWatches", "setWatches2") else "notification"
            case = Case(client, ask, op, java, ours, self)
            if op != "notification" and self.table.find(case) is not None:
                return False
            case.op = "notification"
            goes_on = self._allow(case, f"events at client {client.slot} before the reply to: {ask}",
                                  _told(java), _told(ours))
        elif [event.zxid for event in java] != [event.zxid for event in ours]:
            case = Case(client, ask, "notification", java, ours, self)
            goes_on = self._allow(case, f"zxids of events at client {client.slot}",
                                  _told(java), _told(ours))
        return goes_on

    def is_hidden(self, client, path):
        """Asks both servers whether a client may not read a node."""
        ask = script.Ask(client.slot, wire.OPS["getData"], wire.buffer(path) + b"\0", -1)
        answers = self._exchange(client, [ask])
        return all(answer[0][1] and answer[0][1].error == wire.NO_AUTH for answer in answers)

    def _note_session_end(self, client, ask, reply):
        if ask.op == wire.OPS["closeSession"] and reply is not None and not reply.error:
            client.session.ended = True
            self.session_ends.add(reply.zxid)

    def _note_watches(self, client, ask, reply):
        self._note_kinds(client, ask, reply)
        self.watched.update(client.modes)

    @staticmethod
    def _note_kinds(client, ask, reply):
        name = wire.OP_NAMES.get(ask.op)
        if reply is None:
            return
        if name == "removeWatches":
            client.standing.discard(wire.fields(ask.op, ask.body).get("path"))
        if name not in _WATCHERS:
            return
        fields = wire.fields(ask.op, ask.body)
        if name == "addWatch":
            if not reply.error:
                client.standing.add(fields.get("path"))
            _note(client, fields.get("path"), ("persistent", "recursive")[fields.get("mode", 0) & 1])
        elif fields.get("watch"):
            _note(client, fields["path"], "child" if name.startswith("getC") else "data")
        for kind in ("data", "exist", "child", "persistent", "recursive"):
            for path in fields.get(kind) or () if name.startswith("setW") else ():
                _note(client, path, "data" if kind == "exist" else kind)


_WATCHERS = ("exists", "getData", "getChildren", "getChildren2", "addWatch", "setWatches",
             "setWatches2")


def _note(client, path, kind):
    client.modes.setdefault(path, set()).add(kind)


def _told(events, reply=""):
    told = "; ".join(map(str, events)) or ("no event" if reply == "" else "")
    if reply == "":
        return told
    return "; then ".join(filter(None, (told, str(reply or "the connection ends"))))
