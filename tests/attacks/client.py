"""A client that does as it is told: honest, hostile or half-asleep. Blocking, one connection."""

import os
import socket
import struct
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "durability"))
import wire

GET_ACL, GET_CHILDREN2, RECONFIG, CHECK_WATCHES, REMOVE_WATCHES = 6, 12, 16, 17, 18
MULTI_READ, AUTH, SET_WATCHES, SASL, GET_EPHEMERALS = 22, 100, 101, 102, 103
GET_ALL_CHILDREN_NUMBER, SET_WATCHES2, ADD_WATCH, WHO_AM_I = 104, 105, 106, 107

OK, MARSHALLING_ERROR, UNIMPLEMENTED, BAD_ARGUMENTS = 0, -5, -6, -8
NO_NODE, NO_AUTH, INVALID_ACL, AUTH_FAILED, NOT_READ_ONLY = -101, -102, -114, -115, -119
EVENT_XID, AUTH_XID, SET_WATCHES_XID = -1, -4, -8


class Closed(Exception):
    """The server closed the connection."""


class Reply:
    def __init__(self, frame):
        self.xid, self.zxid, self.err = struct.unpack_from(">iqi", frame)
        self.body = frame[16:]


def connected(address, source=None, receive_buffer=None, timeout=60.0):
    """A socket. source: an address of the loopback net, of which there are many."""
    host, port = address.rsplit(":", 1)
    s = socket.socket()
    s.settimeout(timeout)
    if receive_buffer:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if source:
        s.bind((source, 0))
    s.connect((host, int(port)))
    return s


class Client:
    def __init__(self, address, timeout_ms=600_000, session=0, password=bytes(16), source=None,
                 receive_buffer=None, handshake=True):
        self.socket = connected(address, source, receive_buffer)
        self.events = []
        self._received = bytearray()
        self._xid = 0
        if handshake:
            self.socket.sendall(wire.frame(wire.connect_request(session, password, 0, timeout_ms)))
            self.finish_handshake()

    def finish_handshake(self):
        reader = wire.Reader(self.frame())
        reader.i32()
        self.timeout_ms, self.session, self.password = reader.i32(), reader.i64(), reader.buffer()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        """The connection; the session lives on."""
        self.socket.close()

    def end_session(self):
        self.call(*wire.close_session())
        self.close()

    def frame(self):
        """The next frame, whatever it is."""
        while True:
            if len(self._received) >= 4:
                end = 4 + struct.unpack_from(">i", self._received)[0]
                if len(self._received) >= end:
                    frame = bytes(self._received[4:end])
                    del self._received[:end]
                    return frame
            try:
                chunk = self.socket.recv(1 << 20)
            except ConnectionError:
                chunk = b""
            if not chunk:
                raise Closed()
            self._received += chunk

    def reply(self):
        """The next reply; what happens meanwhile is added to `events`."""
        while True:
            reply = Reply(self.frame())
            if reply.xid != EVENT_XID:
                return reply
            self.events.append(reply)

    def post(self, operation, body, xid=None):
        """Sends a request and does not wait."""
        if xid is None:
            self._xid += 1
            xid = self._xid
        self.raw(wire.frame(wire.request(xid, operation, body)))

    def raw(self, data):
        try:
            self.socket.sendall(data)
        except ConnectionError as e:
            raise Closed() from e

    def call(self, operation, body, xid=None):
        self.post(operation, body, xid)
        return self.reply()

    def create(self, path, data=b"", flags=wire.PERSISTENT):
        return self.call(*wire.create(path, data, flags))

    def exists(self, path, watch=False):
        return self.call(*exists(path, watch))

    def add_auth(self, scheme, credential):
        return self.call(AUTH, wire.i32(0) + wire.string(scheme) + wire.buffer(credential), AUTH_XID)


# Requests: (operation, body).

def exists(path, watch=False):
    return wire.EXISTS, wire.string(path) + wire.boolean(watch)


def get_data(path, watch=False):
    return wire.GET_DATA, wire.string(path) + wire.boolean(watch)


def strings(values):
    return wire.i32(len(values)) + b"".join(map(wire.string, values))


def set_watches(zxid, data=(), exist=(), child=()):
    return SET_WATCHES, wire.i64(zxid) + strings(data) + strings(exist) + strings(child)


def acl(*entries):
    """Of (permissions, scheme, id)."""
    return wire.i32(len(entries)) + b"".join(
        wire.i32(perms) + wire.string(scheme) + wire.string(name) for perms, scheme, name in entries)


def create_with(path, entries, data=b"", flags=wire.PERSISTENT):
    return wire.CREATE, wire.string(path) + wire.buffer(data) + entries + wire.i32(flags)
