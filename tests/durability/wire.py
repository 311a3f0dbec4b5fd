"""ZooKeeper's client protocol and its Jute encoding, as far as these tests speak it."""

import struct

CREATE, DELETE, EXISTS, GET_DATA, SET_DATA = 1, 2, 3, 4, 5
SET_ACL, GET_CHILDREN, SYNC, PING = 7, 8, 9, 11
CHECK, MULTI, CREATE2, CREATE_CONTAINER, CREATE_TTL = 13, 14, 15, 19, 21
CREATE_SESSION, CLOSE_SESSION, ERROR = -10, -11, -1

WRITES = {CREATE, DELETE, SET_DATA, SET_ACL, MULTI, CREATE2, CREATE_CONTAINER, CREATE_TTL,
          CLOSE_SESSION}

PERSISTENT, EPHEMERAL, SEQUENTIAL, CONTAINER, TTL = 0, 1, 2, 4, 5

NOTIFICATION_XID, PING_XID = -1, -2


def i32(value):
    return struct.pack(">i", value)


def i64(value):
    return struct.pack(">q", value)


def boolean(value):
    return b"\1" if value else b"\0"


def buffer(value):
    return i32(-1) if value is None else i32(len(value)) + value


def string(value):
    return buffer(value.encode())


def frame(payload):
    return i32(len(payload)) + payload


class Reader:
    """Takes Jute values from bytes, one after the other."""

    def __init__(self, data, at=0):
        self.data, self.at = data, at

    def i32(self):
        self.at += 4
        return struct.unpack_from(">i", self.data, self.at - 4)[0]

    def i64(self):
        self.at += 8
        return struct.unpack_from(">q", self.data, self.at - 8)[0]

    def boolean(self):
        self.at += 1
        return self.data[self.at - 1] != 0

    def buffer(self):
        size = self.i32()
        if size < 0:
            return None
        if self.at + size > len(self.data):
            raise struct.error("a buffer that is longer than what holds it")
        self.at += size
        return bytes(self.data[self.at - size:self.at])

    def string(self):
        value = self.buffer()
        return "" if value is None else value.decode()

    def acl(self):
        return [(self.i32(), self.string(), self.string()) for _ in range(self.i32())]

    def stat(self):
        names = ("czxid", "mzxid", "ctime", "mtime", "version", "cversion", "aversion", "owner",
                 "bytes", "children", "pzxid")
        return dict(zip(names, struct.unpack_from(">qqqqiiiqiiq", self._take(68))))

    def _take(self, size):
        self.at += size
        return self.data[self.at - size:self.at]

    @property
    def left(self):
        return len(self.data) - self.at


OPEN_ACL = i32(1) + i32(31) + string("world") + string("anyone")
READ_ACL = i32(1) + i32(17) + string("world") + string("anyone")


# Requests: (operation, body).

def create(path, data=b"", flags=PERSISTENT):
    return CREATE, string(path) + buffer(data) + OPEN_ACL + i32(flags)


def create2(path, data=b"", flags=PERSISTENT):
    return CREATE2, create(path, data, flags)[1]


def create_container(path, data=b""):
    return CREATE_CONTAINER, create(path, data, CONTAINER)[1]


def create_ttl(path, data=b"", ttl_ms=86_400_000):
    return CREATE_TTL, create(path, data, TTL)[1] + i64(ttl_ms)


def delete(path, version=-1):
    return DELETE, string(path) + i32(version)


def set_data(path, data, version=-1):
    return SET_DATA, string(path) + buffer(data) + i32(version)


def set_acl(path, acl=READ_ACL, version=-1):
    return SET_ACL, string(path) + acl + i32(version)


def check(path, version):
    return CHECK, string(path) + i32(version)


def multi(operations):
    parts = [i32(kind) + boolean(False) + i32(-1) + body for kind, body in operations]
    return MULTI, b"".join(parts) + i32(-1) + boolean(True) + i32(-1)


def close_session():
    return CLOSE_SESSION, b""


def connect_request(session, password, last_zxid, timeout_ms):
    return (i32(0) + i64(last_zxid) + i32(timeout_ms) + i64(session) + buffer(password) +
            boolean(False))


def request(xid, operation, body):
    return i32(xid) + i32(operation) + body
