"""ZooKeeper's client protocol, as far as this test speaks it: requests are built by hand and sent
without waiting for replies, which keeps 100,000 of them within seconds."""

import socket
import struct

CREATE, DELETE, GET_DATA, SET_DATA, GET_ACL, SET_ACL, GET_CHILDREN = 1, 2, 4, 5, 6, 7, 8
PING, CHECK, MULTI, CREATE2, CREATE_CONTAINER, CREATE_TTL = 11, 13, 14, 15, 19, 21
AUTH, CLOSE_SESSION = 100, -11
XID_PING, XID_AUTH = -2, -4

EPHEMERAL, SEQUENTIAL, CONTAINER, TTL, TTL_SEQUENTIAL = 1, 2, 4, 5, 6

OK, NO_NODE, BAD_VERSION, NODE_EXISTS, NOT_EMPTY, NO_AUTH = 0, -101, -103, -110, -111, -102

ALL = 31
OPEN = ((ALL, "world", "anyone"),)

STAT = struct.Struct(">qqqqiiiqiiq")
STAT_FIELDS = ("czxid", "mzxid", "ctime", "mtime", "version", "cversion", "aversion",
               "ephemeralOwner", "dataLength", "numChildren", "pzxid")

_REPLY = struct.Struct(">iiqi")  # Length, xid, zxid, error.
_REQUEST = struct.Struct(">iii")  # Length, xid, type.
_INT = struct.Struct(">i")


class Refused(Exception):
    """The server did not take the session, or a request came to another end than expected."""


def text(value):
    encoded = value.encode()
    return _INT.pack(len(encoded)) + encoded


def data(value):
    return _INT.pack(-1) if value is None else _INT.pack(len(value)) + value


def acl_list(entries):
    return _INT.pack(len(entries)) + b"".join(
        _INT.pack(perms) + text(scheme) + text(name) for perms, scheme, name in entries)


def create(path, value, acl=OPEN, flags=0, op=CREATE):
    return op, text(path) + data(value) + acl_list(acl) + _INT.pack(flags)


def create_container(path, value, acl=OPEN):
    return create(path, value, acl, CONTAINER, CREATE_CONTAINER)


def create_ttl(path, value, ttl_ms, acl=OPEN, flags=TTL):
    op, body = create(path, value, acl, flags, CREATE_TTL)
    return op, body + struct.pack(">q", ttl_ms)


def delete(path, version=-1):
    return DELETE, text(path) + _INT.pack(version)


def set_data(path, value, version=-1):
    return SET_DATA, text(path) + data(value) + _INT.pack(version)


def set_acl(path, acl, version=-1):
    return SET_ACL, text(path) + acl_list(acl) + _INT.pack(version)


def check(path, version):
    return CHECK, text(path) + _INT.pack(version)


def get_data(path):
    return GET_DATA, text(path) + b"\0"


def get_acl(path):
    return GET_ACL, text(path)


def get_children(path):
    return GET_CHILDREN, text(path) + b"\0"


def multi(*requests):
    parts = b"".join(struct.pack(">i?i", op, False, -1) + body for op, body in requests)
    return MULTI, parts + struct.pack(">i?i", -1, True, -1)


def failed_multi(body):
    """Did the multi fail that this is the reply's body of? Each of its parts is an error then."""
    op, _, error = struct.unpack_from(">i?i", body)
    return op == -1 and error != -1 or not body


def strings(body):
    """A vector of strings."""
    count, = _INT.unpack_from(body)
    at, found = 4, []
    for _ in range(count):
        length, = _INT.unpack_from(body, at)
        found.append(body[at + 4:at + 4 + length].decode())
        at += 4 + length
    return found


def string(body):
    length, = _INT.unpack_from(body)
    return body[4:4 + length].decode()


class Client:
    """One session on one connection. A client of an earlier server goes on with `go_on()`."""

    PIECE = 200  # Requests on their way before replies are read.

    def __init__(self, address, timeout_ms, auth=()):
        self.asked_ms = timeout_ms
        self.timeout_ms = 0
        self.id, self.password = 0, bytes(16)
        self.last_zxid = 0
        self._auth = tuple(auth)
        self._connect(address)

    @classmethod
    def resumed(cls, session, password, timeout_ms=30_000):
        """One that only needs to go on."""
        client = cls.__new__(cls)
        client.asked_ms, client.timeout_ms = timeout_ms, 0
        client.id, client.password = session, password
        client.last_zxid, client._auth = 0, ()
        return client

    def go_on(self, address):
        """The same session on another server: id, password and last zxid seen are the old ones."""
        before = self.id, self.password
        self._connect(address)
        if (self.id, self.password) != before:
            raise Refused(f"session 0x{before[0]:x} came back as 0x{self.id:x}")

    def _connect(self, address):
        host, port = address.rsplit(":", 1)
        self._socket = socket.create_connection((host, int(port)), 60)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._in, self._at = b"", 0
        self._xid = 0
        body = struct.pack(">iqiq", 0, self.last_zxid, self.asked_ms, self.id)
        body += data(self.password) + b"\0"
        self._socket.sendall(_INT.pack(len(body)) + body)
        reply = self._frame()
        _, self.timeout_ms, session = struct.unpack_from(">iiq", reply)
        if session == 0:
            raise Refused(f"the server does not know session 0x{self.id:x}")
        self.id = session
        self.password = reply[20:36]
        for scheme, credentials in self._auth:
            body = _INT.pack(0) + text(scheme) + data(credentials)
            self._socket.sendall(_REQUEST.pack(8 + len(body), XID_AUTH, AUTH) + body)
            _, _, error = struct.unpack_from(">iqi", self._frame())
            if error:
                raise Refused(f"authentication {scheme} failed with {error}")

    def ask(self, request, expected=OK):
        """The body of one request's reply."""
        (error, body), = self.replies([request])
        if error != expected:
            raise Refused(f"request of type {request[0]} {request[1][:60]!r} ended with {error}, "
                          f"expected {expected}")
        return body

    def replies(self, requests):
        """(error, body) of each request, in order; sent in pieces, ahead of the replies."""
        ahead = 0
        piece = []
        for request in requests:
            piece.append(request)
            if len(piece) == self.PIECE:
                self.send(piece)
                if ahead:
                    yield from self.receive(ahead)
                ahead, piece = len(piece), []
        self.send(piece)
        yield from self.receive(ahead + len(piece))

    def send(self, requests):
        out = []
        for op, body in requests:
            self._xid += 1
            out.append(_REQUEST.pack(8 + len(body), self._xid, op))
            out.append(body)
        self._socket.sendall(b"".join(out))

    def receive(self, count):
        while count > 0:
            frame = self._frame()
            xid, zxid, error = struct.unpack_from(">iqi", frame)
            if xid < 0:
                continue  # An answered ping.
            if zxid > 0:
                self.last_zxid = zxid
            count -= 1
            yield error, frame[16:]

    def _frame(self):
        while True:
            left = len(self._in) - self._at
            if left >= 4:
                length, = _INT.unpack_from(self._in, self._at)
                if left >= 4 + length:
                    begin = self._at + 4
                    self._at = begin + length
                    return self._in[begin:self._at]
            more = self._socket.recv(1 << 20)
            if not more:
                raise ConnectionError("the server closed the connection")
            self._in, self._at = self._in[self._at:] + more, 0

    def ping(self):
        self._socket.sendall(_REQUEST.pack(8, XID_PING, PING))

    def close_session(self):
        self.ask((CLOSE_SESSION, b""))
        self.drop()

    def drop(self):
        """Ends the connection; the session stays."""
        self._socket.close()
