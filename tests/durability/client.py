"""A small ZooKeeper client that knows exactly what it asked and what was answered."""

import collections
import socket

import wire

NO_PASSWORD = bytes(16)


class Refused(Exception):
    """The server closed the connection, or does not know the session."""


class Expired(Refused):
    """The server says that the session has ended."""


class Session:
    """One session on one connection at a time; it can go on after its server was killed."""

    def __init__(self, timeout_ms=40_000):
        self.id, self.password, self.timeout_ms = 0, NO_PASSWORD, timeout_ms
        self.xid = 0
        self.last_zxid = 0
        self.waiting = collections.deque()  # (xid, operation, note), not answered yet.
        self._socket, self._input = None, bytearray()

    def connect(self, address, timeout=10.0):
        """Begins the session, or takes it up again; raises Refused."""
        host, port = address.rsplit(":", 1)
        self._socket = socket.create_connection((host, int(port)), timeout)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._input.clear()
        self.waiting.clear()
        self._socket.sendall(wire.frame(wire.connect_request(
            self.id, self.password, self.last_zxid, self.timeout_ms)))
        answer = wire.Reader(self._next_frame())
        answer.i32()
        timeout_ms, session = answer.i32(), answer.i64()
        if timeout_ms <= 0:
            raise Expired(f"session 0x{self.id:x} is unknown to the server")
        self.id, self.password = session, answer.buffer()

    def close_connection(self):
        if self._socket:
            self._socket.close()
            self._socket = None

    @property
    def connected(self):
        return self._socket is not None

    def fileno(self):
        return self._socket.fileno()

    def send(self, requests, note=None):
        """Sends requests in one piece, without waiting; returns their xids."""
        out, xids = [], []
        for operation, body in requests:
            self.xid += 1
            xids.append(self.xid)
            self.waiting.append((self.xid, operation, note))
            out.append(wire.frame(wire.request(self.xid, operation, body)))
        self._socket.sendall(b"".join(out))
        return xids

    def receive(self):
        """What has come: [(xid, operation, note, zxid, error, Reader of the body)]."""
        chunk = self._socket.recv(1 << 18)
        if not chunk:
            raise Refused("the server closed the connection")
        self._input += chunk
        return self._replies()

    def call(self, operation, body):
        """One request and its answer: (zxid, error, Reader of the body)."""
        self.send([(operation, body)])
        while True:
            for _, _, _, zxid, error, rest in self.receive():
                return zxid, error, rest

    def _replies(self):
        replies = []
        at = 0
        while len(self._input) - at >= 4:
            size = int.from_bytes(self._input[at:at + 4], "big")
            if len(self._input) - at - 4 < size:
                break
            reply = self._reply(wire.Reader(bytes(self._input[at + 4:at + 4 + size])))
            at += 4 + size
            if reply:
                replies.append(reply)
        del self._input[:at]
        return replies

    def _reply(self, reader):
        xid, zxid, error = reader.i32(), reader.i64(), reader.i32()
        self.last_zxid = max(self.last_zxid, zxid)
        if xid < 0:
            return None
        asked, operation, note = self.waiting.popleft()
        if asked != xid:
            raise AssertionError(f"the answer to request {xid} came before that to {asked}")
        return xid, operation, note, zxid, error, reader

    def _next_frame(self):
        while True:
            if len(self._input) >= 4:
                size = int.from_bytes(self._input[:4], "big")
                if len(self._input) >= 4 + size:
                    payload = bytes(self._input[4:4 + size])
                    del self._input[:4 + size]
                    return payload
            chunk = self._socket.recv(65536)
            if not chunk:
                raise Refused("the server closed the connection before it answered")
            self._input += chunk


def dump(address, top="/"):
    """The tree below `top` as a server shows it: path -> (data, stat)."""
    session = Session()
    session.connect(address)
    found, level = {}, [top]
    while level:
        children = []
        for part in (level[at:at + 500] for at in range(0, len(level), 500)):
            children += _dump_some(session, part, found)
        level = children
    session.call(*wire.close_session())
    session.close_connection()
    return found


def _dump_some(session, paths, found):
    """Fetches nodes, and returns their children's paths. Those without READ show neither."""
    session.send([request for path in paths for request in (
        (wire.GET_DATA, wire.string(path) + wire.boolean(False)),
        (wire.GET_CHILDREN, wire.string(path) + wire.boolean(False)))])
    replies, children = [], []
    while session.waiting:
        replies += session.receive()
    for path, data, names in zip(paths, replies[::2], replies[1::2]):
        if data[4] == 0:
            found[path] = (data[5].buffer(), data[5].stat())
        if names[4] == 0:
            reader = names[5]
            prefix = "" if path == "/" else path
            children += [prefix + "/" + reader.string() for _ in range(reader.i32())]
    return children
