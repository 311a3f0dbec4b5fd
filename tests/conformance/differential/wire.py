"""ZooKeeper's client protocol as this test speaks it: bytes of requests, also of wrong ones, and what
bytes of requests and replies say. Nothing is shared with the server under test."""

import struct

OPS = {
    "notification": 0, "create": 1, "delete": 2, "exists": 3, "getData": 4, "setData": 5, "getACL": 6,
    "setACL": 7, "getChildren": 8, "sync": 9, "ping": 11, "getChildren2": 12, "check": 13, "multi": 14,
    "create2": 15, "reconfig": 16, "checkWatches": 17, "removeWatches": 18, "createContainer": 19,
    "deleteContainer": 20, "createTTL": 21, "multiRead": 22, "auth": 100, "setWatches": 101,
    "sasl": 102, "getEphemerals": 103, "getAllChildrenNumber": 104, "setWatches2": 105, "addWatch": 106,
    "whoAmI": 107, "createSession": -10, "closeSession": -11,
}
OP_NAMES = {number: name for name, number in OPS.items()}
CREATES = ("create", "create2", "createContainer", "createTTL")

ERRORS = {
    0: "ok", -2: "RuntimeInconsistency", -5: "MarshallingError", -6: "Unimplemented",
    -8: "BadArguments", -101: "NoNode", -102: "NoAuth", -103: "BadVersion",
    -108: "NoChildrenForEphemerals", -110: "NodeExists", -111: "NotEmpty", -112: "SessionExpired",
    -114: "InvalidACL", -115: "AuthFailed", -121: "NoWatcher", -123: "ReconfigDisabled",
    -125: "QuotaExceeded",
}
NO_NODE, NO_AUTH, BAD_ARGUMENTS, MARSHALLING, UNIMPLEMENTED, NO_WATCHER, AUTH_FAILED = (
    -101, -102, -8, -5, -6, -121, -115)

XID_EVENT, XID_PING, XID_AUTH, XID_SET_WATCHES = -1, -2, -4, -8
EVENTS = {1: "created", 2: "deleted", 3: "data changed", 4: "children changed"}

EPHEMERAL, SEQUENTIAL, CONTAINER, TTL, TTL_SEQUENTIAL = 1, 2, 4, 5, 6
STAT = struct.Struct(">qqqqiiiqiiq")
HEADER = struct.Struct(">iqi")  # Of a reply: xid, zxid, error.

_INT = struct.Struct(">i")
_LONG = struct.Struct(">q")
_PART = struct.Struct(">i?i")
_CONNECT = struct.Struct(">iqiq")


# --- encoding -------------------------------------------------------------------------------------

def number(value):
    return _INT.pack(value)


def long(value):
    return _LONG.pack(value)


def flag(value):
    return b"\1" if value else b"\0"


def buffer(value):
    """Bytes, or None for null. A text may be given as bytes too, for those that are no UTF-8."""
    if value is None:
        return _INT.pack(-1)
    if isinstance(value, str):
        value = value.encode()
    return _INT.pack(len(value)) + value


def vector(items):
    """Of what is encoded; None for null."""
    return _INT.pack(-1) if items is None else _INT.pack(len(items)) + b"".join(items)


def acl(entries):
    """Of (permissions, scheme, id)."""
    if entries is None:
        return vector(None)
    return vector([number(perms) + buffer(scheme) + buffer(name) for perms, scheme, name in entries])


def create(path, data, entries, flags, ttl=None):
    return buffer(path) + buffer(data) + acl(entries) + number(flags) + (
        b"" if ttl is None else long(ttl))


def multi(parts):
    """Of (opcode, body)."""
    return b"".join(_PART.pack(op, False, -1) + body for op, body in parts) + _PART.pack(-1, True, -1)


def connect_request(last_zxid, timeout, session, password, read_only=b"\0"):
    return _CONNECT.pack(0, last_zxid, timeout, session) + buffer(password) + read_only


def frame(payload):
    return _INT.pack(len(payload)) + payload


def request(xid, op, body):
    return struct.pack(">ii", xid, op) + body


# --- decoding -------------------------------------------------------------------------------------

class Malformed(Exception):
    pass


class Reader:
    """What is in a record, field by field."""

    def __init__(self, data):
        self.data, self.at = data, 0

    def _take(self, form):
        try:
            value, = form.unpack_from(self.data, self.at)
        except struct.error:
            raise Malformed("it ends too early") from None
        self.at += form.size
        return value

    def number(self):
        return self._take(_INT)

    def long(self):
        return self._take(_LONG)

    def flag(self):
        return bool(self.number_of_bytes(1)[0])

    def number_of_bytes(self, count):
        if count < 0 or self.at + count > len(self.data):
            raise Malformed("it ends too early")
        self.at += count
        return self.data[self.at - count:self.at]

    def buffer(self):
        length = self.number()
        return None if length == -1 else self.number_of_bytes(length)

    def vector(self, item):
        count = self.number()
        if count > len(self.data):
            raise Malformed(f"a vector of {count}")
        return None if count == -1 else [item() for _ in range(count)]

    def acl(self):
        return self.vector(lambda: (self.number(), self.buffer(), self.buffer()))

    def stat(self):
        return STAT.unpack(self.number_of_bytes(STAT.size))

    def rest(self):
        return self.data[self.at:]

    def end(self):
        if self.at != len(self.data):
            raise Malformed(f"{len(self.data) - self.at} bytes too many")


# What the bodies of requests hold: n number, l long, f flag, b buffer or text, a ACL, v texts.
_FORMS = {
    "create": "path:b data:b acl:a flags:n", "createTTL": "path:b data:b acl:a flags:n ttl:l",
    "delete": "path:b version:n", "check": "path:b version:n",
    "exists": "path:b watch:f", "getData": "path:b watch:f", "getChildren": "path:b watch:f",
    "getChildren2": "path:b watch:f", "setData": "path:b data:b version:n", "getACL": "path:b",
    "setACL": "path:b acl:a version:n", "sync": "path:b", "checkWatches": "path:b type:n",
    "removeWatches": "path:b type:n", "addWatch": "path:b mode:n", "getEphemerals": "path:b",
    "getAllChildrenNumber": "path:b", "auth": "type:n scheme:b auth:b", "sasl": "token:b",
    "setWatches": "zxid:l data:v exist:v child:v",
    "setWatches2": "zxid:l data:v exist:v child:v persistent:v recursive:v",
    "reconfig": "joining:b leaving:b members:b config:l",
}
_FORMS["create2"] = _FORMS["createContainer"] = _FORMS["create"]
_FORMS = {name: [part.split(":") for part in form.split()] for name, form in _FORMS.items()}


def _fields(name, reader):
    take = {"n": reader.number, "l": reader.long, "f": reader.flag, "b": reader.buffer,
            "a": reader.acl, "v": lambda: reader.vector(reader.buffer)}
    return {field: take[kind]() for field, kind in _FORMS.get(name, [])}


def fields(op, body):
    """Name and value of what a request holds; empty when its body is not what it should be."""
    try:
        return _fields(OP_NAMES.get(op), Reader(body))
    except Malformed:
        return {}


def parts(body):
    """(opcode, fields) of the parts of a multi, as far as they can be read."""
    reader, found = Reader(body), []
    try:
        while True:
            op, done, _ = reader.number(), reader.flag(), reader.number()
            if done:
                return found
            name = OP_NAMES.get(op)
            if name not in _FORMS:
                return found
            found.append((op, _fields(name, reader)))
    except Malformed:
        return found


def _shown(value):
    if isinstance(value, (bytes, bytearray)):
        text = repr(bytes(value))[1:]
        return text if len(text) < 70 else f"{text[:40]}... ({len(value)} bytes)"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(map(_shown, value)) + "]"
    return "null" if value is None else str(value)


def describe(op, body):
    """A request as a reader wants to see it."""
    name = OP_NAMES.get(op, f"opcode {op}")
    if name in ("multi", "multiRead"):
        return f"{name} of {{" + "; ".join(
            f"{OP_NAMES.get(kind, kind)} " + _listed(values) for kind, values in parts(body)) + "}" + (
                "" if body.endswith(_PART.pack(-1, True, -1)) else f" as {body.hex()}")
    reader = Reader(body)
    try:
        text = _listed(_fields(name, reader))
        left = reader.rest()
    except Malformed:
        text, left = "", body
    return " ".join(filter(None, (name, text, left and f"and the bytes {_shown(left)}")))


def _listed(values):
    return " ".join(f"{key}={_shown(value)}" for key, value in values.items())
